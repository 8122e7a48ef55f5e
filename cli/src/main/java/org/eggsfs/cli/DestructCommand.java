package org.eggsfs.cli;

import java.io.IOException;
import java.util.BitSet;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.Durations;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Counters;
import org.eggsfs.gc.OneShot;
import org.eggsfs.gc.WallClock;
import org.eggsfs.gc.destruct.DestructConfig;
import org.eggsfs.gc.destruct.DestructCounters;
import org.eggsfs.gc.destruct.Destructor;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code destruct}: one cycle of the destruction of expired files (cli.md 2.1). */
@Command(
    name = "destruct",
    description = {
      "Erase the blocks of transient files whose deadline has passed.",
      "Once, everywhere or of one file. What is erased cannot be brought back."
    })
final class DestructCommand extends ShardJobCommand {
  @Option(
      names = "--file",
      paramLabel = "INODE",
      description = "Only this transient file, whatever its deadline.")
  private String file;

  @Option(
      names = "--cookie",
      paramLabel = "N",
      description = "The file's cookie; asked from its shard by default.")
  private String cookie;

  @Option(
      names = "--slack",
      paramLabel = "DUR",
      description = "How long after its deadline a file is left alone (default ${DEFAULT-VALUE}).")
  private String slack = "5m";

  private DestructCounters counters = new DestructCounters();

  @Override
  int job(EggsClient client) throws Exception {
    DestructConfig config;
    try {
      config = config();
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--slack: " + e.getMessage());
    }
    if (file == null) {
      if (cookie != null) {
        throw new CommandFailure(ExitCodes.USAGE, "--cookie goes with --file");
      }
      return allShards(client, "destruct", "erase the blocks of all expired files for good");
    }
    long id = Numbers.inode("--file", file);
    ask("erase the blocks of the transient file " + InodeIds.format(id) + " for good");
    Destructor destructor =
        new Destructor(Cluster.of(client), config, counters, new Alerts(), WallClock::nanos);
    try {
      Destructor.Outcome outcome =
          cookie == null
              ? destructor.destructNow(id)
              : destructor.destructFile(id, Numbers.id("--cookie", cookie), 0);
      report(counters.values(), false, List.of());
      return outcome == Destructor.Outcome.DESTROYED ? ExitCodes.OK : ExitCodes.FAILED;
    } catch (EggsException e) {
      throw Failures.at(InodeIds.format(id), e);
    }
  }

  private DestructConfig config() {
    return DestructConfig.DEFAULT.withSlack(Durations.parse(slack));
  }

  @Override
  Counters newCounters() {
    counters = new DestructCounters();
    return counters;
  }

  @Override
  BitSet cycle(EggsClient client, BitSet shards, JobCursors cursors, FailureList failures)
      throws IOException, InterruptedException {
    return OneShot.destruct(
        Cluster.of(client), config(), counters, shards, cursors.cursors(), failures::add);
  }
}
