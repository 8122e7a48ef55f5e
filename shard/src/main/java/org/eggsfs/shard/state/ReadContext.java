package org.eggsfs.shard.state;

/**
 * Everything {@link ShardState#read} may look at besides state and request.
 *
 * @param signedChannel whether the answer goes out in a signed frame, which leaves less room
 * @param blockServices the block service cache, for addresses and flags in span listings
 */
public record ReadContext(boolean signedChannel, BlockServices blockServices) {}
