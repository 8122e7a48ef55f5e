package org.eggsfs.run;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.eggsfs.shuckle.server.ShuckleConfig;
import org.eggsfs.shuckle.server.ShuckleServer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code eggsshuckle}: the nameserver. */
@Command(
    name = "eggsshuckle",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Nameserver: where shards, CDC and disks are.")
final class ShuckleCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;

  @Option(
      names = {"--db-dir", "--data-dir"},
      required = true,
      paramLabel = "DIR",
      description = "Data directory; created if missing.")
  private Path directory;

  @Option(
      names = "--staleness-delay",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "Silence after which a block service is STALE (default 3m).")
  private Long stalenessDelay;

  @Option(names = "--enforce-stable-ip", description = "Replicas may not change both addresses.")
  private boolean enforceStableIp;

  @Option(names = "--enforce-stable-leader", description = "Leaders change only by request.")
  private boolean enforceStableLeader;

  @Option(
      names = "--max-connections",
      paramLabel = "N",
      description = "More are closed at once (default ${DEFAULT-VALUE}).")
  private int maxConnections = ShuckleConfig.MAX_CONNECTIONS;

  @Override
  public Integer call() throws Exception {
    server.applyLogging();
    ShuckleConfig config =
        ShuckleConfig.builder(directory)
            .bindAddresses(server.bindAddresses(ShuckleConfig.DEFAULT_PORT))
            .locationId(server.location)
            .stalenessDelay(ServerOptions.orElse(stalenessDelay, ShuckleConfig.STALENESS_DELAY))
            .enforceStableIp(enforceStableIp)
            .enforceStableLeader(enforceStableLeader)
            .maxConnections(maxConnections)
            .build();
    Lifetime lifetime = new Lifetime();
    lifetime.endWith(server.withProcess);
    try (ShuckleServer running = ShuckleServer.start(config)) {
      running.failure().thenRun(() -> lifetime.fail("the shuckle's disk failed"));
      System.out.println("ready " + running.addresses());
      return lifetime.serve(running);
    } catch (IOException e) {
      throw StartFailures.explain(e, "--addr");
    }
  }
}
