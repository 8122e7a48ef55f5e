package org.eggsfs.run;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.Callable;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.shard.server.ShardHost;
import org.eggsfs.shard.server.ShardHostConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code eggsshard}: a host of any of the 256 metadata shards. */
@Command(
    name = "eggsshard",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Host of metadata shards: all 256, or those of --shard.")
final class ShardCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;
  @Mixin private ReplicaOptions replica;

  @Option(
      names = {"--shard", "--shards"},
      paramLabel = "LIST",
      description = "Which shards, e.g. 7 or 0-127,200 (default 0-255).")
  private String shards = "0-255";

  @Option(
      names = "--transient-deadline-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How long an unfinished file lives without a change (default 2h).")
  private Long transientDeadlineInterval;

  @Option(
      names = "--refresh-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How often block services are fetched (default 20s).")
  private Long refreshInterval;

  @Option(
      names = "--register-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How often to register (default 2m).")
  private Long registerInterval;

  @Override
  public Integer call() throws Exception {
    server.applyLogging();
    replica.check();
    BitSet wanted = parseShards(shards);
    List<InetSocketAddress> bind = server.bindAddresses(0);
    List<InetAddress> hosts = new ArrayList<>();
    bind.forEach(address -> hosts.add(address.getAddress()));
    ShardHostConfig standard = ShardHostConfig.of(replica.dataDir, server.shuckles());
    ShardHostConfig config;
    try {
      config =
          new ShardHostConfig(
              replica.dataDir,
              wanted,
              hosts,
              firstPort(wanted, bind),
              server.shuckles(),
              server.location,
              InstanceOptions.orElse(
                  transientDeadlineInterval, standard.transientDeadlineInterval()),
              InstanceOptions.orElse(refreshInterval, standard.refreshInterval()),
              InstanceOptions.orElse(registerInterval, standard.registerInterval()),
              standard.cdcKey(),
              standard.loopCount());
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
    Lifetime lifetime = new Lifetime();
    lifetime.endWith(server.withProcess);
    try (ShardHost running = ShardHost.start(config, () -> lifetime.fail("the disk failed"));
        ServerOptions.Sending _ = server.sendMetrics(running::measurements)) {
      Readiness.announceWhen(running::isReady, "ready " + shards);
      return lifetime.serve(running);
    } catch (IOException e) {
      throw StartFailures.explain(e, "--addr");
    }
  }

  /** The host numbers ports from shard 0 on; the option names the port of the lowest shard. */
  private static int firstPort(BitSet wanted, List<InetSocketAddress> bind) throws CommandFailure {
    int port = bind.getFirst().getPort();
    if (bind.size() == 2 && bind.get(1).getPort() != (port == 0 ? 0 : port + 256)) {
      throw new CommandFailure(
          ExitCodes.USAGE, "the second --addr must have port " + (port == 0 ? 0 : port + 256));
    }
    int first = wanted.nextSetBit(0);
    if (port != 0 && port <= first) {
      throw new CommandFailure(ExitCodes.USAGE, "--addr: the port must be above " + first);
    }
    return port == 0 ? 0 : port - first;
  }

  static BitSet parseShards(String text) throws CommandFailure {
    BitSet set = new BitSet();
    try {
      for (String part : text.split(",", -1)) {
        int dash = part.indexOf('-', 1);
        int from = Integer.parseInt(dash < 0 ? part : part.substring(0, dash));
        int to = dash < 0 ? from : Integer.parseInt(part.substring(dash + 1));
        if (from < 0 || to >= ProtocolConstants.SHARD_COUNT || to < from) {
          throw new NumberFormatException();
        }
        set.set(from, to + 1);
      }
      return set;
    } catch (NumberFormatException e) {
      throw new CommandFailure(
          ExitCodes.USAGE, "--shard '" + text + "': write numbers and ranges of 0 to 255");
    }
  }
}
