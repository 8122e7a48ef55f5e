package org.eggsfs.cli;

/**
 * What a tree walk comes by.
 *
 * @param path its full path
 * @param name its last component
 * @param id the inode
 * @param creationTime of the edge; 0 for the root
 * @param current whether the edge is a current one
 * @param owned whether the edge owns its target; a current one always does
 */
record WalkedEntry(
    String path, String name, long id, long creationTime, boolean current, boolean owned) {}
