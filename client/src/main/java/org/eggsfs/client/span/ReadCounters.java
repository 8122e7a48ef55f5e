package org.eggsfs.client.span;

import java.util.concurrent.atomic.LongAdder;

/** What readers did beyond plain fetching (client.md section 12). */
public final class ReadCounters {
  final LongAdder hedgesFired = new LongAdder();
  final LongAdder recoveries = new LongAdder();
  final LongAdder wrongBlocks = new LongAdder();
  final LongAdder repeatedReads = new LongAdder();

  /** Parity fetched because a block was slow. */
  public long hedgesFired() {
    return hedgesFired.sum();
  }

  /** Ranges recovered from parity. */
  public long recoveries() {
    return recoveries.sum();
  }

  /** Blocks whose pages were right but which were not the blocks they should be. */
  public long wrongBlocks() {
    return wrongBlocks.sum();
  }

  /** Reads tried again after no combination of blocks gave the data. */
  public long repeatedReads() {
    return repeatedReads.sum();
  }

  /** Counts a repeated read. */
  public void countRepeatedRead() {
    repeatedReads.increment();
  }
}
