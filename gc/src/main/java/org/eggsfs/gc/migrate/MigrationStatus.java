package org.eggsfs.gc.migrate;

import java.util.List;

/**
 * Where a migrator stands.
 *
 * @param scheduledServices block services being emptied, or watched because they are retired
 * @param servicesWithFiles those among them on which the last scan found files, or that have not
 *     been scanned yet
 * @param oldestServiceTime when the one of them with files that was retired first was retired, in
 *     nanoseconds since 1970; 0 if none has files
 * @param waitingFiles files that wait
 * @param filesInWork files in work
 * @param delayedFiles files that failed and wait for another attempt
 * @param filesLosing2 known files with a span that lost two blocks or more
 * @param filesLosing3 known files with a span that lost three blocks or more
 * @param filesAtRisk known files with a span that can lose no more blocks
 * @param hopeless files that have failed often
 * @param forgottenFiles files that failed and are left out for now, because too many fail; scans
 *     find them again
 */
public record MigrationStatus(
    int scheduledServices,
    int servicesWithFiles,
    long oldestServiceTime,
    int waitingFiles,
    int filesInWork,
    int delayedFiles,
    int filesLosing2,
    int filesLosing3,
    int filesAtRisk,
    List<Hopeless> hopeless,
    int forgottenFiles) {
  /**
   * A file that fails again and again.
   *
   * @param file its inode
   * @param attempts failures in a row
   * @param reason of the last one
   */
  public record Hopeless(long file, int attempts, String reason) {}

  /** Whether nothing is left to be moved. */
  public boolean isDone() {
    return servicesWithFiles == 0 && waitingFiles == 0 && filesInWork == 0 && delayedFiles == 0;
  }
}
