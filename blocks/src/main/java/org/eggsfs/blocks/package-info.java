/** The block server: immutable blobs on disks (blocks.md). */
package org.eggsfs.blocks;
