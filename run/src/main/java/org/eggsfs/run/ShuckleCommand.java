package org.eggsfs.run;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
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
    description = "Nameserver: where everything is, and the states of the disks.")
final class ShuckleCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;
  @Mixin private ReplicaOptions replica;

  @Option(
      names = {"--bincode-port", "--shuckle-port"},
      paramLabel = "PORT",
      description = "Port when there is no --addr (default ${DEFAULT-VALUE}).")
  private int port = ShuckleConfig.DEFAULT_PORT;

  @Option(names = "--enforce-stable-ip", description = "A server may not change all its addresses.")
  private boolean enforceStableIp;

  @Option(names = "--enforce-stable-leader", description = "Leaders change only on request.")
  private boolean enforceStableLeader;

  @Option(
      names = "--max-connections",
      paramLabel = "N",
      description = "At the limit idle ones are closed (default ${DEFAULT-VALUE}).")
  private int maxConnections = ShuckleConfig.MAX_CONNECTIONS;

  @Option(
      names = "--min-auto-decom-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "Time between automatic decommissionings (default 1h).")
  private Long minAutoDecommissionInterval;

  @Option(
      names = "--alert-at-unavailable-failure-domains",
      paramLabel = "N",
      description = "No automatic decommissioning from so many on (default ${DEFAULT-VALUE}).")
  private int unavailableDomainsMax = ShuckleConfig.UNAVAILABLE_DOMAINS_MAX;

  @Option(
      names = {"--staleness-delay", "--stale"},
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "After which silence a block service is stale (default 3m).")
  private Long stalenessDelay;

  @Option(
      names = "--block-service-use-delay",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "Quarantine of new block services (default 0).")
  private Long useDelay;

  @Option(
      names = "--max-writable-block-service-per-shard",
      paramLabel = "N",
      description = "Block services of a class a shard may write to (default ${DEFAULT-VALUE}).")
  private int maxWritablePerShard = ShuckleConfig.MAX_WRITABLE_PER_SHARD;

  @Option(
      names = "--writable-block-service-update-interval",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How often the assignment is made anew (default 30m).")
  private Long assignmentInterval;

  @Override
  public Integer call() throws Exception {
    server.applyLogging();
    replica.check();
    ShuckleConfig config;
    try {
      config =
          ShuckleConfig.builder(replica.dataDir)
              .bindAddresses(server.bindAddresses(port))
              .locationId(server.location)
              .stalenessDelay(InstanceOptions.orElse(stalenessDelay, ShuckleConfig.STALENESS_DELAY))
              .useDelay(InstanceOptions.orElse(useDelay, 0))
              .minAutoDecommissionInterval(
                  InstanceOptions.orElse(
                      minAutoDecommissionInterval, ShuckleConfig.MIN_AUTO_DECOMMISSION_INTERVAL))
              .unavailableDomainsMax(unavailableDomainsMax)
              .maxWritablePerShard(maxWritablePerShard)
              .assignmentInterval(
                  InstanceOptions.orElse(assignmentInterval, ShuckleConfig.ASSIGNMENT_INTERVAL))
              .maxConnections(maxConnections)
              .enforceStableIp(enforceStableIp)
              .enforceStableLeader(enforceStableLeader)
              .build();
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
    Lifetime lifetime = new Lifetime();
    lifetime.endWith(server.withProcess);
    try (ShuckleServer running = ShuckleServer.start(config);
        ServerOptions.Sending _ = server.sendMetrics(running::measurements)) {
      running.failure().thenRun(() -> lifetime.fail("the disk failed"));
      Readiness.announceWhen(() -> true, "ready " + running.address());
      return lifetime.serve(running);
    } catch (IOException e) {
      throw StartFailures.explain(e, "--addr");
    }
  }
}
