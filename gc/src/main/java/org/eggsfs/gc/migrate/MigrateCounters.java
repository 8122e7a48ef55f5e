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
  public final Counter failedFiles = failureCounter("failed_files");

  /** Ended scans of block services. */
  public final Counter scans = counter("scans");

  /** Now: block services being emptied or watched. */
  public final Counter scheduledServices = counter("scheduled_services");

  /** Now: those of them with files. */
  public final Counter servicesWithFiles = counter("services_with_files");

  /** When the first of those was retired, in nanoseconds since 1970; 0 = none. */
  public final Counter oldestServiceTime = counter("oldest_service_time");

  /** Now: files found and not moved yet. */
  public final Counter remainingFiles = counter("remaining_files");

  /** Now: those of them with a span that lost two blocks or more. */
  public final Counter filesLosing2 = counter("files_losing_2");

  /** Now: those with a span that lost three blocks or more. */
  public final Counter filesLosing3 = counter("files_losing_3");

  /** Now: those with a span that can lose no more. */
  public final Counter filesAtRisk = counter("files_at_risk");

  /** Now: those that failed again and again. */
  public final Counter hopelessFiles = counter("hopeless_files");

  /** Now: those that failed and were forgotten until they are found again: too many fail. */
  public final Counter forgottenFiles = counter("forgotten_files");

  /** How often a found file had no place among those that wait; later scans find it again. */
  public final Counter leftOutFiles = counter("left_out_files");

  /** What its repairs did. */
  public final RepairCounters repairs = new RepairCounters(this);

  /** Nothing done yet. */
  public MigrateCounters() {
    super("migrate");
  }
}
