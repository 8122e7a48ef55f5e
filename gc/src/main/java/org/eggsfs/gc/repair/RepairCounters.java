package org.eggsfs.gc.repair;

import java.util.concurrent.atomic.LongAdder;

/** What repairs did since the start; the fields are incremented by any thread. */
public final class RepairCounters {
  /** Files of which at least one block was replaced. */
  public final LongAdder repairedFiles = new LongAdder();

  /** Blocks replaced by a copy of their own bytes. */
  public final LongAdder copiedBlocks = new LongAdder();

  /** Blocks replaced by bytes computed from other blocks. */
  public final LongAdder rebuiltBlocks = new LongAdder();

  /** Bytes of replaced blocks, copied or rebuilt. */
  public final LongAdder replacedBytes = new LongAdder();

  /** Bytes read from block services for it. */
  public final LongAdder readBytes = new LongAdder();

  /** Blocks that turned out to be damaged or missing while they were read. */
  public final LongAdder foundBadBlocks = new LongAdder();

  /** Exchanges refused because somebody else had changed the span. */
  public final LongAdder conflicts = new LongAdder();

  /** Replacement blocks that a block service did not take. */
  public final LongAdder failedWrites = new LongAdder();

  /** Files skipped because they are not linked. */
  public final LongAdder skippedFiles = new LongAdder();

  /** Scratch files made. */
  public final LongAdder scratchFiles = new LongAdder();

  /** Nothing done yet. */
  public RepairCounters() {}

  /** Blocks replaced either way. */
  public long replacedBlocks() {
    return copiedBlocks.sum() + rebuiltBlocks.sum();
  }
}
