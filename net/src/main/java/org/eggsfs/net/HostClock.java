package org.eggsfs.net;

import java.time.Instant;

/** The two clocks of a machine, given to whatever must also run on virtual time. */
public interface HostClock {
  /** The machine's own clocks. */
  HostClock SYSTEM =
      new HostClock() {
        @Override
        public long wallNanos() {
          Instant now = Instant.now();
          return now.getEpochSecond() * 1_000_000_000L + now.getNano();
        }

        @Override
        public long nanoTime() {
          return System.nanoTime();
        }
      };

  /** Nanoseconds since 1970; may step. */
  long wallNanos();

  /** Nanoseconds since some moment; never steps. */
  long nanoTime();
}
