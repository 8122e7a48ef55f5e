/** cli of EggsFS. */
package org.eggsfs.cli;
