package org.eggsfs.shuckle.server;

import org.eggsfs.net.HostClock;

/**
 * The time of entries and questions: the wall clock's, but never back, so that a later entry never
 * looks earlier. Where the wall clock was set back, it goes on from where it was at half the speed
 * until the two meet again. It must not stand still: leaders that were seen and disks that were
 * changed an hour ahead would stay new for an hour. Thread-safe.
 */
final class EntryClock {
  private static final int SLOWNESS = 2;

  private final HostClock clock;

  // Guarded by this.
  private long last;
  private long lastNanos;

  EntryClock(HostClock clock) {
    this.clock = clock;
    this.last = clock.wallNanos();
    this.lastNanos = clock.nanoTime();
  }

  /** Nanoseconds since the epoch, not below any earlier answer. */
  synchronized long now() {
    long nanos = clock.nanoTime();
    last = Math.max(clock.wallNanos(), last + (nanos - lastNanos) / SLOWNESS);
    lastNanos = nanos;
    return last;
  }
}
