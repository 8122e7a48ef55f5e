package org.eggsfs.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import org.eggsfs.cli.ClusterOwner;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.CurrentEdge;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A benchmark against an instance: works in a directory of its own and removes it at the end. */
@Command(mixinStandardHelpOptions = true, sortOptions = false)
abstract class InstanceBench implements Callable<Integer> {
  private static final int REMOVERS = 64;

  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "Figures in JSON.")
  private boolean json;

  @Option(names = "--start", description = "Start an instance for it in a temporary folder.")
  private boolean start;

  @Option(names = "--keep", description = "Leave the files that were made.")
  private boolean keep;

  private String startedAddress;

  /** The shuckle of the instance that was started for this, or null. */
  String startedAddress() {
    return startedAddress;
  }

  @Override
  public Integer call() throws Exception {
    ClientConfig.Builder config = ((ClusterOwner) spec.root().userObject()).cluster().config();
    if (!start) {
      return run(((ClusterOwner) spec.root().userObject()).cluster().connect(config.build()));
    }
    try (TemporaryInstance instance = TemporaryInstance.start()) {
      startedAddress = instance.address();
      return run(EggsClient.connect(ClientConfig.builder().shuckle(instance.address()).build()));
    }
  }

  private int run(EggsClient connected) throws Exception {
    try (EggsClient client = connected) {
      Report report = new Report(json, System.out);
      byte[] random = new byte[4];
      ThreadLocalRandom.current().nextBytes(random);
      String name = "bench-" + HexFormat.of().formatHex(random);
      long directory = client.inodes().mkdir(InodeIds.ROOT, bytes(name));
      try {
        measure(client, directory, report);
      } finally {
        if (!keep) {
          remove(client, directory);
          client.inodes().rmdir(InodeIds.ROOT, bytes(name));
        }
      }
      report.print();
      return ExitCodes.OK;
    } catch (EggsException e) {
      throw new CommandFailure(ExitCodes.FAILED, "benchmark failed: " + e.getMessage(), e);
    }
  }

  /** Takes the figures in an empty directory. */
  abstract void measure(EggsClient client, long directory, Report report)
      throws EggsException, IOException;

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void remove(EggsClient client, long directory) throws EggsException, IOException {
    List<CurrentEdge> edges = new ArrayList<>();
    client.inodes().list(directory, edges::add);
    Workers.times(
        "remove",
        REMOVERS,
        edges.size(),
        (worker, sequence) -> {
          CurrentEdge edge = edges.get(sequence);
          if (InodeIds.isDirectory(edge.targetId())) {
            remove(client, edge.targetId());
            client.inodes().rmdir(directory, edge.name());
          } else {
            client.inodes().unlink(directory, edge.name());
          }
        });
  }
}
