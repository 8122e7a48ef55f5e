package org.eggsfs.shuckle.server;

import java.util.HashMap;
import java.util.Map;

/**
 * Which block services have been silent for long (shuckle.md section 5), by a clock that never
 * steps: however the wall clock is set, it makes nobody silent, and times of registration from when
 * it was ahead keep no dead disk alive.
 *
 * <p>Nobody can register while this process is not there or stands still (stopped, suspended with
 * its machine, swapped out). So everybody counts as heard of at the start, and after a gap between
 * two looks.
 *
 * <p>Times are nanoseconds of {@link org.eggsfs.net.HostClock#nanoTime}. Not thread-safe.
 */
final class Silence {
  private final Map<Long, Long> heard = new HashMap<>();
  private long countedFrom;
  private long lastLook;

  /** Counts from now on. */
  Silence(long nanos) {
    countedFrom = nanos;
    lastLook = nanos;
  }

  /** The block service has registered. */
  void heard(long id, long nanos) {
    heard.put(id, nanos);
  }

  /**
   * Begins to look for silent ones.
   *
   * @param gapNanosMax what is usual between two looks
   * @return whether there was a gap, so that it is counted from now on
   */
  boolean look(long nanos, long gapNanosMax) {
    boolean gap = nanos - lastLook > gapNanosMax;
    lastLook = nanos;
    if (gap) {
      countedFrom = nanos;
    }
    return gap;
  }

  /** Whether the service has been silent for the whole of the delay. */
  boolean isSilent(long id, long nanos, long delayNanos) {
    return nanos - countedFrom >= delayNanos
        && nanos - heard.getOrDefault(id, countedFrom) >= delayNanos;
  }
}
