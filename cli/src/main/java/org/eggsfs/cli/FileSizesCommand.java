package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code file-sizes}: the size of each file, or how sizes are distributed (cli.md 2.3). */
@Command(
    name = "file-sizes",
    description = {
      "Print the sizes of all files as CSV: inode, path, logical and physical bytes.",
      "With --brief a histogram over all shards instead."
    })
final class FileSizesCommand extends LookingCommand {
  private static final long FIRST_BOUND = 1024;
  private static final double GROWTH = 1.1;

  @Parameters(paramLabel = "PATH", arity = "0..1", description = "Where to start (default /).")
  private String root;

  @Option(names = "--brief", description = "A histogram: upper bound of the bin, bytes in it.")
  private boolean brief;

  @Override
  int run(EggsClient client) throws Exception {
    if (brief && root != null) {
      throw new CommandFailure(ExitCodes.USAGE, "--brief is about all shards; leave out PATH");
    }
    try (ProgressLine progress = ProgressLine.start("files")) {
      if (brief) {
        histogram(client, progress);
      } else {
        TreeWalks.run(
            client,
            EggsPath.parse(root == null ? "/" : root),
            false,
            out,
            entry -> show(client, entry, progress));
      }
    }
    return ExitCodes.OK;
  }

  private void show(EggsClient client, WalkedEntry entry, ProgressLine progress)
      throws EggsException, IOException {
    if (!InodeIds.isFile(entry.id())) {
      return;
    }
    long logical;
    long physical;
    try {
      logical = client.inodes().stat(entry.id()).size();
      physical = StoredSpan.physicalSize(client, entry.id());
    } catch (EggsException e) {
      if (Failures.isNotFound(e)) {
        return;
      }
      throw e;
    }
    progress.addItem();
    progress.addBytes(logical);
    String line;
    if (json) {
      ObjectNode node = object();
      EggsPath.put(node.put("id", InodeIds.format(entry.id())), "path", entry.path());
      line = node.put("bytes", logical).put("physicalBytes", physical).toString();
    } else {
      line =
          InodeIds.format(entry.id())
              + ","
              + Csv.quote(EggsPath.shown(entry.path()))
              + ","
              + logical
              + ","
              + physical;
    }
    progress.println(out, line);
  }

  private void histogram(EggsClient client, ProgressLine progress)
      throws EggsException, IOException {
    Histogram histogram = new Histogram(FIRST_BOUND, GROWTH);
    Parallel.map(
        Shards.all(),
        shard -> {
          Shards.visitFiles(
              client,
              shard,
              id -> {
                try {
                  long size = client.inodes().stat(id).size();
                  histogram.add(size, 0);
                  progress.addBytes(size);
                } catch (EggsException e) {
                  if (!Failures.isNotFound(e)) {
                    throw e;
                  }
                }
                progress.addItem();
                return true;
              });
          return true;
        });
    if (json) {
      var list = object().arrayNode();
      for (int i = 0; i < histogram.bins(); i++) {
        if (histogram.files(i) > 0) {
          list.addObject()
              .put("upperBound", histogram.bound(i))
              .put("files", histogram.files(i))
              .put("bytes", histogram.bytes(i));
        }
      }
      print(list);
      return;
    }
    out.println("upper_bound,bytes");
    for (int i = 0; i < histogram.bins(); i++) {
      if (histogram.files(i) > 0) {
        out.println(histogram.bound(i) + "," + histogram.bytes(i));
      }
    }
  }
}
