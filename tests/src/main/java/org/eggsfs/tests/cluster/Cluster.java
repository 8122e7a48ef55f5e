package org.eggsfs.tests.cluster;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.client.metadata.RetryPolicy;
import org.eggsfs.core.InodeIds;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.struct.SnapshotPolicy;
import org.eggsfs.tests.faults.Clocks;
import org.eggsfs.tests.faults.PacketFaults;
import org.eggsfs.tests.faults.ShuckleProxy;

/**
 * A cluster of real processes on loopback with its own data directory. Times are short, so that
 * what production does in hours is done in seconds. Clients and CDC may be given faulty networks.
 *
 * <p>In one process there is a single child, {@code run}; in processes there are {@code shuckle},
 * {@code cdc}, {@code shards} and {@code bs_00} and on.
 */
public final class Cluster implements AutoCloseable {
  /** Name of the only child of a cluster in one process. */
  public static final String WHOLE = "run";

  public static final String SHUCKLE = "shuckle";
  public static final String CDC = "cdc";
  public static final String SHARDS = "shards";

  /** How old a block must be before it may be erased. */
  public static final String ERASE_CUTOFF = "2s";

  private static final String REFRESH_INTERVAL = "1s";
  private static final String REGISTER_INTERVAL = "2s";
  private static final String STALENESS_DELAY = "20s";
  private static final int BLOCK_SERVERS_STARTING_MAX = 3;
  private static final long WRITABLE_SECONDS_MAX = 120;
  private static final long POLL_MILLIS = 50;
  private static final long TIME_RULE_ACTIVE = Long.MIN_VALUE;
  private static final int VERSIONS_RULE_ACTIVE = 1 << 15;

  /** Written to see whether enough disks are there: a span of 14 blocks. */
  private static final int PROBE_BYTES = 64 << 10;

  private final ClusterConfig config;
  private final Path root;
  private final long seed;
  private final Map<String, RoleProcess> children =
      Collections.synchronizedMap(new LinkedHashMap<>());
  private final Map<String, RoleProcess> helpers =
      Collections.synchronizedMap(new LinkedHashMap<>());
  private InetSocketAddress shuckle;
  private ShuckleProxy clientNetwork;
  private ShuckleProxy cdcNetwork;
  private Clocks clocks;

  private Cluster(ClusterConfig config, Path root, long seed) {
    this.config = config;
    this.root = root;
    this.seed = seed;
  }

  /** Starts a cluster and waits until a file can be written to it. */
  public static Cluster start(ClusterConfig config, Path root, long seed)
      throws IOException, InterruptedException {
    Cluster cluster = new Cluster(config, root, seed);
    boolean started = false;
    try {
      Files.createDirectories(cluster.logs());
      if (config.ownClocks()) {
        cluster.clocks = new Clocks(root.resolve("clocks"));
      }
      if (config.processes()) {
        cluster.startProcesses();
      } else {
        cluster.startWhole();
      }
      if (!config.clientFaults().equals(PacketFaults.NONE)) {
        cluster.clientNetwork =
            new ShuckleProxy(cluster.shuckle, config.clientFaults(), cluster.seed);
      }
      cluster.awaitWritable();
      cluster.keepNoSnapshots();
      started = true;
      return cluster;
    } finally {
      if (!started) {
        cluster.close();
      }
    }
  }

  private void startWhole() throws IOException, InterruptedException {
    RoleProcess whole =
        add(
            WHOLE,
            "run",
            List.of(
                "--data-dir",
                root.resolve("data").toString(),
                "--shuckle-port",
                "0",
                "--failure-domains",
                Integer.toString(config.blockServers()),
                "--hdd-block-services",
                Integer.toString(config.servicesPerClass()),
                "--flash-block-services",
                Integer.toString(config.servicesPerClass()),
                "--reserved-storage",
                "0",
                "--no-gc",
                "--no-mount",
                "--transient-deadline-interval",
                config.transientDeadline().toSeconds() + "s",
                "--erase-cutoff",
                ERASE_CUTOFF,
                "--staleness-delay",
                STALENESS_DELAY,
                "--refresh-interval",
                REFRESH_INTERVAL,
                "--register-interval",
                REGISTER_INTERVAL));
    whole.start();
    String line = whole.awaitReady();
    shuckle = Addresses.parse(line.replaceAll(".*shuckle at ([^ ,]+).*", "$1"));
    whole.setOption("--shuckle-port", Integer.toString(shuckle.getPort()));
  }

