package org.eggsfs.gc;

/**
 * A job of the daemon. {@link #run} does it over and over until it is interrupted, or once when the
 * job was made so. When it returns, everything it started has ended.
 */
public interface GcJob {
  /** A short name for logs and files. */
  String name();

  /** What it did. */
  Counters counters();

  /** Works on the calling thread and on threads of its own, which end before it returns. */
  void run() throws InterruptedException;
}
