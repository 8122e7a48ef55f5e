/**
 * The client library. {@link org.eggsfs.client.EggsClient} is the entry: metadata requests, path
 * operations, file streams, policies and the tree walk.
 */
package org.eggsfs.client;
