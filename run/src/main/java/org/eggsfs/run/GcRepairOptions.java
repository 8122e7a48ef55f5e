package org.eggsfs.run;

import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.client.EggsClient;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Cursors;
import org.eggsfs.gc.GcJob;
import org.eggsfs.gc.defrag.DefragJob;
import org.eggsfs.gc.defrag.DefragSettings;
import org.eggsfs.gc.migrate.MigrateJob;
import org.eggsfs.gc.migrate.MigrateSettings;
import org.eggsfs.gc.repair.RepairSettings;
import org.eggsfs.gc.scrub.ScrubJob;
import org.eggsfs.gc.scrub.ScrubSettings;
import org.eggsfs.protocol.StorageClass;
import picocli.CommandLine.Option;

/** The flags of {@code eggsgc} for the jobs that keep data whole (cli.md section 4.3). */
final class GcRepairOptions {
  private static final long DAY = 24 * 3600 * 1_000_000_000L;

  @Option(
      names = "--scrub",
      description = "Job: let all blocks be checked, and replace the bad ones.")
  boolean scrub;

  @Option(
      names = "--scrub-files-at-once",
      paramLabel = "N",
      description = "Files in work at the same time (default ${DEFAULT-VALUE}).")
  int scrubFiles = ScrubSettings.DEFAULT.filesAtOnce();

  @Option(
      names = "--scrub-blocks-per-second",
      paramLabel = "N",
      description = "Most blocks checked; 0 = unlimited (default ${DEFAULT-VALUE}).")
  double scrubBlocks = ScrubSettings.DEFAULT.blocksPerSecond();

  @Option(
      names = "--scrub-bytes-per-second",
      paramLabel = "N",
      description = "Most bytes checked; 0 = unlimited (default ${DEFAULT-VALUE}).")
  double scrubBytes = ScrubSettings.DEFAULT.bytesPerSecond();

  @Option(
      names = "--scrub-service-bytes-per-second",
      paramLabel = "N",
      description =
          "Most bytes checked on one block service; 0 = unlimited (default ${DEFAULT-VALUE}).")
  double scrubServiceBytes = ScrubSettings.DEFAULT.serviceBytesPerSecond();

  @Option(
      names = "--scrub-sample",
      paramLabel = "SHARE",
      description =
          "Share of spans, 0 to 1, that are also read and compared (default ${DEFAULT-VALUE}).")
  double scrubSample = ScrubSettings.DEFAULT.spanSample();

  @Option(
      names = "--scrub-cycle-min",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "From the start of one scan to that of the next (default 24h).")
  Long scrubCycle;

  @Option(names = "--migrate", description = "Job: empty decommissioned block services.")
  boolean migrate;

  @Option(
      names = "--num-migrators",
      paramLabel = "N",
      description = "Processes that share the files (default ${DEFAULT-VALUE}).")
  int migrators = MigrateSettings.DEFAULT.migratorCount();

  @Option(
      names = "--migrator-idx",
      paramLabel = "I",
      description = "Which of them this one is, from 0 (default ${DEFAULT-VALUE}).")
  int migratorIndex = MigrateSettings.DEFAULT.migratorIndex();

  @Option(
      names = "--migrate-files-at-once",
      paramLabel = "N",
      description = "Files in work at the same time (default ${DEFAULT-VALUE}).")
  int migrateFiles = MigrateSettings.DEFAULT.filesAtOnce();

  @Option(
      names = "--migrate-failure-domain",
      paramLabel = "NAME",
      description = "Only block services of this failure domain.")
  String migrateDomain = "";

  @Option(names = "--migrator-log-only", description = "Say what would be moved, and do nothing.")
  boolean migrateLogOnly;

  @Option(
      names = "--migrate-poll",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "Between looks at the shuckle's list (default 1m).")
  Long migratePoll;

  @Option(
      names = "--migrate-confirm",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description =
          "When an empty block service is looked at once more; above the deadline interval of"
              + " transient files (default 2h10m).")
  Long migrateConfirm;

  @Option(
      names = "--defrag",
      description = "Job: rewrite spans that are not laid out as their policies say.")
  boolean defrag;

  @Option(
      names = "--defrag-span-sizes",
      description =
          "With --defrag: also copy files whose spans are not as large as their policies say; the"
              + " old file becomes a snapshot, takes space until that expires, and counts as a"
              + " version.")
  boolean defragSpanSizes;

