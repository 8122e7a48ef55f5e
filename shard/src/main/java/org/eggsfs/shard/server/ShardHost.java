package org.eggsfs.shard.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.eggsfs.consensus.GroupCommitter;
import org.eggsfs.core.CbcMac;
import org.eggsfs.net.Measurement;
import org.eggsfs.net.RememberedPorts;
import org.eggsfs.net.UdpSockets;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.shard.state.BlockServices;
import org.eggsfs.shard.state.ShardState;
import org.eggsfs.store.ChangeList;
import org.eggsfs.store.DataDirectory;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.RocksStore;
import org.eggsfs.store.StoreException;

/**
 * A process's worth of metadata shards (design: a shard group): one database, one committer, a few
 * event loops, one maintenance thread, and a UDP socket or two for each shard.
 *
 * <p>An answered write is on disk. After {@code kill -9} the host starts from the database and
 * continues; requests that were in flight are simply unanswered, and clients repeat them.
 */
public final class ShardHost implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(ShardHost.class.getName());
  private static final String FORMAT = "eggsshard 2";
  private static final int SOCKET_BUFFER_BYTES = 1 << 20;

  private final DataDirectory directory;
  private final KeyValueStore store;
  private final GroupCommitter committer;
  private final List<ShardLoop> loops = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Map<Integer, HostedShard> shards = new TreeMap<>();
  private final Maintenance maintenance;
  private final ShardMetrics metrics;
  private boolean closed;

  private ShardHost(ShardHostConfig config, Runnable onFailure) throws IOException {
    directory = DataDirectory.open(config.dataDirectory(), FORMAT);
    List<AutoCloseable> opened = new ArrayList<>();
    opened.add(directory);
    try {
      store = RocksStore.open(config.dataDirectory().resolve("db"));
      opened.add(store);
      initialize(config);
      committer = new GroupCommitter("shard-committer", store, onFailure);
      opened.add(committer);
      CbcMac cdcKey = new CbcMac(config.cdcKey());
      for (int i = 0; i < loopCount(config); i++) {
        loops.add(new ShardLoop(store, committer, cdcKey, this::makeSnapshot, onFailure));
      }
      RememberedPorts ports = new RememberedPorts(config.dataDirectory().resolve("ports"));
      try (KeyValueStore.Snapshot view = store.snapshot()) {
        for (int n = config.shards().nextSetBit(0); n >= 0; n = config.shards().nextSetBit(n + 1)) {
          open(config, n, view, ports, opened);
        }
      }
      ports.save();
      maintenance = new Maintenance(config, List.copyOf(shards.values()));
      metrics =
          new ShardMetrics(
              config.shards(),
              config.dataDirectory(),
              loops.stream().map(ShardLoop::engine).toList());
    } catch (IOException | RuntimeException e) {
      for (AutoCloseable resource : opened.reversed()) {
        closeQuietly(resource);
      }
      throw e;
    }
  }

  /**
   * Starts a host; it serves when this returns and registers in the background.
   *
   * @param onFailure called, on a thread of the host, when the disk or a loop has failed and the
   *     host answers no more; the process should end then, from another thread
   * @throws IOException if the data directory or a port cannot be used, with the remedy
   */
  public static ShardHost start(ShardHostConfig config, Runnable onFailure) throws IOException {
    ShardHost host;
    try {
      host = new ShardHost(config, onFailure);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } catch (StoreException e) {
      throw new IOException(e.getMessage(), e);
    }
    host.maintenance.recall();
    for (int i = 0; i < host.loops.size(); i++) {
      host.threads.add(Thread.ofPlatform().name("shard-loop-" + i).start(host.loops.get(i)));
    }
    host.maintenance.start();
    return host;
  }

  /** No loop is without a shard. */
  static int loopCount(ShardHostConfig config) {
    return Math.min(config.loopCount(), config.shards().cardinality());
  }

  /** What a hosted shard knows of block services. */
  BlockServices blockServices(int shard) {
    return shards.get(shard).blockServices();
  }

  private void initialize(ShardHostConfig config) {
    ChangeList changes = new ChangeList();
    SecureRandom random = new SecureRandom();
    try (KeyValueStore.Snapshot view = store.snapshot()) {
      config.shards().stream()
          .filter(shard -> !ShardState.isInitialized(view, shard))
          .forEach(
              shard -> {
                byte[] secret = new byte[16];
                random.nextBytes(secret);
                ShardState.initialize(shard, secret, changes);
              });
    }
    if (!changes.isEmpty()) {
      store.write(changes.take(), true);
    }
  }

  private void open(
      ShardHostConfig config,
      int number,
      KeyValueStore.Snapshot view,
      RememberedPorts ports,
      List<AutoCloseable> opened)
      throws IOException {
    List<DatagramChannel> channels = new ArrayList<>();
    List<InetSocketAddress> addresses = new ArrayList<>();
    for (int a = 0; a < config.addresses().size(); a++) {
      String name = number + "." + a;
      int port = config.firstPort() > 0 ? config.firstPort() + a * 256 + number : 0;
      DatagramChannel channel =
          UdpSockets.bindRemembered(
              new InetSocketAddress(config.addresses().get(a), port),
              SOCKET_BUFFER_BYTES,
              ports,
              name);
      opened.add(channel);
      channels.add(channel);
      InetSocketAddress address = (InetSocketAddress) channel.getLocalAddress();
      addresses.add(address);
    }
    HostedShard shard =
        HostedShard.open(view, number, config.transientDeadlineInterval(), addresses);
    loops.get(shards.size() % loops.size()).add(shard, channels);
    shards.put(number, shard);
  }

  private void makeSnapshot(long id, Consumer<ErrorCode> done) {
    maintenance.execute(
        () -> {
          try {
            directory.checkpoint(store, id);
            done.accept(null);
          } catch (IOException | RuntimeException e) {
            // Whatever it was: who asked is answered, or its repeats would be taken for work.
            LOGGER.log(
                System.Logger.Level.ERROR, "cannot make snapshot " + Long.toUnsignedString(id), e);
            done.accept(ErrorCode.CANNOT_CREATE_DB_SNAPSHOT);
          }
        });
  }

  /** The addresses of a hosted shard. */
  public List<InetSocketAddress> addresses(int shard) {
    return shards.get(shard).addresses;
  }

  /** Requests handled so far: reads, writes, malformed datagrams. */
  public long[] counters() {
    long[] totals = new long[3];
    for (ShardLoop loop : loops) {
      loop.addCountersTo(totals);
    }
    return totals;
  }

  /** What an operator may want to see drawn over time (docs/operations.md). Any thread. */
  public List<Measurement> measurements() {
    return metrics.now();
  }

  /** Whether every hosted shard is registered and has block services to write to. */
  public boolean isReady() {
    return maintenance.isReady();
  }

  /** Stops taking requests, makes what was taken durable, closes the database. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    maintenance.close();
    for (ShardLoop loop : loops) {
      loop.stop();
    }
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    committer.close();
    store.close();
    directory.close();
  }

  private static void closeQuietly(AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      LOGGER.log(System.Logger.Level.DEBUG, "closing after a failed start", e);
    }
  }
}
