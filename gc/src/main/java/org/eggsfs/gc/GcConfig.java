package org.eggsfs.gc;

import java.nio.file.Path;
import java.util.BitSet;
import java.util.Optional;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.metadata.RetryPolicy;
import org.eggsfs.gc.collect.CollectConfig;
import org.eggsfs.gc.destruct.DestructConfig;
import org.eggsfs.protocol.ProtocolConstants;

/**
 * What a daemon does, for which shards.
 *
 * @param dataDirectory an existing directory for cursors and status; null keeps nothing
 * @param shards the shards that collection, destruction and housekeeping visit
 * @param single whether each job does one cycle and ends
 * @param collect how directories are collected, if they are
 * @param destruct how files are destroyed, if they are
 * @param zeroBlockServiceFiles whether shards are asked to drop rows of no use
 * @param count whether inodes are counted
 */
public record GcConfig(
    Path dataDirectory,
    BitSet shards,
    boolean single,
    Optional<CollectConfig> collect,
    Optional<DestructConfig> destruct,
    boolean zeroBlockServiceFiles,
    boolean count) {
  /**
   * A shard that does not answer ends a cycle, which is then tried again and told about. Restarts
   * of servers are shorter.
   */
  private static final RetryPolicy SHARD_RETRY = RetryPolicy.ofMillis(500, 2_000, 60_000);

  private static final RetryPolicy CDC_RETRY = RetryPolicy.ofMillis(2_000, 10_000, 300_000);

  /** Keeps its own copy of the set. */
  public GcConfig {
    shards = (BitSet) shards.clone();
    if (shards.isEmpty() || shards.length() > ProtocolConstants.SHARD_COUNT) {
      throw new IllegalArgumentException("shards are 0 to 255, and at least one");
    }
  }

  @Override
  public BitSet shards() {
    return (BitSet) shards.clone();
  }

  /** All shards. */
  public static BitSet allShards() {
    return partition(0, 1);
  }

  /**
   * Every so manieth shard, so that several processes share the work.
   *
   * @throws IllegalArgumentException if the index is not below the count
   */
  public static BitSet partition(int index, int count) {
    if (count < 1 || count > ProtocolConstants.SHARD_COUNT || index < 0 || index >= count) {
      throw new IllegalArgumentException(
          "partition " + index + " of " + count + ": the index counts from 0, of 1 to 256");
    }
    BitSet shards = new BitSet();
    for (int shard = index; shard < ProtocolConstants.SHARD_COUNT; shard += count) {
      shards.set(shard);
    }
    return shards;
  }

  /** The daemon's patience with servers (gc.md section 1). */
  public static ClientConfig.Builder patient(ClientConfig.Builder client) {
    return client.shardRetry(SHARD_RETRY).cdcRetry(CDC_RETRY);
  }
}
