package org.eggsfs.run;

import java.nio.file.Path;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import picocli.CommandLine.Option;

/** Options of the roles that TernFS replicates: where the data is, and which replica this is. */
final class ReplicaOptions {
  @Option(
      names = {"--db-dir", "--data-dir"},
      required = true,
      paramLabel = "DIR",
      description = "Where the data is; made if it is missing.")
  Path dataDir;

  @Option(names = "--replica", paramLabel = "N", description = "Replica number; only 0 for now.")
  private int replica;

  @Option(
      names = "--logsdb-leader",
      description = "Accepted for TernFS's drivers: a single replica always leads.")
  private boolean leader;

  @Option(
      names = "--logsdb-no-replication",
      description = "Accepted for TernFS's drivers: a single replica awaits nobody.")
  private boolean noReplication;

  @Option(
      names = "--outgoing-packet-drop",
      paramLabel = "P",
      hidden = true,
      description = "Fault injection of TernFS's tests; only 0 here.")
  private double packetDrop;

  /** Refuses what a single replica cannot do. */
  void check() throws CommandFailure {
    if (replica != 0) {
      throw new CommandFailure(
          ExitCodes.USAGE,
          "--replica "
              + replica
              + ": this version runs one replica of each role; start only replica 0"
              + " (TernFS's drivers: -leader-only)");
    }
    if (noReplication && !leader) {
      throw new CommandFailure(ExitCodes.USAGE, "--logsdb-no-replication needs --logsdb-leader");
    }
    if (packetDrop != 0) {
      throw new CommandFailure(ExitCodes.USAGE, "--outgoing-packet-drop is not possible here");
    }
  }
}
