/**
 * The shuckle: where the shards, the CDC and the block services are, and which disks each shard may
 * write to now. {@code state} decides, {@code server} has the sockets, threads and the disk.
 */
package org.eggsfs.shuckle;