  private void startProcesses() throws IOException, InterruptedException {
    RoleProcess first =
        add(
            SHUCKLE,
            "shuckle",
            List.of(
                "--db-dir",
                root.resolve("data/shuckle").toString(),
                "--addr",
                "127.0.0.1:0",
                "--staleness-delay",
                STALENESS_DELAY,
                "--writable-block-service-update-interval",
                "2s",
                "--log-level",
                "error"));
    first.start();
    String line = first.awaitReady();
    String text = line.substring(line.lastIndexOf('/') + 1);
    shuckle = Addresses.parse(text.substring(text.lastIndexOf(' ') + 1));
    first.setOption("--addr", "127.0.0.1:" + shuckle.getPort());
    String address = "127.0.0.1:" + shuckle.getPort();
    String cdcShuckle = address;
    if (!config.cdcFaults().equals(PacketFaults.NONE)) {
      cdcNetwork = new ShuckleProxy(shuckle, config.cdcFaults(), seed + 1);
      cdcShuckle = "127.0.0.1:" + cdcNetwork.address().getPort();
    }
    for (int i = 0; i < config.blockServers(); i++) {
      addBlockServer(i, address).start();
      // New disks are many small files with syncs: all at once they would wait for each other.
      if (i >= BLOCK_SERVERS_STARTING_MAX) {
        child(blockServer(i - BLOCK_SERVERS_STARTING_MAX)).awaitReady();
      }
    }
    for (int i = 0; i < config.blockServers(); i++) {
      child(blockServer(i)).awaitReady();
    }
    List<String> times =
        List.of(
            "--refresh-interval",
            REFRESH_INTERVAL,
            "--register-interval",
            REGISTER_INTERVAL,
            "--log-level",
            "error");
    List<String> cdc =
        new ArrayList<>(
            List.of("--db-dir", root.resolve("data/cdc").toString(), "--addr", "127.0.0.1:0"));
    cdc.addAll(List.of("--shuckle", cdcShuckle));
    cdc.addAll(times);
    add(CDC, "cdc", cdc).start();
    List<String> shards =
        new ArrayList<>(
            List.of("--db-dir", root.resolve("data/shards").toString(), "--addr", "127.0.0.1:0"));
    shards.addAll(List.of("--shuckle", address));
    shards.addAll(
        List.of("--transient-deadline-interval", config.transientDeadline().toSeconds() + "s"));
    shards.addAll(times);
    add(SHARDS, "shard", shards).start();
    child(CDC).awaitReady();
    child(SHARDS).awaitReady();
  }

  private RoleProcess addBlockServer(int number, String shuckleAddress) throws IOException {
    List<String> args =
        new ArrayList<>(
            List.of(
                "--failure-domain",
                blockServer(number),
                "--addr",
                "127.0.0.1:0",
                "--shuckle",
                shuckleAddress,
                "--reserved-storage",
                "0",
                "--erase-cutoff",
                ERASE_CUTOFF,
                "--register-interval",
                REGISTER_INTERVAL,
                "--log-level",
                "error"));
    for (int i = 0; i < 2 * config.servicesPerClass(); i++) {
      args.add(root.resolve("data").resolve(blockServer(number)).resolve("" + i).toString());
      args.add(i < config.servicesPerClass() ? "HDD" : "FLASH");
    }
    return add(blockServer(number), "blocks", args);
  }

