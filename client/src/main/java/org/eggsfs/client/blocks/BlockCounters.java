package org.eggsfs.client.blocks;

import java.util.concurrent.atomic.LongAdder;

/** What the block channel did (client.md section 12). */
public final class BlockCounters {
  final LongAdder connects = new LongAdder();
  final LongAdder connectFailures = new LongAdder();
  final LongAdder deadConnections = new LongAdder();
  final LongAdder retries = new LongAdder();
  final LongAdder deadlines = new LongAdder();
  final LongAdder damagedPages = new LongAdder();
  final LongAdder completed = new LongAdder();
  final LongAdder failed = new LongAdder();

  BlockCounters() {}

  /** Connections established. */
  public long connects() {
    return connects.sum();
  }

  /** Connections that could not be established. */
  public long connectFailures() {
    return connectFailures.sum();
  }

  /** Connections that ended with requests outstanding. */
  public long deadConnections() {
    return deadConnections.sum();
  }

  /** Requests sent again because a reused connection had died. */
  public long retries() {
    return retries.sum();
  }

  /** Connections closed because nothing moved for too long. */
  public long deadlines() {
    return deadlines.sum();
  }

  /** Responses with a page that did not match its CRC. */
  public long damagedPages() {
    return damagedPages.sum();
  }

  /** Requests that succeeded. */
  public long completed() {
    return completed.sum();
  }

  /** Requests that failed. */
  public long failed() {
    return failed.sum();
  }
}
