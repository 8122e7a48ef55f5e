package org.eggsfs.client;

/**
 * What a path leads to.
 *
 * @param id the inode; its type is in its bits
 * @param creationTime of the last edge, 0 for the root
 * @param ownerId the directory that holds the name; the null id for the root
 * @param name the last component; empty for the root
 */
public record ResolvedPath(long id, long creationTime, long ownerId, byte[] name) {}
