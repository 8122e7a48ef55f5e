/**
 * The block server's access to its disks: every call to a file system goes through {@link
 * org.eggsfs.blocks.disk.DiskFiles}, so that a hanging one is noticed and tests can make one fail.
 */
package org.eggsfs.blocks.disk;
