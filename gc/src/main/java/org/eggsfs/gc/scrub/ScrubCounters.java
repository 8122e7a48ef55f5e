package org.eggsfs.gc.scrub;

import org.eggsfs.gc.Counters;
import org.eggsfs.gc.repair.RepairCounters;

/** What scrubs did since the start; any thread counts. */
public final class ScrubCounters extends Counters {
  /** Files whose blocks were looked at. */
  public final Counter visitedFiles = counter("visited_files");

  /** Blocks that block services read and compared. */
  public final Counter checkedBlocks = counter("checked_blocks");

  /** Their bytes. */
  public final Counter checkedBytes = counter("checked_bytes");

  /** Blocks that were missing. */
  public final Counter missingBlocks = counter("missing_blocks");

  /** Blocks with other bytes than they should have: damaged, truncated or misplaced. */
  public final Counter wrongBlocks = counter("wrong_blocks");

  /** Blocks that their disk could not read. */
  public final Counter unreadableBlocks = counter("unreadable_blocks");

  /** Blocks not checked because their block service is decommissioned: migration's business. */
  public final Counter decommissionedBlocks = counter("decommissioned_blocks");

  /** Blocks not checked because their block service is stale or not to be read. */
  public final Counter skippedBlocks = counter("skipped_blocks");

  /** Blocks not checked because their block service did not answer, or its disk is broken. */
  public final Counter unreachableBlocks = counter("unreachable_blocks");

  /** Files that were repaired. */
  public final Counter scrubbedFiles = counter("scrubbed_files");

  /** Blocks that were replaced. */
  public final Counter scrubbedBlocks = counter("scrubbed_blocks");

  /** Their bytes. */
  public final Counter scrubbedBytes = counter("scrubbed_bytes");

  /** Files that could not be looked at or repaired. */
  public final Counter failedFiles = failureCounter("failed_files");

  /** Scans of shards that broke off because the shard did not list its files. */
  public final Counter failedShards = failureCounter("failed_shards");

  /** Spans that were read and compared with their CRC. */
  public final Counter sampledSpans = counter("sampled_spans");

  /** Spans whose bytes do not match their CRC although all blocks are what they should be. */
  public final Counter wrongSpans = failureCounter("wrong_spans");

  /** Ended scans, all shards together. */
  public final Counter cycles = counter("cycles");

  /** What its repairs did. */
  public final RepairCounters repairs = new RepairCounters(this);

  /** Nothing done yet. */
  public ScrubCounters() {
    super("scrub");
  }
}
