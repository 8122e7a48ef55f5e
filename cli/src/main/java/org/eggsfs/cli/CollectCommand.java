package org.eggsfs.cli;

import java.io.IOException;
import java.util.BitSet;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.Durations;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Counters;
import org.eggsfs.gc.OneShot;
import org.eggsfs.gc.collect.CollectConfig;
import org.eggsfs.gc.collect.CollectCounters;
import org.eggsfs.gc.collect.Collector;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code collect}: one cycle of the collection of expired snapshots (cli.md 2.1). */
@Command(
    name = "collect",
    description = {
      "Remove the snapshots that their directories' policies have expired.",
      "Once, everywhere or in one directory. What is removed cannot be brought back."
    })
final class CollectCommand extends ShardJobCommand {
  @Option(names = "--dir", paramLabel = "PATH|INODE", description = "Only this directory.")
  private String directory;

  @Option(
      names = "--min-edge-age",
      paramLabel = "DUR",
      description =
          "Keep what was removed less long ago, whatever the policy (default ${DEFAULT-VALUE}).")
  private String minEdgeAge = "1h";

  private CollectCounters counters = new CollectCounters();

  @Override
  int job(EggsClient client) throws Exception {
    CollectConfig config;
    try {
      config = CollectConfig.DEFAULT.withMinEdgeAge(Durations.parse(minEdgeAge));
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--min-edge-age: " + e.getMessage());
    }
    if (directory == null) {
      return allShards(
          client, "collect", "remove expired snapshots older than " + minEdgeAge + " for good");
    }
    FileArgument argument = FileArgument.directory(client, directory);
    ask("remove expired snapshots in " + argument.text() + " for good");
    Collector.Result result =
        OneShot.collectDirectory(Cluster.of(client), config, counters, argument.id());
    report(counters.values(), false, List.of());
    if (result.destructed() && !json) {
      out.println(argument.text() + ": had been removed, and nothing was left in it");
    }
    return ExitCodes.OK;
  }

  @Override
  Counters newCounters() {
    counters = new CollectCounters();
    return counters;
  }

  @Override
  BitSet cycle(EggsClient client, BitSet shards, JobCursors cursors, FailureList failures)
      throws IOException, InterruptedException {
    return OneShot.collect(
        Cluster.of(client),
        CollectConfig.DEFAULT.withMinEdgeAge(Durations.parse(minEdgeAge)),
        counters,
        shards,
        cursors.cursors(),
        failures::add);
  }
}
