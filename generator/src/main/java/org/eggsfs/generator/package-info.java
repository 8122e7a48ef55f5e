/** generator of EggsFS. */
package org.eggsfs.generator;
