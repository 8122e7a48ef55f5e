package org.eggsfs.gc.migrate;

import java.time.Duration;
import org.eggsfs.gc.repair.RepairSettings;

/**
 * How a migrator works.
 *
 * @param migratorIndex which share of the files is this process's, from 0
 * @param migratorCount how many processes share the files; by inode number, so they never meet
 * @param failureDomain only block services of this failure domain; null for all
 * @param logOnly whether to say only what would be done
 * @param filesAtOnce files in work at the same time
 * @param pollInterval between looks at the shuckle's list
 * @param confirmInterval after which a block service that was found empty is looked at once more:
 *     longer than a file may stay unlinked, since such files are found only when they are linked
 * @param repair how blocks are replaced
 */
public record MigrateSettings(
    int migratorIndex,
    int migratorCount,
    String failureDomain,
    boolean logOnly,
    int filesAtOnce,
    Duration pollInterval,
    Duration confirmInterval,
    RepairSettings repair) {
  /** The one migrator of a cluster with the default deadline of transient files. */
  public static final MigrateSettings DEFAULT =
      new MigrateSettings(
          0,
          1,
          null,
          false,
          16,
          Duration.ofMinutes(1),
          Duration.ofMinutes(130),
          RepairSettings.DEFAULT);

  private static final int FILES_AT_ONCE_MAX = 1000;

  /** Checks the values. */
  public MigrateSettings {
    if (migratorCount < 1 || migratorIndex < 0 || migratorIndex >= migratorCount) {
      throw new IllegalArgumentException(
          "there is no migrator " + migratorIndex + " of " + migratorCount);
    }
    if (filesAtOnce < 1 || filesAtOnce > FILES_AT_ONCE_MAX) {
      throw new IllegalArgumentException("1 to " + FILES_AT_ONCE_MAX + " files at once");
    }
    if (!isPositive(pollInterval) || !isPositive(confirmInterval)) {
      throw new IllegalArgumentException("intervals of migration must be positive");
    }
  }

  private static boolean isPositive(Duration duration) {
    return !duration.isNegative() && !duration.isZero();
  }

  /** Whether the file is this migrator's. */
  boolean isMine(long file) {
    return Long.remainderUnsigned(file >>> 8, migratorCount) == migratorIndex;
  }
}
