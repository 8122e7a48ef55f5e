package org.eggsfs.gc.repair;

import java.io.InterruptedIOException;
import java.time.Duration;

/** Interruption is how a job is told to end; it travels as an exception of I/O. */
public final class Interrupts {
  private Interrupts() {}

  /** Keeps the thread's flag set, for those further up. */
  public static InterruptedIOException whileDoing(String what, InterruptedException cause) {
    Thread.currentThread().interrupt();
    InterruptedIOException interrupted = new InterruptedIOException("interrupted while " + what);
    interrupted.initCause(cause);
    return interrupted;
  }

  /** How a job of the daemon tells that it was interrupted; the flag is cleared as usual then. */
  public static InterruptedException ofJob(InterruptedIOException cause) {
    boolean wasSet = Thread.interrupted();
    InterruptedException interrupted =
        new InterruptedException(wasSet ? "interrupted" : cause.getMessage());
    interrupted.initCause(cause);
    return interrupted;
  }

  /** Sleeps; the interruption of a job ends the sleep. */
  public static void sleepNanos(long nanos) throws InterruptedIOException {
    try {
      Thread.sleep(Duration.ofNanos(nanos));
    } catch (InterruptedException e) {
      throw whileDoing("pausing", e);
    }
  }
}
