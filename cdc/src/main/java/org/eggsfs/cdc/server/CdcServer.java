package org.eggsfs.cdc.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.eggsfs.cdc.state.CdcState;
import org.eggsfs.consensus.GroupCommitter;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.Measurement;
import org.eggsfs.net.RememberedPorts;
import org.eggsfs.net.UdpSockets;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.store.ChangeList;
import org.eggsfs.store.DataDirectory;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.RocksStore;
import org.eggsfs.store.StoreException;

/**
 * The cross-directory coordinator as a running server: a database, a committer, an event loop, a
 * maintenance thread, one or two UDP sockets for clients and as many for the shards.
 *
 * <p>An answered operation is on disk. After {@code kill -9} the server goes on with every
 * transaction that had started, and a client that asks again gets the answer of the first try.
 */
public final class CdcServer implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(CdcServer.class.getName());
  private static final String FORMAT = "eggscdc 2";
  private static final int SOCKET_BUFFER_BYTES = 4 << 20;

  private final DataDirectory directory;
  private final KeyValueStore store;
  private final GroupCommitter committer;
  private final List<InetSocketAddress> addresses = new ArrayList<>();
  private final Maintenance maintenance;
  private final CdcLoop loop;
  private final Path dataDirectory;
  private Thread thread;
  private boolean closed;

  private CdcServer(CdcConfig config, Runnable onFailure) throws IOException {
    dataDirectory = config.dataDirectory();
    directory = DataDirectory.open(config.dataDirectory(), FORMAT);
    List<AutoCloseable> opened = new ArrayList<>();
    opened.add(directory);
    try {
      store = RocksStore.open(config.dataDirectory().resolve("db"));
      opened.add(store);
      initialize(store);
      committer = new GroupCommitter("cdc-committer", store, onFailure);
      opened.add(committer);
      List<DatagramChannel> clientChannels = bindForClients(config, opened);
      for (DatagramChannel channel : clientChannels) {
        addresses.add(Addresses.reachable((InetSocketAddress) channel.getLocalAddress()));
      }
      List<DatagramChannel> shardChannels = new ArrayList<>();
      for (InetSocketAddress address : config.bindAddresses()) {
        DatagramChannel channel =
            UdpSockets.bind(new InetSocketAddress(address.getAddress(), 0), SOCKET_BUFFER_BYTES);
        opened.add(channel);
        shardChannels.add(channel);
      }
      ShardAddresses shardAddresses = new ShardAddresses();
      maintenance = new Maintenance(config, addresses, shardAddresses);
      opened.add(maintenance);
      loop =
          new CdcLoop(
              config,
              store,
              committer,
              directory(shardAddresses, maintenance),
              clientChannels,
              shardChannels,
              this::makeSnapshot,
              onFailure);
    } catch (IOException | RuntimeException e) {
      for (AutoCloseable resource : opened.reversed()) {
        closeQuietly(resource);
      }
      throw e;
    }
  }

  /**
   * Starts a server; it serves when this returns and registers in the background.
   *
   * @param onFailure called, on a thread of the server, when the disk or the loop has failed and
   *     nothing is answered any more; the process should end then, from another thread
   * @throws IOException if the data directory or a port cannot be used, with the remedy
   */
  public static CdcServer start(CdcConfig config, Runnable onFailure) throws IOException {
    CdcServer server;
    try {
      server = new CdcServer(config, onFailure);
    } catch (StoreException e) {
      throw new IOException(e.getMessage(), e);
    }
    server.thread = Thread.ofPlatform().name("cdc-loop").start(server.loop);
    server.maintenance.start();
    return server;
  }

  private static void initialize(KeyValueStore store) {
    try (KeyValueStore.Snapshot view = store.snapshot()) {
      if (CdcState.isInitialized(view)) {
        return;
      }
    }
    ChangeList changes = new ChangeList();
    CdcState.initialize(changes);
    store.write(changes.take(), true);
  }

  private static List<DatagramChannel> bindForClients(CdcConfig config, List<AutoCloseable> opened)
      throws IOException {
    RememberedPorts ports = new RememberedPorts(config.dataDirectory().resolve("ports"));
    List<DatagramChannel> channels = new ArrayList<>();
    for (InetSocketAddress address : config.bindAddresses()) {
      DatagramChannel channel =
          UdpSockets.bindRemembered(
              address, SOCKET_BUFFER_BYTES, ports, Integer.toString(channels.size()));
      opened.add(channel);
      channels.add(channel);
    }
    ports.save();
    return channels;
  }

  private static CdcEngine.ShardDirectory directory(
      ShardAddresses addresses, Maintenance maintenance) {
    return new CdcEngine.ShardDirectory() {
      @Override
      public InetSocketAddress get(int shard, int attempt) {
        return addresses.get(shard, attempt);
      }

      @Override
      public void refreshSoon() {
        maintenance.refreshSoon();
      }
    };
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

  /** The first address that clients use. */
  public InetSocketAddress address() {
    return addresses.getFirst();
  }

  /** All addresses that clients use, one or two. */
  public List<InetSocketAddress> addresses() {
    return List.copyOf(addresses);
  }

  /** Whether the server is registered and knows where all shards are. */
  public boolean isReady() {
    return maintenance.isReady();
  }

  /** Transactions that have been running for long: step, request, and the shards they wait for. */
  public List<String> stuck() {
    return loop.stuck();
  }

  /**
   * What happened so far.
   *
   * @param requests of clients, repeated ones included
   * @param duplicates of them, dropped or answered from memory
   * @param malformed packets dropped
   * @param shardRequests packets sent to shards
   * @param shardRepeats of them, sent again
   */
  public record Counters(
      long requests, long duplicates, long malformed, long shardRequests, long shardRepeats) {}

  /** What happened so far. */
  public Counters counters() {
    return loop.counters();
  }

  /** What an operator may want to see drawn over time (docs/operations.md). Any thread. */
  public List<Measurement> measurements() {
    return CdcMetrics.of(loop.engine(), dataDirectory);
  }

  /** Stops taking requests, makes what was taken durable, closes the database. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    maintenance.close();
    loop.stop();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    committer.close();
    loop.close();
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