  @Option(
      names = "--defrag-files-at-once",
      paramLabel = "N",
      description = "Files in work at the same time (default ${DEFAULT-VALUE}).")
  int defragFiles = DefragSettings.DEFAULT.filesAtOnce();

  @Option(
      names = "--defrag-min-span-size",
      paramLabel = "BYTES",
      description = "Smaller spans stay as they are (default ${DEFAULT-VALUE}).")
  long defragSpanSizeMin = DefragSettings.DEFAULT.spanSizeMin();

  @Option(
      names = "--defrag-storage-class",
      paramLabel = "HDD|FLASH",
      description = "Only spans that are there now.")
  String defragStorageClass = "";

  @Option(
      names = "--defrag-bytes-per-second",
      paramLabel = "N",
      description = "Most bytes rewritten; 0 = unlimited (default ${DEFAULT-VALUE}).")
  double defragBytes = DefragSettings.DEFAULT.bytesPerSecond();

  @Option(
      names = "--defrag-cycle-min",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "From the start of one walk to that of the next (default 24h).")
  Long defragCycle;

  @Option(
      names = "--repair-memory",
      paramLabel = "BYTES",
      description = "Buffers of each of these jobs (default ${DEFAULT-VALUE}).")
  long memory = RepairSettings.DEFAULT.memoryBytes();

  @Option(
      names = {
        "--scrub-workers-per-shard",
        "--scrub-workers-queue-size",
        "--num-migrations-per-shard",
        "--defrag-workers-per-shard"
      },
      paramLabel = "N",
      hidden = true,
      description = "Accepted for TernFS's drivers; see the flags for files at once.")
  @SuppressWarnings("UnusedVariable")
  private List<String> ignored = new ArrayList<>();

  /** Whether any of these jobs is wanted. */
  boolean any() {
    return scrub || migrate || defrag;
  }

  /**
   * The jobs that are wanted.
   *
   * @throws CommandFailure if a value is out of range
   */
  List<GcJob> make(EggsClient client, BitSet shards, boolean single, Cursors cursors, Alerts alerts)
      throws CommandFailure {
    List<GcJob> jobs = new ArrayList<>();
    try {
      if (scrub) {
        long cycle = InstanceOptions.orElse(scrubCycle, DAY);
        jobs.add(new ScrubJob(client, scrubSettings(), shards, cycle, single, cursors));
      }
      if (migrate) {
        jobs.add(new MigrateJob(client, migrateSettings(), single, alerts));
      }
      if (defragSpanSizes && !defrag) {
        throw new CommandFailure(ExitCodes.USAGE, "--defrag-span-sizes goes with --defrag");
      }
      if (defrag) {
        long cycle = InstanceOptions.orElse(defragCycle, DAY);
        jobs.add(new DefragJob(client, defragSettings(), defragSpanSizes, cycle, single, alerts));
      }
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
    return jobs;
  }

  private RepairSettings repairSettings() {
    return new RepairSettings(memory, RepairSettings.DEFAULT.scratchLifetime());
  }

  private ScrubSettings scrubSettings() {
    return new ScrubSettings(
        scrubFiles,
        scrubBlocks,
        scrubBytes,
        ScrubSettings.DEFAULT.serviceBlocksPerSecond(),
        scrubServiceBytes,
        ScrubSettings.DEFAULT.serviceChecksAtOnce(),
        scrubSample,
        repairSettings());
  }

  private MigrateSettings migrateSettings() {
    return new MigrateSettings(
        migratorIndex,
        migrators,
        migrateDomain.isEmpty() ? null : migrateDomain,
        migrateLogOnly,
        migrateFiles,
        duration(migratePoll, MigrateSettings.DEFAULT.pollInterval()),
        duration(migrateConfirm, MigrateSettings.DEFAULT.confirmInterval()),
        repairSettings());
  }

  private static Duration duration(Long nanos, Duration standard) {
    return nanos == null ? standard : Duration.ofNanos(nanos);
  }

  private DefragSettings defragSettings() throws CommandFailure {
    int storageClass =
        switch (defragStorageClass) {
          case "" -> 0;
          case "HDD" -> StorageClass.HDD;
          case "FLASH" -> StorageClass.FLASH;
          default ->
              throw new CommandFailure(ExitCodes.USAGE, "--defrag-storage-class is HDD or FLASH");
        };
    return new DefragSettings(
        defragFiles,
        defragSpanSizeMin,
        storageClass,
        0,
        defragBytes,
        memory,
        DefragSettings.DEFAULT.scratchLifetime());
  }
}
