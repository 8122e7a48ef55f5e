package org.eggsfs.client;

import org.eggsfs.protocol.struct.DirectoryInfo;

/**
 * Attributes of an inode. Times are nanoseconds since 1970.
 *
 * @param id the inode
 * @param type 1 directory, 2 file, 3 symlink
 * @param size in bytes; 0 for a directory
 * @param mtime last change
 * @param atime last access; the last change for a directory
 * @param owner of a directory: its parent, the null id for the root and for removed directories
 * @param info of a directory: its own policies; null for others
 */
public record Stat(
    long id, int type, long size, long mtime, long atime, long owner, DirectoryInfo info) {}
