package org.eggsfs.gc.destruct;

import java.util.concurrent.TimeUnit;

/**
 * How transient files are destroyed.
 *
 * @param slackNanos how long after its deadline a file is left alone, since clocks differ
 * @param workersPerShard files of a shard that are destroyed at the same time
 * @param erasesPerBlockService blocks of one block service that are erased at the same time
 * @param erasesPerSecond of the whole process; 0 = unlimited
 * @param cycleNanosMin from the beginning of one cycle over a shard to the next
 */
public record DestructConfig(
    long slackNanos,
    int workersPerShard,
    int erasesPerBlockService,
    double erasesPerSecond,
    long cycleNanosMin) {
  /** What the daemon does by default. */
  public static final DestructConfig DEFAULT =
      new DestructConfig(TimeUnit.MINUTES.toNanos(5), 10, 16, 0, TimeUnit.MINUTES.toNanos(10));

  /** Checks the values. */
  public DestructConfig {
    if (slackNanos < 0 || cycleNanosMin < 0 || !(erasesPerSecond >= 0)) {
      throw new IllegalArgumentException("times and rates are not negative");
    }
    if (workersPerShard < 1 || erasesPerBlockService < 1) {
      throw new IllegalArgumentException("at least one worker and one erasure at a time");
    }
  }

  /** With another slack. */
  public DestructConfig withSlack(long nanos) {
    return new DestructConfig(
        nanos, workersPerShard, erasesPerBlockService, erasesPerSecond, cycleNanosMin);
  }

  /** With another number of workers. */
  public DestructConfig withWorkersPerShard(int workers) {
    return new DestructConfig(
        slackNanos, workers, erasesPerBlockService, erasesPerSecond, cycleNanosMin);
  }

  /** With another rate; 0 = unlimited. */
  public DestructConfig withErasesPerSecond(double rate) {
    return new DestructConfig(
        slackNanos, workersPerShard, erasesPerBlockService, rate, cycleNanosMin);
  }

  /** With another minimum time between cycles. */
  public DestructConfig withCycleMin(long nanos) {
    return new DestructConfig(
        slackNanos, workersPerShard, erasesPerBlockService, erasesPerSecond, nanos);
  }
}
