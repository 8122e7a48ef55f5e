package org.eggsfs.gc.repair;

import java.io.InterruptedIOException;

/**
 * Spreads work evenly over time. Each caller reserves the next moment and sleeps until then, so
 * that a late one is not punished by those behind it; idle time is not saved up, except for a tenth
 * of a second. Thread-safe.
 */
public final class Pace {
  private static final long CREDIT_NANOS_MAX = 100_000_000L;

  private final double nanosPerUnit;
  private long nextNanos;
  private boolean started;

  /**
   * A pace.
   *
   * @param unitsPerSecond 0 for no limit
   */
  public Pace(double unitsPerSecond) {
    if (!(unitsPerSecond >= 0)) {
      throw new IllegalArgumentException("a pace of " + unitsPerSecond + " per second");
    }
    this.nanosPerUnit = unitsPerSecond == 0 ? 0 : 1e9 / unitsPerSecond;
  }

  /** Waits for the turn of that many units. */
  public void await(long units) throws InterruptedIOException {
    long wait = reserve(units, System.nanoTime());
    if (wait > 0) {
      Interrupts.sleepNanos(wait);
    }
  }

  /** How long the caller is to wait from now. */
  synchronized long reserve(long units, long nowNanos) {
    if (nanosPerUnit == 0) {
      return 0;
    }
    long earliest = nowNanos - CREDIT_NANOS_MAX;
    if (!started || nextNanos - earliest < 0) {
      nextNanos = started ? earliest : nowNanos;
      started = true;
    }
    long wait = Math.max(0, nextNanos - nowNanos);
    nextNanos += (long) (units * nanosPerUnit);
    return wait;
  }
}
