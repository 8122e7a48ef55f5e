package org.eggsfs.sim.kernel;

import org.eggsfs.net.HostClock;

/** A machine's clocks: off by some, too fast or too slow, and sometimes set. */
public final class SimClock implements HostClock {
  /** When all runs begin, nanoseconds since 1970. */
  public static final long EPOCH_NANOS = 1_700_000_000_000_000_000L;

  private final Scheduler scheduler;
  private final double rate;
  private final long monotonicStart;
  private long offsetNanos;

  /**
   * A clock.
   *
   * @param rate seconds that it counts in a second
   * @param monotonicStart where the clock that never steps begins
   */
  public SimClock(Scheduler scheduler, long offsetNanos, double rate, long monotonicStart) {
    this.scheduler = scheduler;
    this.offsetNanos = offsetNanos;
    this.rate = rate;
    this.monotonicStart = monotonicStart;
  }

  @Override
  public long wallNanos() {
    return EPOCH_NANOS + elapsed() + offsetNanos;
  }

  @Override
  public long nanoTime() {
    return monotonicStart + elapsed();
  }

  private long elapsed() {
    return (long) (scheduler.nowNanos() * rate);
  }

  /** Virtual nanoseconds in which this clock counts {@code nanos}, at least one more. */
  public long virtualNanos(long nanos) {
    return (long) (nanos / rate) + 1;
  }

  /** Sets the wall clock, forward or back. */
  public void setOffset(long nanos) {
    offsetNanos = nanos;
  }
}
