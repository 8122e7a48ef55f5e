package org.eggsfs.shard.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.eggsfs.consensus.GroupCommitter;
import org.eggsfs.core.CbcMac;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.shard.state.ShardState;
import org.eggsfs.store.DataDirectory;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.KeyValueStore.Change;
import org.eggsfs.store.RocksStore;
import org.eggsfs.store.StoreException;
import org.eggsfs.store.WriteTarget;

/**
 * A process's worth of metadata shards (design: a shard group): one database, one committer, a few
 * event loops, one maintenance thread, and a UDP socket or two for each shard.
 *
 * <p>An answered write is on disk. After {@code kill -9} the host starts from the database and
 * continues; requests that were in flight are simply unanswered, and clients repeat them.
 */
public final class ShardHost implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(ShardHost.class.getName());
  private static final String FORMAT = "eggsshard 1";
  private static final int SOCKET_BUFFER_BYTES = 1 << 20;

  private final DataDirectory directory;
  private final KeyValueStore store;
  private final GroupCommitter committer;
  private final List<ShardLoop> loops = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Map<Integer, HostedShard> shards = new TreeMap<>();
  private final Maintenance maintenance;
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
      for (int i = 0; i < config.loopCount(); i++) {
        loops.add(new ShardLoop(store, committer, cdcKey, this::makeSnapshot, onFailure));
      }
      PortFile ports = new PortFile(config.dataDirectory().resolve("ports"));
      try (KeyValueStore.Snapshot view = store.snapshot()) {
        for (int n = config.shards().nextSetBit(0); n >= 0; n = config.shards().nextSetBit(n + 1)) {
          HostedShard shard = open(config, n, view, ports, opened);
          shards.put(n, shard);
          loops.get(n % loops.size()).add(shard);
        }
      }
      ports.save();
      maintenance = new Maintenance(config, List.copyOf(shards.values()));
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
    for (int i = 0; i < host.loops.size(); i++) {
      host.threads.add(Thread.ofPlatform().name("shard-loop-" + i).start(host.loops.get(i)));
    }
    host.maintenance.start();
    return host;
  }

  private void initialize(ShardHostConfig config) {
    List<Change> changes = new ArrayList<>();
    WriteTarget target =
        new WriteTarget() {
          @Override
          public void put(byte[] key, byte[] value) {
            changes.add(new Change(key, value));
          }

          @Override
          public void delete(byte[] key) {
            changes.add(new Change(key, null));
          }
        };
    SecureRandom random = new SecureRandom();
    try (KeyValueStore.Snapshot view = store.snapshot()) {
      config.shards().stream()
          .filter(shard -> !ShardState.isInitialized(view, shard))
          .forEach(
              shard -> {
                byte[] secret = new byte[16];
                random.nextBytes(secret);
                ShardState.initialize(shard, secret, target);
              });
    }
    if (!changes.isEmpty()) {
      store.write(changes, true);
    }
  }

  private static HostedShard open(
      ShardHostConfig config,
      int number,
      KeyValueStore.Snapshot view,
      PortFile ports,
      List<AutoCloseable> opened)
      throws IOException {
    ShardState state = ShardState.open(view, number, config.transientDeadlineInterval());
    List<DatagramChannel> channels = new ArrayList<>();
    List<InetSocketAddress> addresses = new ArrayList<>();
    for (int a = 0; a < config.addresses().size(); a++) {
      String name = number + "." + a;
      DatagramChannel channel =
          config.firstPort() > 0
              ? bind(config.addresses().get(a), config.firstPort() + a * 256 + number)
              : bindRemembered(config.addresses().get(a), ports.get(name));
      opened.add(channel);
      channels.add(channel);
      InetSocketAddress address = (InetSocketAddress) channel.getLocalAddress();
      ports.put(name, address.getPort());
      addresses.add(address);
    }
    HostedShard shard = new HostedShard(number, state, channels, addresses);
    ShardState.Applied applied = state.applied(view);
    shard.appliedIndex = applied.index();
    shard.durableIndex = applied.index();
    shard.lastIssuedTime = applied.time();
    return shard;
  }

  /** The port of last time, so that clients need not look again; any other if it is taken. */
  private static DatagramChannel bindRemembered(InetAddress address, int port) throws IOException {
    if (port != 0) {
      try {
        return bind(address, port);
      } catch (IOException e) {
        LOGGER.log(System.Logger.Level.INFO, "port " + port + " is taken now, choosing another");
      }
    }
    return bind(address, 0);
  }

  private static DatagramChannel bind(InetAddress address, int port) throws IOException {
    DatagramChannel channel = DatagramChannel.open(StandardProtocolFamily.INET);
    try {
      channel.configureBlocking(false);
      channel.setOption(StandardSocketOptions.SO_RCVBUF, SOCKET_BUFFER_BYTES);
      channel.setOption(StandardSocketOptions.SO_SNDBUF, SOCKET_BUFFER_BYTES);
      channel.bind(new InetSocketAddress(address, port));
      return channel;
    } catch (IOException e) {
      channel.close();
      throw new IOException(
          "cannot bind UDP "
              + address.getHostAddress()
              + ":"
              + port
              + " ("
              + e.getMessage()
              + "); another process uses it, or the address is not of this machine",
          e);
    }
  }

  private void makeSnapshot(long id, Consumer<ErrorCode> done) {
    maintenance.execute(
        () -> {
          Path target = directory.path().resolve("snapshot-" + Long.toUnsignedString(id));
          try {
            if (!Files.isDirectory(target)) {
              Path temporary =
                  directory.path().resolve("tmp.snapshot-" + Long.toUnsignedString(id));
              // A crash may have left half of one.
              deleteTree(temporary);
              store.checkpoint(temporary);
              Files.move(temporary, target);
            }
            done.accept(null);
          } catch (IOException | StoreException e) {
            LOGGER.log(System.Logger.Level.ERROR, "cannot make snapshot " + target, e);
            done.accept(ErrorCode.CANNOT_CREATE_DB_SNAPSHOT);
          }
        });
  }

  private static void deleteTree(Path root) throws IOException {
    if (!Files.exists(root)) {
      return;
    }
    try (Stream<Path> paths = Files.walk(root)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  /** The addresses of a hosted shard. */
  public List<InetSocketAddress> addresses(int shard) {
    return shards.get(shard).addresses;
  }

  /** Requests handled so far: reads, writes, malformed datagrams. */
  public long[] counters() {
    long[] totals = new long[3];
    for (ShardLoop loop : loops) {
      totals[0] += loop.reads.sum();
      totals[1] += loop.writes.sum();
      totals[2] += loop.malformed.sum();
    }
    return totals;
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
