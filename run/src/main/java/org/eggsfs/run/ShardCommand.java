package org.eggsfs.run;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.Callable;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.shard.server.ShardHost;
import org.eggsfs.shard.server.ShardHostConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code eggsshard}: some or all of the 256 metadata shards in one process. */
@Command(
    name = "eggsshard",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Metadata shards: inodes, names, spans.")
final class ShardCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;

  @Option(
      names = {"--db-dir", "--data-dir"},
      required = true,
      paramLabel = "DIR",
      description = "Data directory; created if missing.")
  private Path directory;

  @Option(
      names = "--shard",
      paramLabel = "N",
      description = "Host only these shards; may be repeated (default: all 256).")
  private List<Integer> shards = List.of();

  @Option(
      names = "--transient-deadline-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "Life of a file under construction without a change (default 2h).")
  private Long transientDeadline;

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
    List<InetSocketAddress> bind = server.bindAddresses(0);
    ShardHostConfig config =
        ShardHostConfig.of(directory, server.shuckles())
            .withAddresses(
                bind.stream().map(InetSocketAddress::getAddress).toList(),
                bind.getFirst().getPort())
            .withIntervals(
                ServerOptions.orElse(
                    transientDeadline, ShardHostConfig.TRANSIENT_DEADLINE_INTERVAL),
                ServerOptions.orElse(refreshInterval, ShardHostConfig.REFRESH_INTERVAL),
                ServerOptions.orElse(registerInterval, ShardHostConfig.REGISTER_INTERVAL));
    if (!shards.isEmpty()) {
      config = config.withShards(chosen());
    }
    Lifetime lifetime = new Lifetime();
    lifetime.endWith(server.withProcess);
    try (ShardHost running =
        ShardHost.start(config, () -> lifetime.fail("the shards' disk or a loop failed"))) {
      Readiness.announceWhen(running::isReady, "ready");
      return lifetime.serve(running);
    } catch (IOException e) {
      throw StartFailures.explain(e, "--addr");
    }
  }

  private BitSet chosen() throws CommandFailure {
    BitSet chosen = new BitSet();
    for (int shard : shards) {
      if (shard < 0 || shard > 255) {
        throw new CommandFailure(ExitCodes.USAGE, "--shard " + shard + " is not 0 to 255");
      }
      chosen.set(shard);
    }
    return chosen;
  }
}