  private RoleProcess add(String name, String role, List<String> arguments) throws IOException {
    RoleProcess child =
        process(name, role, arguments, clocks == null ? Map.of() : clocks.environment(name));
    children.put(name, child);
    return child;
  }

  private RoleProcess process(
      String name, String role, List<String> arguments, Map<String, String> environment) {
    List<String> all = new ArrayList<>(arguments);
    if (!role.equals("run")) {
      all.addAll(List.of("--with-process", Long.toString(ProcessHandle.current().pid())));
    }
    return new RoleProcess(name, role, all, logs(), environment);
  }

  /**
   * Adds a process that uses the cluster, such as a collector or a mount, not started yet. It is
   * judged and ends as the others do, but {@link #crash} leaves it alone.
   */
  public RoleProcess addHelper(String name, String role, List<String> arguments) {
    List<String> all = new ArrayList<>(List.of("--shuckle", shuckleAddress()));
    all.addAll(arguments);
    RoleProcess helper = process(name, role, all, Map.of());
    helpers.put(name, helper);
    return helper;
  }

  /** Stops such a process and forgets it, unless it has ended by itself: then it is a failure. */
  public void removeHelper(RoleProcess helper) throws IOException {
    helper.stop();
    if (helper.unexpectedEnd() == null) {
      helpers.remove(helper.name());
    }
  }

  private Path logs() {
    return root.resolve("logs");
  }

  /** The name of a block server's child and of its failure domain. */
  public static String blockServer(int number) {
    return "bs_%02d".formatted(number);
  }

