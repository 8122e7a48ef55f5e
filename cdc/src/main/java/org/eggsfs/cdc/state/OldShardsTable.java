package org.eggsfs.cdc.state;

import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code oldShards}: shards that did not know our own messages when they were last asked,
 * because they are TernFS's. Key: the shard. Value: version u8, time u64 from which on they are
 * asked again, since they may have been replaced by ours. At most one row for each shard.
 */
final class OldShardsTable {
  private static final int VERSION = 1;

  /** As long as clients believe the same of a server. */
  private static final long LIFE_NANOS = 600_000_000_000L;

  private OldShardsTable() {}

  static boolean contains(View view, int shard, long time) {
    byte[] value = view.get(Keys.of(Keys.OLD_SHARDS, shard));
    return value != null && time < Keys.open(value, VERSION).getLong();
  }

  static void put(WriteTarget target, int shard, long time) {
    target.put(
        Keys.of(Keys.OLD_SHARDS, shard),
        Keys.value(VERSION, Long.BYTES).putLong(time + LIFE_NANOS).array());
  }
}
