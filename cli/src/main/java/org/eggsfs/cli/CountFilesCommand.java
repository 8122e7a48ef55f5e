package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code count-files}: how many linked files there are, all shards (cli.md 2.3). */
@Command(
    name = "count-files",
    description =
        "Count the files and symlinks of all shards, removed ones that are not collected included.")
final class CountFilesCommand extends LookingCommand {
  @Option(names = "--per-shard", description = "Show each shard.")
  private boolean perShard;

  private record Count(int shard, long files, long symlinks) {}

  @Override
  int run(EggsClient client) throws Exception {
    List<Count> counts;
    long start = System.nanoTime();
    try (ProgressLine progress = ProgressLine.start("files")) {
      counts =
          Parallel.map(
              Shards.all(),
              shard -> {
                long[] found = new long[2];
                Shards.visitFiles(
                    client,
                    shard,
                    id -> {
                      found[InodeIds.isSymlink(id) ? 1 : 0]++;
                      progress.addItem();
                      return true;
                    });
                return new Count(shard, found[0], found[1]);
              });
    }
    double seconds = Math.max(1e-3, (System.nanoTime() - start) / 1e9);
    long files = counts.stream().mapToLong(Count::files).sum();
    long symlinks = counts.stream().mapToLong(Count::symlinks).sum();
    if (json) {
      ObjectNode node = object();
      node.put("files", files).put("symlinks", symlinks);
      if (perShard) {
        var list = node.putArray("shards");
        counts.forEach(
            count ->
                list.addObject()
                    .put("shard", count.shard)
                    .put("files", count.files)
                    .put("symlinks", count.symlinks));
      }
      print(node);
      return ExitCodes.OK;
    }
    if (perShard) {
      TablePrinter table = new TablePrinter(">SHARD", ">FILES", ">SYMLINKS");
      counts.forEach(count -> table.row(count.shard, count.files, count.symlinks));
      table.print(out);
    }
    out.printf("%d files, %d symlinks (%.0f/s)%n", files, symlinks, (files + symlinks) / seconds);
    return ExitCodes.OK;
  }
}
