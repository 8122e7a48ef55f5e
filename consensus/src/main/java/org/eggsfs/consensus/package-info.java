/**
 * How decided entries become durable. A single node needs no log of its own: the effects of applied
 * entries and the applied index go into one synced batch of the store ({@link
 * org.eggsfs.consensus.GroupCommitter}), whose write-ahead log is the log.
 */
package org.eggsfs.consensus;
