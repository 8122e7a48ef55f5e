package org.eggsfs.client.metadata;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How long to wait for an answer and when to give up (client.md section 2.2).
 *
 * @param initialNanos timeout of the first attempt
 * @param maxNanos longest timeout of one attempt
 * @param overallNanos when to give up, counted from the first attempt; 0 = never
 */
public record RetryPolicy(long initialNanos, long maxNanos, long overallNanos) {
  /** Each attempt's timeout is about this much longer than the one before. */
  private static final double GROWTH = 1.5;

  /** Spread of the growth, so that clients that lost packets together do not return together. */
  private static final double JITTER = 0.1;

  private static final long MILLISECOND = 1_000_000;

  /** Of a shard request. */
  public static final RetryPolicy SHARD = ofMillis(100, 2_000, 10_000);

  /** Of a CDC request. */
  public static final RetryPolicy CDC = ofMillis(1_000, 10_000, 60_000);

  /** Checks the values. */
  public RetryPolicy {
    if (initialNanos <= 0 || maxNanos < initialNanos || overallNanos < 0) {
      throw new IllegalArgumentException(
          "retry times must satisfy 0 < initial <= max and 0 <= overall");
    }
  }

  /** From milliseconds. */
  public static RetryPolicy ofMillis(long initial, long max, long overall) {
    return new RetryPolicy(initial * MILLISECOND, max * MILLISECOND, overall * MILLISECOND);
  }

  /** The same, given up after that time. */
  public RetryPolicy withOverall(Duration overall) {
    return new RetryPolicy(initialNanos, maxNanos, overall.toNanos());
  }

  /** Whether to give up that long after the request began. */
  public boolean isOver(long elapsedNanos) {
    return overallNanos > 0 && elapsedNanos >= overallNanos;
  }

  /** Timeout of the attempt that is made that long after the request began. */
  long attemptNanos(long elapsedNanos) {
    return attemptNanos(elapsedNanos, ThreadLocalRandom.current().nextDouble() - 0.5);
  }

  /**
   * The same with a given spread.
   *
   * @param spread random, from -0.5 to 0.5
   */
  public long attemptNanos(long elapsedNanos, double spread) {
    long wholeMillis = elapsedNanos / MILLISECOND * MILLISECOND;
    double growth = GROWTH * (1 + JITTER * spread);
    return Math.min(maxNanos, initialNanos + (long) (wholeMillis * (growth - 1)));
  }
}
