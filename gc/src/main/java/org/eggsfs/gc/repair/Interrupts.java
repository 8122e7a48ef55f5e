package org.eggsfs.gc.repair;

import java.io.InterruptedIOException;

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

  /** Sleeps; the interruption of a job ends the sleep. */
  public static void sleepNanos(long nanos) throws InterruptedIOException {
    try {
      Thread.sleep(java.time.Duration.ofNanos(nanos));
    } catch (InterruptedException e) {
      throw whileDoing("pausing", e);
    }
  }
}
