package org.eggsfs.run;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Tells on standard output when a server is really of use; drivers wait for this line. */
final class Readiness {
  private static final long POLL_NANOS = 20_000_000;

  private Readiness() {}

  /** Prints {@code line} from a thread of its own as soon as {@code ready} says so. */
  static void announceWhen(BooleanSupplier ready, String line) {
    Thread.ofPlatform()
        .daemon()
        .name("readiness")
        .start(
            () -> {
              while (!ready.getAsBoolean()) {
                LockSupport.parkNanos(POLL_NANOS);
              }
              System.out.println(line);
              System.out.flush();
            });
  }
}
