/** consensus of EggsFS. */
package org.eggsfs.consensus;
