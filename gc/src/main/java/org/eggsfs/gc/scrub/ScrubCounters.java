package org.eggsfs.gc.scrub;

import java.util.concurrent.atomic.LongAdder;

/** What scrubs did since the start; the fields are incremented by any thread. */
public final class ScrubCounters {
  /** Files whose blocks were looked at. */
  public final LongAdder visitedFiles = new LongAdder();

  /** Blocks that block services read and compared. */
  public final LongAdder checkedBlocks = new LongAdder();

  /** Their bytes. */
  public final LongAdder checkedBytes = new LongAdder();

  /** Blocks that were missing. */
  public final LongAdder missingBlocks = new LongAdder();

  /** Blocks with other bytes than they should have: damaged, truncated or misplaced. */
  public final LongAdder wrongBlocks = new LongAdder();

  /** Blocks that their disk could not read. */
  public final LongAdder unreadableBlocks = new LongAdder();

  /** Blocks not checked because their block service is decommissioned: migration's business. */
  public final LongAdder decommissionedBlocks = new LongAdder();

  /** Blocks not checked because their block service is stale or not to be read. */
  public final LongAdder skippedBlocks = new LongAdder();

  /** Blocks not checked because their block service did not answer, or its disk is broken. */
  public final LongAdder unreachableBlocks = new LongAdder();

  /** Files that were repaired. */
  public final LongAdder scrubbedFiles = new LongAdder();

  /** Blocks that were replaced. */
  public final LongAdder scrubbedBlocks = new LongAdder();

  /** Their bytes. */
  public final LongAdder scrubbedBytes = new LongAdder();

  /** Files that could not be looked at or repaired. */
  public final LongAdder failedFiles = new LongAdder();

  /** Spans that were read and compared with their CRC. */
  public final LongAdder sampledSpans = new LongAdder();

  /** Spans whose bytes do not match their CRC although all blocks are what they should be. */
  public final LongAdder wrongSpans = new LongAdder();

  /** Ended scans, all shards together. */
  public final LongAdder cycles = new LongAdder();

  /** Nothing done yet. */
  public ScrubCounters() {}
}
