package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.InterruptedIOException;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.defrag.DefragCounters;
import org.eggsfs.gc.defrag.DefragListener;
import org.eggsfs.gc.defrag.DefragSettings;
import org.eggsfs.gc.defrag.ResizedFile;
import org.eggsfs.gc.defrag.SpanSizeDefragmenter;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code defrag-spans}: copies files whose span sizes do not fit their policy (cli.md 2.1). */
@Command(
    name = "defrag-spans",
    description = {
      "Copy the files of a tree, or one file, whose spans are not as large as the policies say.",
      "A copy takes its file's place with its times, if the name is unchanged then; else it is",
      "thrown away. The old file becomes a snapshot, which needs its space until it expires, and",
      "counts as a version: where the policy keeps N versions, the oldest one goes for it.",
      "Files may be used meanwhile. Called again it does what is left."
    })
final class DefragSpansCommand extends JobCommand {
  @Parameters(paramLabel = "PATH", arity = "0..1")
  private String root;

  @Option(names = "--path", paramLabel = "PATH", description = "The same, in TernFS's spelling.")
  private String path;

  @Option(
      names = "--from",
      paramLabel = "TIME|DUR",
      description = "Only files whose name was made then or later.")
  private String from;

  @Option(names = "--dry-run", description = "Only tell which files would be copied.")
  private boolean dryRun;

  @Option(
      names = "--bytes-per-second",
      paramLabel = "N",
      description = "Copy at most so much (default: as fast as it goes).")
  private double bytesPerSecond;

  @Override
  int job(EggsClient client) throws Exception {
    if ((root == null) == (path == null)) {
      throw new CommandFailure(ExitCodes.USAGE, "which tree or file? give one path");
    }
    String start = EggsPath.parse(root == null ? path : root);
    DefragSettings settings = settings();
    DefragCounters counters = new DefragCounters();
    FailureList failures = new FailureList();
    boolean stopped = false;
    try {
      if (dryRun) {
        return dryRun(client, settings, start);
      }
      // What there is to do is looked at first only where somebody sees the time left.
      long total = Terminal.isError() ? look(client, settings, start, new Found()).bytes.get() : 0;
      copy(client, settings, start, total, counters, failures);
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
    return counters.resizedFiles.get() == 0 ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }

  private DefragSettings settings() throws CommandFailure {
    DefragSettings all = DefragSettings.DEFAULT;
    try {
      return new DefragSettings(
          all.filesAtOnce(),
          0,
          0,
          from == null ? 0 : Numbers.moment("--from", from, Instant.now()),
          bytesPerSecond,
          all.memoryBytes(),
          all.scratchLifetime());
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
  }

  /** What a look has found. */
  private static class Found implements DefragListener {
    final AtomicLong files = new AtomicLong();
    final AtomicLong bytes = new AtomicLong();
    final FailureList failures = new FailureList();
    ProgressLine progress;

    @Override
    public void unfit(ResizedFile file) {
      files.incrementAndGet();
      bytes.addAndGet(file.size());
    }

    String words() {
      return files.get() + " files to copy, " + Units.bytes(bytes.get());
    }

    @Override
    public void failed(String where, long file, Exception reason) {
      failures.add(where + ": " + FailureList.chain(reason));
    }
  }

  /** Looks at everything and changes nothing. */
  private static Found look(EggsClient client, DefragSettings settings, String start, Found found)
      throws Exception {
    try (SpanSizeDefragmenter defragmenter =
            new SpanSizeDefragmenter(client, settings, new DefragCounters());
        ProgressLine progress = ProgressLine.start(found::words)) {
      found.progress = progress;
      defragmenter.look(start, found);
    }
    return found;
  }

  private int dryRun(EggsClient client, DefragSettings settings, String start) throws Exception {
    Found found =
        new Found() {
          @Override
          public void unfit(ResizedFile file) {
            super.unfit(file);
            tell(progress, file, "to be copied");
          }
        };
    look(client, settings, start, found);
    if (json) {
      ObjectNode node = object();
      node.put("dryRun", true).put("files", found.files.get()).put("bytes", found.bytes.get());
      found.failures.kept().forEach(node.putArray("failures")::add);
      print(node);
    } else {
      found.failures.kept().forEach(failure -> CommandRunner.error(spec.name(), failure));
      out.println(found.words());
    }
    return found.failures.count() == 0 ? ExitCodes.OK : ExitCodes.FAILED;
  }

  private void copy(
      EggsClient client,
      DefragSettings settings,
      String start,
      long total,
      DefragCounters counters,
      FailureList failures)
      throws Exception {
    try (ProgressLine progress = ProgressLine.start("files copied");
        SpanSizeDefragmenter defragmenter = new SpanSizeDefragmenter(client, settings, counters)) {
      progress.total(total);
      defragmenter.run(
          start,
          new DefragListener() {
            @Override
            public void copiedBytes(long bytes) {
              progress.addBytes(bytes);
            }

            @Override
            public void resized(ResizedFile file, long copy) {
              progress.addItem();
              if (details) {
                tell(progress, file, "copied, now " + InodeIds.format(copy));
              }
            }

            @Override
            public void nameChanged(String where, long file) {
              if (details && !json) {
                progress.println(out, EggsPath.shown(where) + " was changed meanwhile, left alone");
              }
            }

            @Override
            public void failed(String where, long file, Exception reason) {
              failures.add(where + ": " + FailureList.chain(reason));
            }
          });
    }
  }

  /** One file as a line; JSON is about the whole only. */
  private void tell(ProgressLine progress, ResizedFile file, String what) {
    if (!json) {
      progress.println(
          out,
          EggsPath.shown(file.path())
              + " "
              + Units.bytes(file.size())
              + " in "
              + file.spansBefore()
              + " spans instead of "
              + file.spansAfter()
              + ", "
              + what);
    }
  }
}
