package org.eggsfs.cli;

import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.repair.ReplacedBlock;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.gc.scrub.ScrubCounters;
import org.eggsfs.gc.scrub.ScrubListener;
import org.eggsfs.gc.scrub.ScrubProgress;
import org.eggsfs.gc.scrub.ScrubSettings;
import org.eggsfs.gc.scrub.Scrubber;
import org.eggsfs.protocol.ErrorCode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code scrub}: checks every block of every file and repairs what is bad (cli.md 2.1). */
@Command(
    name = "scrub",
    description = {
      "Check every block of every file and rebuild what is missing or damaged.",
      "Exit code 3 if some could not be checked, because their disks do not answer or are not to be",
      "read. Ctrl-C stops it; with --cursor it goes on there when it is called again."
    })
final class ScrubCommand extends JobCommand {
  @Option(names = "--shard", paramLabel = "N", description = "Only this shard.")
  private Integer shard;

  @Option(names = "--cursor", paramLabel = "FILE", description = "Remembers how far it has come.")
  private Path cursor;

  @Option(
      names = "--bytes-per-second",
      paramLabel = "N",
      description = "Read at most so much together (default: as fast as it goes).")
  private double bytesPerSecond;

  @Option(
      names = "--sample",
      paramLabel = "SHARE",
      description = "Also read this share of the spans, 0 to 1, and compare them with their CRC.")
  private double sample;

  @Override
  String resuming() {
    return resuming(cursor);
  }

  @Override
  int job(EggsClient client) throws Exception {
    List<Integer> shards = shards(shard);
    ScrubSettings fast = ScrubSettings.UNLIMITED;
    ScrubSettings settings;
    try {
      settings =
          new ScrubSettings(
              fast.filesAtOnce(),
              fast.blocksPerSecond(),
              bytesPerSecond,
              fast.serviceBlocksPerSecond(),
              fast.serviceBytesPerSecond(),
              fast.serviceChecksAtOnce(),
              sample,
              fast.repair());
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
    ScrubCounters counters = new ScrubCounters();
    FailureList failures = new FailureList();
    boolean stopped = false;
    try (JobCursors cursors = JobCursors.open(cursor, "scrub", "scrub");
        ProgressLine progress = progress(counters::values, 1);
        Scrubber scrubber = new Scrubber(client, settings, counters)) {
      try {
        scrubber.runCycle(
            cursors.remaining(shards), position(cursors), new Listener(progress, failures));
        if (counters.failedShards.get() > 0) {
          failures.add(counters.failedShards.get() + " shards do not list their files");
        } else {
          cursors.finish();
        }
      } catch (InterruptedIOException e) {
        stopped = true;
      }
    }
    report(counters.values(), stopped, failures.kept());
    if (stopped) {
      return ExitCodes.PARTIAL;
    }
    if (failures.count() > 0) {
      return ExitCodes.FAILED;
    }
    // What is decommissioned is migration's business.
    long unchecked = counters.unreachableBlocks.get() + counters.skippedBlocks.get();
    return unchecked == 0 ? ExitCodes.OK : ExitCodes.PARTIAL;
  }

  private static ScrubProgress position(JobCursors cursors) {
    return new ScrubProgress() {
      @Override
      public long nextFile(int shard) {
        return cursors.position(shard);
      }

      @Override
      public void passed(int shard, long nextFile) {
        if (nextFile == 0) {
          cursors.done(shard);
        } else {
          cursors.passed(shard, nextFile);
        }
      }
    };
  }

  /** Tells what is found. */
  private final class Listener implements ScrubListener {
    private final ProgressLine progress;
    private final FailureList failures;

    Listener(ProgressLine progress, FailureList failures) {
      this.progress = progress;
      this.failures = failures;
    }

    @Override
    public void found(StoredBlock block, ErrorCode verdict) {
      tell(ScrubReport.of(block) + ": " + CommandRunner.describe(verdict));
    }

    @Override
    public void repaired(ReplacedBlock block) {
      tell(ScrubReport.of(block));
    }

    @Override
    public void wrongSpan(StoredSpan span) {
      failures.add(
          InodeIds.format(span.file())
              + " at "
              + span.offset()
              + ": bytes do not match the CRC although all blocks do");
    }

    @Override
    public void failed(long file, Exception reason) {
      failures.add(file, reason);
    }

    private void tell(String line) {
      if (details && !json) {
        progress.println(out, line);
      }
    }
  }
}
