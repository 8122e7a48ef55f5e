package org.eggsfs.run;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.eggsfs.blocks.server.BlockServer;
import org.eggsfs.blocks.server.BlockServerConfig;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code eggsblocks}: one block server with one block service for each directory. */
@Command(
    name = "eggsblocks",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Block server: eggsblocks [OPTIONS] DIR CLASS [DIR CLASS ...]")
final class BlocksCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;

  @Option(
      names = "--failure-domain",
      required = true,
      paramLabel = "NAME",
      description = "What fails together with this server; at most 16 bytes.")
  private String failureDomain;

  @Option(
      names = "--path-prefix",
      paramLabel = "NAME",
      description = "Host part of the advertised paths (default: the failure domain).")
  private String pathPrefix;

  @Option(
      names = {"--future-cutoff", "--erase-cutoff"},
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How old a block must be before it may be erased (default 1h).")
  private Long eraseCutoff;

  @Option(
      names = "--block-write-cutoff",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How old a block may be when it is written (default 5m).")
  private Long writeCutoff;

  @Option(
      names = "--connection-timeout",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "After which an idle connection is closed (default 10m).")
  private Long connectionTimeout;

  @Option(
      names = "--reserved-storage",
      paramLabel = "BYTES",
      description = "Free space kept back on each disk (default 100 GiB).")
  private long reservedStorage = BlockServerConfig.RESERVED_BYTES;

  @Option(
      names = "--register-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How often to register (default 1m).")
  private Long registerInterval;

  @Option(names = "--verify-writes", description = "Read each written file again before it counts.")
  private boolean verifyWrites;

  @Option(
      names = {
        "--hostname",
        "--hardwareevent",
        "--registry-connection-timeout",
        "--io-alert-percent",
        "--profile-file"
      },
      hidden = true,
      paramLabel = "X",
      description = "Accepted for TernFS's drivers; without effect.")
  @SuppressWarnings("UnusedVariable")
  private List<String> ignored = new ArrayList<>();

  @Option(names = "--read-whole-file", hidden = true, description = "Accepted; without effect.")
  @SuppressWarnings("UnusedVariable")
  private boolean readWholeFile;

  @Option(
      names = "--disks",
      paramLabel = "FILE",
      description =
          "More disks, a line DIR CLASS each; lines that are added while it runs are served at"
              + " once.")
  private Path disksFile;

  @Parameters(paramLabel = "DIR CLASS", arity = "0..*", description = "CLASS is HDD or FLASH.")
  private List<String> pairs = new ArrayList<>();

  @Override
  public Integer call() throws Exception {
    server.applyLogging();
    DisksFile more = openDisksFile();
    List<BlockServerConfig.Disk> disks = disks(more);
    BlockServerConfig standard =
        BlockServerConfig.of(
            disks, failureDomain, server.bindAddresses(0).getFirst(), server.shuckles());
    BlockServerConfig config =
        new BlockServerConfig(
            disks,
            failureDomain,
            server.location,
            server.bindAddresses(0),
            pathPrefix == null ? failureDomain : pathPrefix,
            server.shuckles(),
            InstanceOptions.orElse(eraseCutoff, standard.eraseCutoff()),
            InstanceOptions.orElse(writeCutoff, standard.writeCutoff()),
            InstanceOptions.orElse(connectionTimeout, standard.connectionTimeout()),
            reservedStorage,
            InstanceOptions.orElse(registerInterval, standard.registerInterval()),
            verifyWrites,
            standard.connectionsMax(),
            standard.idleMin(),
            standard.diskTimes(),
            standard.wallClock());
    Lifetime lifetime = new Lifetime();
    lifetime.endWith(server.withProcess);
    try (BlockServer running = BlockServer.start(config);
        ServerOptions.Sending _ = server.sendMetrics(running::measurements)) {
      Readiness.announceWhen(running::isRegistered, "ready " + running.addresses());
      Thread following = more == null ? null : more.follow(running::addDisk);
      try {
        return lifetime.serve(running);
      } finally {
        if (following != null) {
          following.interrupt();
        }
      }
    } catch (IOException e) {
      throw StartFailures.explain(e, "--addr");
    }
  }

  private DisksFile openDisksFile() throws CommandFailure {
    if (disksFile == null) {
      return null;
    }
    try {
      return DisksFile.open(disksFile);
    } catch (IOException e) {
      throw new CommandFailure(ExitCodes.FAILED, "--disks: cannot read " + disksFile + ": " + e, e);
    }
  }

  private List<BlockServerConfig.Disk> disks(DisksFile more) throws CommandFailure {
    if (pairs.size() % 2 != 0 || (pairs.isEmpty() && more == null)) {
      throw new CommandFailure(
          ExitCodes.USAGE, "give pairs of DIR and CLASS, e.g. /disk1 HDD /disk2 FLASH");
    }
    List<BlockServerConfig.Disk> disks = new ArrayList<>();
    try {
      for (int i = 0; i < pairs.size(); i += 2) {
        disks.add(DisksFile.disk(pairs.get(i), pairs.get(i + 1)));
      }
      if (more != null) {
        disks.addAll(more.disks());
      }
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
    return disks;
  }
}
