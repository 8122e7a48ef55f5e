package org.eggsfs.gc.repair;

import org.eggsfs.gc.Counters;
import org.eggsfs.gc.Counters.Counter;

/** What the repairs of a job did; any thread counts. */
public final class RepairCounters {
  /** Files of which at least one block was replaced. */
  public final Counter repairedFiles;

  /** Blocks replaced by a copy of their own bytes. */
  public final Counter copiedBlocks;

  /** Blocks replaced by bytes computed from other blocks. */
  public final Counter rebuiltBlocks;

  /** Bytes of replaced blocks, copied or rebuilt. */
  public final Counter replacedBytes;

  /** Bytes read from block services for it. */
  public final Counter readBytes;

  /** Blocks that turned out to be damaged or missing while they were read. */
  public final Counter foundBadBlocks;

  /** Exchanges refused because somebody else had changed the span. */
  public final Counter conflicts;

  /** Replacement blocks that a block service did not take. */
  public final Counter failedWrites;

  /** Files skipped because they are not linked. */
  public final Counter skippedFiles;

  /** Scratch files made. */
  public final Counter scratchFiles;

  /** Nothing done yet; the counters show among those of the job, each with "repair_" before it. */
  public RepairCounters(Counters job) {
    repairedFiles = job.counter("repair_repaired_files");
    copiedBlocks = job.counter("repair_copied_blocks");
    rebuiltBlocks = job.counter("repair_rebuilt_blocks");
    replacedBytes = job.counter("repair_replaced_bytes");
    readBytes = job.counter("repair_read_bytes");
    foundBadBlocks = job.counter("repair_found_bad_blocks");
    conflicts = job.counter("repair_conflicts");
    failedWrites = job.counter("repair_failed_writes");
    skippedFiles = job.counter("repair_skipped_files");
    scratchFiles = job.counter("repair_scratch_files");
  }

  /** Blocks replaced either way. */
  public long replacedBlocks() {
    return copiedBlocks.get() + rebuiltBlocks.get();
  }
}