  /** Waits until spans of 14 blocks can be written. */
  public void awaitWritable() throws IOException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WRITABLE_SECONDS_MAX);
    try (EggsClient client = EggsClient.connect(clientConfig(shuckle).build())) {
      while (true) {
        try (FileWriter probe = client.paths().create("/.probe")) {
          probe.write(new byte[PROBE_BYTES]);
          probe.commit();
          client.paths().unlink("/.probe");
          return;
        } catch (EggsException | IOException e) {
          if (System.nanoTime() > end) {
            throw new IOException("the cluster takes no writes: " + e.getMessage(), e);
          }
        }
        Thread.sleep(POLL_MILLIS);
      }
    } catch (EggsException e) {
      throw new IOException("the cluster cannot be reached: " + e.getMessage(), e);
    }
  }

  /**
   * Whatever is removed may be collected. Directories keep the policies that they had when they
   * were removed, so this comes before everything else.
   */
  private void keepNoSnapshots() throws IOException {
    SnapshotPolicy nothing = new SnapshotPolicy(TIME_RULE_ACTIVE, VERSIONS_RULE_ACTIVE);
    ByteBuffer body = Frames.buffer(nothing.encodedSize());
    nothing.encode(body);
    try (EggsClient client = connectDirectly()) {
      client.inodes().setPolicy(InodeIds.ROOT, DirectoryInfoTag.SNAPSHOT, body.array());
    } catch (EggsException e) {
      throw new IOException("the policy of the root cannot be set: " + e.getMessage(), e);
    }
  }

  /** A client behind the faulty network, if there is one. It never gives up early. */
  public EggsClient connect() throws IOException, EggsException {
    return EggsClient.connect(clientConfig(networkAddress()).build());
  }

  /** The same, and it asks for answers of at most so many bytes. */
  public EggsClient connect(int mtu) throws IOException, EggsException {
    return EggsClient.connect(clientConfig(networkAddress()).mtu(mtu).build());
  }

  /** A client with a perfect network, for oracles. */
  public EggsClient connectDirectly() throws IOException, EggsException {
    return EggsClient.connect(clientConfig(shuckle).build());
  }

  private static ClientConfig.Builder clientConfig(InetSocketAddress shuckleAddress) {
    return ClientConfig.builder()
        .shuckle(shuckleAddress)
        .shardRetry(RetryPolicy.ofMillis(20, 1_000, 180_000))
        .cdcRetry(RetryPolicy.ofMillis(100, 2_000, 180_000))
        .readDeadline(Duration.ofMinutes(2))
        .writeDeadline(Duration.ofMinutes(2))
        .memoryBudget(64L << 20);
  }

  private InetSocketAddress networkAddress() {
    return clientNetwork == null ? shuckle : clientNetwork.address();
  }

  /** The shuckle's real address as an option's value. */
  public String shuckleAddress() {
    return "127.0.0.1:" + shuckle.getPort();
  }

  /** Its shape. */
  public ClusterConfig config() {
    return config;
  }

  /** Everything of this cluster: {@code data} and {@code logs}. */
  public Path root() {
    return root;
  }

  /** The processes by name. */
  public Map<String, RoleProcess> children() {
    return Map.copyOf(children);
  }

  /** One process. */
  public RoleProcess child(String name) {
    RoleProcess child = children.get(name);
    if (child == null) {
      throw new IllegalArgumentException("this cluster has no process " + name);
    }
    return child;
  }

  /** The clocks of the processes, by their names; null unless the configuration wants them. */
  public Clocks clocks() {
    return clocks;
  }

  /** Packets that the faulty networks saw, and those they lost, doubled or delayed. */
  public long[] packetCounts() {
    long[] counts = new long[2];
    for (ShuckleProxy network : new ShuckleProxy[] {clientNetwork, cdcNetwork}) {
      if (network != null) {
        counts[0] += network.datagrams().packets();
        counts[1] += network.datagrams().faulty();
      }
    }
    return counts;
  }

  /** Kills everything at once and starts it again on the same data. */
  public void crash() throws IOException, InterruptedException {
    for (RoleProcess child : children.values()) {
      child.kill();
    }
    for (RoleProcess child : children.values()) {
      child.start();
    }
    for (RoleProcess child : children.values()) {
      child.awaitReady();
    }
  }

  /** Runs a command of the command line in a process of its own; the result is what it said. */
  public CliResult cli(String... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(Launcher.command("cli", logs()));
    command.addAll(List.of("--shuckle", shuckleAddress()));
    command.addAll(List.of(args));
    Path out = Files.createTempFile(logs(), "cli-", ".out");
    Path err = Files.createTempFile(logs(), "cli-", ".err");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectOutput(out.toFile())
              .redirectError(err.toFile())
              .start();
      process.getOutputStream().close();
      int code = process.waitFor();
      return new CliResult(code, Files.readString(out), Files.readString(err));
    } finally {
      Files.delete(out);
      Files.delete(err);
    }
  }

  /** What a command did. */
  public record CliResult(int exitCode, String output, String errors) {}

  /** What went wrong with the processes themselves: an end that nobody asked for. */
  public List<String> misbehaviour() {
    List<String> found = new ArrayList<>();
    List<RoleProcess> all = new ArrayList<>(children.values());
    all.addAll(helpers.values());
    for (RoleProcess child : all) {
      if (child.unexpectedEnd() != null) {
        found.add(child.unexpectedEnd());
      }
    }
    return found;
  }

  /** Kills all processes for good and leaves everything else as it is. */
  public void abandon() {
    List.copyOf(helpers.values()).forEach(RoleProcess::abandon);
    List.copyOf(children.values()).forEach(RoleProcess::abandon);
    try {
      MountTable.detachBelow(root);
    } catch (IOException | InterruptedException e) {
      System.err.println("mounts below " + root + " may be left: " + e.getMessage());
    }
  }

  @Override
  public void close() throws IOException {
    for (RoleProcess helper : List.copyOf(helpers.values()).reversed()) {
      helper.stop();
    }
    try {
      MountTable.detachBelow(root);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (RoleProcess child : List.copyOf(children.values()).reversed()) {
      child.stop();
    }
    if (clientNetwork != null) {
      clientNetwork.close();
    }
    if (cdcNetwork != null) {
      cdcNetwork.close();
    }
  }
}
