/** What lies on a block service's disk, byte by byte (blocks.md section 3). */
package org.eggsfs.blocks.format;
