/**
 * The client library. {@link org.eggsfs.client.EggsClient} is the entry: it sends requests and
 * leads to the operations by path, by inode id and to file streams; the tree walk stands beside it.
 */
package org.eggsfs.client;
