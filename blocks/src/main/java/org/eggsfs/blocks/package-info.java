/** blocks of EggsFS. */
package org.eggsfs.blocks;
