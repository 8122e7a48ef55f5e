package org.eggsfs.client;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.TimeUnit;
import org.eggsfs.protocol.EggsException;

/**
 * Waits for locks and clocks of servers that are somebody else's for a moment (client.md section
 * 4).
 */
final class Patience {
  private static final long LOCKED_NANOS_MAX = TimeUnit.SECONDS.toNanos(1);
  private static final long LOCKED_PAUSE_MILLIS_MIN = 2;
  private static final long LOCKED_PAUSE_MILLIS_MAX = 100;

  private Patience() {}

  /** An operation that may be run again as a whole. */
  interface Work<T> {
    T run() throws EggsException, IOException;
  }

  /** Tries again for about a second what is refused only for the moment. */
  static <T> T patiently(Work<T> work) throws EggsException, IOException {
    long startNanos = System.nanoTime();
    long pauseMillis = LOCKED_PAUSE_MILLIS_MIN;
    while (true) {
      try {
        return work.run();
      } catch (EggsException e) {
        boolean passing =
            switch (e.code()) {
              case NAME_IS_LOCKED,
                  EDGE_IS_LOCKED,
                  MTIME_IS_TOO_RECENT,
                  MORE_RECENT_SNAPSHOT_EDGE,
                  MORE_RECENT_CURRENT_EDGE ->
                  true;
              default -> false;
            };
        if (!passing || System.nanoTime() - startNanos > LOCKED_NANOS_MAX) {
          throw e;
        }
      }
      try {
        Thread.sleep(pauseMillis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw (InterruptedIOException)
            new InterruptedIOException("interrupted while waiting for a lock").initCause(e);
      }
      pauseMillis = Math.min(2 * pauseMillis, LOCKED_PAUSE_MILLIS_MAX);
    }
  }
}
