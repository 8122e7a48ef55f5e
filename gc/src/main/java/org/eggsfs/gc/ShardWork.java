package org.eggsfs.gc;

import java.util.concurrent.TimeUnit;

/**
 * How hard a job works on shards.
 *
 * @param workersPerShard inodes of a shard in work at the same time
 * @param perSecond removals or erasures of the whole process; 0 = unlimited
 * @param cycleNanosMin from the beginning of one cycle over a shard to the next
 */
public record ShardWork(int workersPerShard, double perSecond, long cycleNanosMin) {
  /** What the daemon does by default. */
  public static final ShardWork DEFAULT = new ShardWork(10, 0, TimeUnit.MINUTES.toNanos(10));

  /** Checks the values. */
  public ShardWork {
    if (workersPerShard < 1) {
      throw new IllegalArgumentException("at least one worker for a shard");
    }
    if (cycleNanosMin < 0 || !(perSecond >= 0)) {
      throw new IllegalArgumentException("times and rates are not negative");
    }
  }

  /** The default with another minimum time between cycles. */
  public static ShardWork everyNanos(long cycleNanosMin) {
    return new ShardWork(DEFAULT.workersPerShard, DEFAULT.perSecond, cycleNanosMin);
  }
}
