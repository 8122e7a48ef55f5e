package org.eggsfs.cli;

import java.io.InterruptedIOException;
import java.time.Instant;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.gc.defrag.DefragCounters;
import org.eggsfs.gc.defrag.DefragListener;
import org.eggsfs.gc.defrag.DefragSettings;
import org.eggsfs.gc.defrag.Defragmenter;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code defrag}: brings files to their directories' policies (cli.md 2.1). */
@Command(
    name = "defrag",
    description = {
      "Rewrite the spans of a tree or file that are not stored as the policies say now.",
      "Files may be read meanwhile. Called again it does what is left."
    })
final class DefragCommand extends JobCommand {
  @Parameters(paramLabel = "PATH", arity = "0..1")
  private String root;

  @Option(names = "--path", paramLabel = "PATH", description = "The same, in TernFS's spelling.")
  private String path;

  @Option(
      names = "--from",
      paramLabel = "TIME|DUR",
      description = "Only files whose name was made then or later.")
  private String from;

  @Option(
      names = "--min-span-size",
      paramLabel = "BYTES",
      description = "Leave smaller spans alone.")
  private long spanSizeMin;

  @Option(
      names = "--class",
      paramLabel = "HDD|FLASH",
      description = "Only spans that are stored there now.")
  private String storageClass;

  @Option(
      names = "--bytes-per-second",
      paramLabel = "N",
      description = "Rewrite at most so much (default: as fast as it goes).")
  private double bytesPerSecond;

  @Override
  int job(EggsClient client) throws Exception {
    if ((root == null) == (path == null)) {
      throw new CommandFailure(ExitCodes.USAGE, "which tree or file? give one path");
    }
    String start = EggsPath.parse(root == null ? path : root);
    DefragSettings all = DefragSettings.DEFAULT;
    DefragSettings settings;
    try {
      settings =
          new DefragSettings(
              all.filesAtOnce(),
              spanSizeMin,
              storageClass == null ? 0 : Policies.classNumber(storageClass),
              from == null ? 0 : Numbers.moment("--from", from, Instant.now()),
              bytesPerSecond,
              all.memoryBytes(),
              all.scratchLifetime());
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
    DefragCounters counters = new DefragCounters();
    FailureList failures = new FailureList();
    boolean stopped = false;
    try (ProgressLine progress = progress(counters::values, 1);
        Defragmenter defragmenter = new Defragmenter(client, settings, counters)) {
      defragmenter.run(start, listener(progress, failures));
    } catch (InterruptedIOException e) {
      stopped = true;
    } catch (EggsException e) {
      throw Failures.at(start, e);
    }
    report(counters.values(), stopped, failures.kept());
    if (stopped) {
      return ExitCodes.PARTIAL;
    }
    if (failures.count() == 0) {
      return ExitCodes.OK;
    }
    return counters.spans.get() == 0 ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }

  private DefragListener listener(ProgressLine progress, FailureList failures) {
    return new DefragListener() {
      @Override
      public void rewritten(StoredSpan before, SpanLayout after) {
        if (details && !json) {
          progress.println(
              out,
              InodeIds.format(before.file())
                  + " span at "
                  + before.offset()
                  + " -> "
                  + org.eggsfs.core.Parity.format(after.parity())
                  + " "
                  + Policies.className(after.storageClass()));
        }
      }

      @Override
      public void failed(String where, long file, Exception reason) {
        failures.add(where + ": " + FailureList.chain(reason));
      }
    };
  }
}
