package org.eggsfs.shard.state;

import java.util.function.DoubleSupplier;
import org.eggsfs.store.View;

/**
 * Everything {@link ShardState#prepare} may look at besides the request (shard.md section 4.4).
 *
 * @param view the newest state at hand; it may be older than the state the entry is applied to
 * @param time of the entry, from {@link EntryTimes#next}
 * @param signedChannel whether the request came over the signed CDC or admin channel
 * @param blockServices the block service cache
 * @param random for picking block services
 */
public record PrepareContext(
    View view,
    long time,
    boolean signedChannel,
    BlockServices blockServices,
    DoubleSupplier random) {}
