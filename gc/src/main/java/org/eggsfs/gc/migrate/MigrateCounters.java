package org.eggsfs.gc.migrate;

import org.eggsfs.gc.Counters;
import org.eggsfs.gc.repair.RepairCounters;

/** What migrations did since the start; any thread counts. */
public final class MigrateCounters extends Counters {
  /** Files of which at least one block was moved. */
  public final Counter migratedFiles = counter("migrated_files");

  /** Blocks moved. */
  public final Counter migratedBlocks = counter("migrated_blocks");

  /** Bytes of moved blocks. */
  public final Counter migratedBytes = counter("migrated_bytes");

  /** Attempts on files that failed; they are repeated. */
  public final Counter failedFiles = counter("failed_files");

  /** Ended scans of block services. */
  public final Counter scans = counter("scans");

  /** What its repairs did. */
  public final RepairCounters repairs = new RepairCounters(this);

  /** Nothing done yet. */
  public MigrateCounters() {
    super("migrate");
  }
}
