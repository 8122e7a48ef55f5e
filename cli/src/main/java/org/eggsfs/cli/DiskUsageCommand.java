package org.eggsfs.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code du}: sums the sizes of a tree. */
@Command(name = "du", description = "Sum the sizes of the files of a tree.")
final class DiskUsageCommand extends LookingCommand {
  private static final long FIRST_BOUND = 255;
  private static final double GROWTH = 1.15;

  @Parameters(paramLabel = "PATH", arity = "0..1", description = "Where to start (default /).")
  private String start = "/";

  @Option(names = "--path", paramLabel = "PATH", description = "The same, in TernFS's spelling.")
  private String path;

  @Option(
      names = "--physical",
      description = "What the blocks take on disks too; asks for all spans.")
  private boolean physical;

  @Option(names = "--snapshot", description = "Removed and overwritten files too.")
  private boolean snapshot;

  @Option(
      names = "--location",
      paramLabel = "N",
      description = "With --physical: only blocks of this location.")
  private Integer location;

  @Option(
      names = "--pattern",
      paramLabel = "REGEX",
      description = "Only entries in whose path REGEX is found.")
  private String pattern;

  @Option(
      names = "--histogram",
      paramLabel = "FILE",
      description = "Write how many files of which size there are as CSV.")
  private Path histogramFile;

  private final Histogram histogram = new Histogram(FIRST_BOUND, GROWTH);
  private final AtomicLong files = new AtomicLong();
  private final AtomicLong directories = new AtomicLong();
  private final AtomicLong symlinks = new AtomicLong();
  private final AtomicLong logicalBytes = new AtomicLong();
  private final AtomicLong physicalBytes = new AtomicLong();

  @Override
  int run(EggsClient client) throws Exception {
    String root = EggsPath.parse(path == null ? start : path);
    if (location != null && !physical) {
      throw new CommandFailure(ExitCodes.USAGE, "--location goes with --physical");
    }
    Pattern matching;
    try {
      matching = pattern == null ? null : Pattern.compile(pattern);
    } catch (PatternSyntaxException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--pattern: " + e.getMessage());
    }
    try (ProgressLine progress = ProgressLine.start("entries")) {
      TreeWalks.run(
          client,
          root,
          snapshot,
          out,
          entry -> {
            // A snapshot edge that owns nothing leads to a file that is counted elsewhere.
            if (entry.owned() && (matching == null || matching.matcher(entry.path()).find())) {
              add(client, entry.id());
            }
            progress.addItem();
          });
    }
    if (histogramFile != null) {
      writeHistogram();
    }
    if (json) {
      ObjectNode node = object();
      EggsPath.put(node, "path", root);
      node.put("files", files.get())
          .put("directories", directories.get())
          .put("symlinks", symlinks.get())
          .put("bytes", logicalBytes.get());
      if (physical) {
        node.put("physicalBytes", physicalBytes.get());
      }
      print(node);
      return ExitCodes.OK;
    }
    out.printf(
        "%s: %s (%d bytes) in %d files, %d symlinks, %d directories%n",
        EggsPath.shown(root),
        Units.bytes(logicalBytes.get()),
        logicalBytes.get(),
        files.get(),
        symlinks.get(),
        directories.get());
    if (physical) {
      out.printf(
          "on disks: %s (%d bytes)%n", Units.bytes(physicalBytes.get()), physicalBytes.get());
    }
    return ExitCodes.OK;
  }

  private void add(EggsClient client, long id) throws EggsException, IOException {
    if (InodeIds.isDirectory(id)) {
      directories.incrementAndGet();
      return;
    }
    if (InodeIds.isSymlink(id)) {
      symlinks.incrementAndGet();
      return;
    }
    try {
      StatFileResponse stat = client.shard(InodeIds.shard(id), new StatFileRequest(id));
      long onDisks = physical ? physicalSize(client, id) : 0;
      files.incrementAndGet();
      logicalBytes.addAndGet(stat.size());
      physicalBytes.addAndGet(onDisks);
      histogram.add(stat.size(), onDisks);
    } catch (EggsException e) {
      if (!Failures.isNotFound(e)) {
        throw e;
      }
    }
  }

  private long physicalSize(EggsClient client, long id) throws EggsException, IOException {
    long[] total = {0};
    StoredSpan.visit(
        client,
        id,
        span -> {
          total[0] += location == null ? span.physicalBytes() : span.physicalBytes(location);
          return true;
        });
    return total[0];
  }

  private void writeHistogram() throws CommandFailure {
    try (PrintStream csv = new PrintStream(Files.newOutputStream(histogramFile), false, UTF_8)) {
      histogram.writeCsv(csv, physical);
      if (csv.checkError()) {
        throw new CommandFailure(histogramFile + ": cannot be written");
      }
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCodes.FAILED, histogramFile + ": " + CommandRunner.describe(e), e);
    }
  }
}
