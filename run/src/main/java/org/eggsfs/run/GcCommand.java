package org.eggsfs.run;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.gc.Gc;
import org.eggsfs.gc.GcConfig;
import org.eggsfs.gc.ShardWork;
import org.eggsfs.gc.collect.CollectConfig;
import org.eggsfs.gc.destruct.DestructConfig;
import org.eggsfs.net.InfluxPush;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.store.DataDirectory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code eggsgc}: the jobs by which data looks after itself, in the flags of cli.md section 4.3.
 */
@Command(
    name = "eggsgc",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Jobs by which data looks after itself: removal of what was deleted, repair, migration.")
final class GcCommand implements Callable<Integer> {
  /** Kind and version of a data directory. */
  static final String FORMAT = "eggsgc 1";

  private static final long RECONNECT_MILLIS = 1_000;
  private static final System.Logger LOG = System.getLogger(GcCommand.class.getName());

  @Mixin private ServerOptions server;
  @Mixin private GcRepairOptions repair;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "For status.json and the cursors of interrupted cycles (default: not kept).")
  private Path dataDir;

  @Option(
      names = "--collect-directories",
      description = "Job: remove past edges that the snapshot policies have given up.")
  private boolean collect;

  @Option(
      names = "--collect-directories-workers-per-shard",
      paramLabel = "N",
      description = "Directories of a shard at the same time (default ${DEFAULT-VALUE}).")
  private int collectWorkers = ShardWork.DEFAULT.workersPerShard();

  @Option(
      names = "--collect-directories-min-edge-age",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description =
          "How long something is past before it goes, whatever the policy; below minutes only in"
              + " tests (default 1h).")
  private Long minEdgeAge;

  @Option(
      names = "--collect-directories-rate",
      paramLabel = "N",
      description = "Most removals per second; 0 = unlimited (default ${DEFAULT-VALUE}).")
  private double collectRate = ShardWork.DEFAULT.perSecond();

  @Option(
      names = "--destruct-files",
      description = "Job: destroy files past their deadline, and erase their blocks.")
  private boolean destruct;

  @Option(
      names = "--destruct-files-workers-per-shard",
      paramLabel = "N",
      description = "Files of a shard at the same time (default ${DEFAULT-VALUE}).")
  private int destructWorkers = ShardWork.DEFAULT.workersPerShard();

  @Option(
      names = "--destruct-files-slack",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "How long after its deadline a file is left alone (default 5m).")
  private Long slack;

  @Option(
      names = "--destruct-files-rate",
      paramLabel = "N",
      description = "Most erased blocks per second; 0 = unlimited (default ${DEFAULT-VALUE}).")
  private double destructRate = ShardWork.DEFAULT.perSecond();

  @Option(
      names = "--cycle-min",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "From one visit to a shard to the next, of each job (default 10m).")
  private Long cycleMin;

  @Option(
      names = "--zero-block-services",
      description = "Job: let TernFS's shards drop rows of no use; ours have none.")
  private boolean zeroBlockServices;

  @Option(names = "--count-metrics", description = "Job: count files and directories.")
  private boolean count;

  @Option(
      names = "--single-iteration",
      description = "One cycle of each job, then end; 0 if nothing failed, else 3.")
  private boolean single;

  @Option(
      names = {"--shards", "--shard"},
      paramLabel = "LIST",
      description = "Which shards, e.g. 7 or 0-127,200 (default all); also as arguments.")
  private String shards;

  @Parameters(arity = "0..*", paramLabel = "SHARD", description = "Which shards.")
  private List<String> shardArguments = new ArrayList<>();

  @Option(
      names = "--partition-count",
      paramLabel = "N",
      description = "Share the shards with other processes: of so many ...")
  private int partitionCount = 1;

  @Option(
      names = "--partition-index",
      paramLabel = "I",
      description = "... this is the one of this index, from 0.")
  private int partitionIndex;

  @Option(
      names = "--mtu",
      paramLabel = "N",
      description = "Largest metadata answer, 1472 to 8972 (found out by default).")
  private int mtu;

  @Option(
      names = "--app-instance",
      paramLabel = "NAME",
      description = "Name of this process in metrics (default ${DEFAULT-VALUE}).")
  private String appInstance = "eggsgc";

  @Option(
      names = {
        "--num-registry-handlers",
        "--collect-directories-workers-queue-size",
        "--destruct-files-workers-queue-size",
        "--pprof-http-port"
      },
      paramLabel = "X",
      hidden = true,
      description = "Accepted for TernFS's drivers; nothing here has such a limit or port.")
  @SuppressWarnings("UnusedVariable")
  private List<String> ignored = new ArrayList<>();

  @Override
  public Integer call() throws Exception {
    server.applyLogging();
    Optional<InfluxPush.Target> influx = server.influx();
    if (!collect && !destruct && !zeroBlockServices && !count && !repair.any()) {
      throw new CommandFailure(
          ExitCodes.USAGE,
          "nothing to do: choose at least one of --collect-directories, --destruct-files,"
              + " --scrub, --migrate, --defrag, --zero-block-services, --count-metrics");
    }
    GcConfig config;
    ClientConfig clientConfig;
    try {
      config = config();
      clientConfig = client(server.shuckles(), server.givenAddresses(), mtu);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, e.getMessage());
    }
    Lifetime lifetime = new Lifetime();
    lifetime.endWith(server.withProcess);
    try (DataDirectory directory = dataDir == null ? null : DataDirectory.open(dataDir, FORMAT);
        Gc gc = start(clientConfig, config, lifetime)) {
      if (gc == null) {
        return ExitCodes.OK;
      }
      LOG.log(
          System.Logger.Level.DEBUG,
          "data directory {0}",
          directory == null ? "none" : directory.path());
      influx.ifPresent(target -> gc.sendMetrics(target, appInstance));
      System.out.println("ready");
      System.out.flush();
      if (single) {
        Thread.ofVirtual().name("single-iteration").start(() -> endWith(gc, lifetime));
      }
      int exitCode = lifetime.serve(gc);
      if (!single || exitCode != ExitCodes.OK) {
        return exitCode;
      }
      printSummary(gc.counters());
      return gc.hasFailures() ? ExitCodes.PARTIAL : ExitCodes.OK;
    }
  }

  private GcConfig config() throws CommandFailure {
    long cycle = InstanceOptions.orElse(cycleMin, ShardWork.DEFAULT.cycleNanosMin());
    CollectConfig collectConfig =
        CollectConfig.DEFAULT
            .withMinEdgeAge(
                InstanceOptions.orElse(minEdgeAge, CollectConfig.DEFAULT.minEdgeAgeNanos()))
            .withWork(new ShardWork(collectWorkers, collectRate, cycle));
    DestructConfig destructConfig =
        DestructConfig.DEFAULT
            .withSlack(InstanceOptions.orElse(slack, DestructConfig.DEFAULT.slackNanos()))
            .withWork(new ShardWork(destructWorkers, destructRate, cycle));
    return new GcConfig(
        dataDir,
        chosenShards(),
        single,
        Optional.of(collectConfig).filter(c -> collect),
        Optional.of(destructConfig).filter(c -> destruct),
        zeroBlockServices,
        count);
  }

  private BitSet chosenShards() throws CommandFailure {
    BitSet chosen = GcConfig.partition(partitionIndex, partitionCount);
    String list = shards == null ? String.join(",", shardArguments) : shards;
    if (shards != null && !shardArguments.isEmpty()) {
      throw new CommandFailure(ExitCodes.USAGE, "shards are given twice");
    }
    if (!list.isEmpty()) {
      chosen.and(ShardCommand.parseShards(list));
    }
    return chosen;
  }

  /** The configuration of a patient client that sends from the given addresses, if there are. */
  static ClientConfig client(
      List<InetSocketAddress> shuckles, List<InetSocketAddress> sources, int mtu) {
    ClientConfig.Builder client = GcConfig.patient(ClientConfig.builder()).mtu(mtu);
    shuckles.forEach(client::shuckle);
    for (InetSocketAddress source : sources) {
      client.blockSource(new InetSocketAddress(source.getAddress(), 0));
    }
    if (!sources.isEmpty()) {
      client.metadataSource(sources.getFirst());
    }
    return client.build();
  }

  /** Waits for a shuckle as the other roles do; a single cycle gives up. */
  private Gc start(ClientConfig clientConfig, GcConfig config, Lifetime lifetime)
      throws CommandFailure, EggsException, IOException, InterruptedException {
    while (!lifetime.isEnding()) {
      EggsClient client;
      try {
        client = EggsClient.connect(clientConfig);
      } catch (IOException e) {
        if (single) {
          throw new CommandFailure(ExitCodes.FAILED, "no shuckle: " + e.getMessage(), e);
        }
        LOG.log(System.Logger.Level.WARNING, "waiting for a shuckle: {0}", e.getMessage());
        Thread.sleep(RECONNECT_MILLIS);
        continue;
      }
      return Gc.start(
          client,
          config,
          (c, cursors, alerts) -> repair.make(c, config.shards(), single, cursors, alerts));
    }
    return null;
  }

  private static void endWith(Gc gc, Lifetime lifetime) {
    try {
      gc.awaitEnd();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    lifetime.end();
  }

  /** Prints what was done, one line a job. */
  private static void printSummary(Map<String, Map<String, Long>> counters) {
    for (Map.Entry<String, Map<String, Long>> job : counters.entrySet()) {
      StringBuilder line = new StringBuilder(job.getKey()).append(':');
      for (Map.Entry<String, Long> counter : job.getValue().entrySet()) {
        line.append(' ').append(counter.getKey()).append('=').append(counter.getValue());
      }
      System.out.println(line);
    }
  }
}
