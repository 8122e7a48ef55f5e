package org.eggsfs.gc.collect;

import java.util.concurrent.TimeUnit;

/**
 * How directories are collected.
 *
 * @param minEdgeAgeNanos for how long an edge must have been past before it goes, whatever the
 *     policy says: operations of the CDC and repeated requests of clients look at edges that were
 *     just left behind. 0 only in tests
 * @param workersPerShard directories of a shard that are collected at the same time
 * @param removalsPerDirectory removals in one directory at the same time
 * @param removalsPerSecond of the whole process; 0 = unlimited
 * @param cycleNanosMin from the beginning of one cycle over a shard to the next
 */
public record CollectConfig(
    long minEdgeAgeNanos,
    int workersPerShard,
    int removalsPerDirectory,
    double removalsPerSecond,
    long cycleNanosMin) {
  /** What the daemon does by default. */
  public static final CollectConfig DEFAULT =
      new CollectConfig(TimeUnit.HOURS.toNanos(1), 10, 32, 0, TimeUnit.MINUTES.toNanos(10));

  /** Checks the values. */
  public CollectConfig {
    if (minEdgeAgeNanos < 0 || cycleNanosMin < 0 || !(removalsPerSecond >= 0)) {
      throw new IllegalArgumentException("ages, times and rates are not negative");
    }
    if (workersPerShard < 1 || removalsPerDirectory < 1) {
      throw new IllegalArgumentException("at least one worker and one removal at a time");
    }
  }

  /** With another minimum age. */
  public CollectConfig withMinEdgeAge(long nanos) {
    return new CollectConfig(
        nanos, workersPerShard, removalsPerDirectory, removalsPerSecond, cycleNanosMin);
  }

  /** With another number of workers. */
  public CollectConfig withWorkersPerShard(int workers) {
    return new CollectConfig(
        minEdgeAgeNanos, workers, removalsPerDirectory, removalsPerSecond, cycleNanosMin);
  }

  /** With another rate; 0 = unlimited. */
  public CollectConfig withRemovalsPerSecond(double rate) {
    return new CollectConfig(
        minEdgeAgeNanos, workersPerShard, removalsPerDirectory, rate, cycleNanosMin);
  }

  /** With another minimum time between cycles. */
  public CollectConfig withCycleMin(long nanos) {
    return new CollectConfig(
        minEdgeAgeNanos, workersPerShard, removalsPerDirectory, removalsPerSecond, nanos);
  }
}
