package org.eggsfs.gc;

import java.util.List;
import org.eggsfs.net.Measurement;

/**
 * A job of the daemon. {@link #run} does it over and over until it is interrupted, or once when the
 * job was made so. When it returns, everything it started has ended.
 */
public interface GcJob {
  /** A short name for logs and files. */
  String name();

  /** What it did. */
  Counters counters();

  /** For dashboards, besides the counters; called by any thread. */
  default List<Measurement> measurements() {
    return List.of();
  }

  /** Works on the calling thread and on threads of its own, which end before it returns. */
  void run() throws InterruptedException;
}
