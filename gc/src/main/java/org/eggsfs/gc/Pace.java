package org.eggsfs.gc;

import java.util.concurrent.TimeUnit;

/**
 * Keeps all threads of a job together below a rate: a token bucket that holds at most what one
 * second brings, so that a pause is not made up for by a burst. Thread-safe.
 */
public final class Pace {
  private final double nanosEach;
  private final long burstNanos;
  private long paidUntilNanos;

  /**
   * A pace.
   *
   * @param perSecond how many per second; 0 = unlimited
   */
  public Pace(double perSecond) {
    if (!(perSecond >= 0)) {
      throw new IllegalArgumentException("a rate is not negative");
    }
    nanosEach = perSecond == 0 ? 0 : TimeUnit.SECONDS.toNanos(1) / perSecond;
    burstNanos = TimeUnit.SECONDS.toNanos(1);
    paidUntilNanos = System.nanoTime() - burstNanos;
  }

  /** Waits until so many more are within the rate. More than a second's worth is waited for too. */
  public void acquire(long count) throws InterruptedException {
    if (nanosEach == 0) {
      return;
    }
    long waitNanos = reserve(System.nanoTime(), count);
    if (waitNanos > 0) {
      TimeUnit.NANOSECONDS.sleep(waitNanos);
    }
  }

  /** Takes the tokens and tells how long to wait before using them. */
  synchronized long reserve(long nowNanos, long count) {
    if (nowNanos - paidUntilNanos > burstNanos) {
      paidUntilNanos = nowNanos - burstNanos;
    }
    paidUntilNanos += (long) (count * nanosEach);
    return paidUntilNanos - nowNanos;
  }
}
