package org.eggsfs.shard.state;

/**
 * Blocks of an answer, in order: what their certificates are made from (shard.md section 11.2).
 *
 * @param services block service of each block
 * @param blocks id of each block
 * @param crcs CRC of each block; used by write certificates
 * @param sizes bytes of each block; used by write certificates
 */
record HandedOutBlocks(long[] services, long[] blocks, int[] crcs, long[] sizes) {}
