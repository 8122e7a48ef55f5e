package org.eggsfs.run;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.eggsfs.cdc.server.CdcConfig;
import org.eggsfs.cdc.server.CdcServer;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code eggscdc}: the cross-directory coordinator. */
@Command(
    name = "eggscdc",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Coordinator of operations over more than one directory.")
final class CdcCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;
  @Mixin private ReplicaOptions replica;

  @Option(
      names = "--shard-timeout",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "After which silence a shard is asked again (default 100ms).")
  private Long shardTimeout;

  @Option(
      names = "--refresh-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How often the addresses of shards are fetched.")
  private Long refreshInterval;

  @Option(
      names = "--register-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How often to register.")
  private Long registerInterval;

  @Override
  public Integer call() throws Exception {
    server.applyLogging();
    replica.check();
    CdcConfig config;
    try {
      config =
          RoleConfigs.cdc(
              replica.dataDir,
              server.bindAddresses(0),
              server.shuckles(),
              server.location,
              shardTimeout,
              refreshInterval,
              registerInterval);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
    Lifetime lifetime = new Lifetime();
    lifetime.endWith(server.withProcess);
    try (CdcServer running = CdcServer.start(config, () -> lifetime.fail("the disk failed"));
        ServerOptions.Sending _ = server.sendMetrics(running::measurements)) {
      Readiness.announceWhen(running::isReady, "ready " + running.address());
      return lifetime.serve(running);
    } catch (IOException e) {
      throw StartFailures.explain(e, "--addr");
    }
  }
}
