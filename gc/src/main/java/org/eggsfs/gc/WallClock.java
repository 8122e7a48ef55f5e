package org.eggsfs.gc;

import java.time.Instant;
import org.eggsfs.core.Timestamps;

/** This host's clock in the system's form. */
public final class WallClock {
  private WallClock() {}

  /** Nanoseconds since 1970. */
  public static long nanos() {
    return Timestamps.of(Instant.now());
  }
}
