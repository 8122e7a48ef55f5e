/** Compares the block files on disks with the blocks that files refer to (gc.md section 11, 17). */
package org.eggsfs.gc.audit;
