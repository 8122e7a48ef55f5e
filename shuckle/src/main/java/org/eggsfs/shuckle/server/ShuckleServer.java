package org.eggsfs.shuckle.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.DirectoryMetrics;
import org.eggsfs.net.Measurement;
import org.eggsfs.net.RequestMetrics;
import org.eggsfs.net.TcpFrameServer;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shuckle.RegisterShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleKind;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.shuckle.state.LogEntry;
import org.eggsfs.shuckle.state.Rules;
import org.eggsfs.shuckle.state.ShuckleState;
import org.eggsfs.store.DataDirectory;
import org.eggsfs.store.RocksStore;
import org.eggsfs.store.StoreException;

/**
 * A running shuckle, single replica: the deployment's directory service (shuckle.md).
 *
 * <pre>
 *  TcpFrameServer ─► RequestHandler ─► StateKeeper ─► GroupCommitter ─► RocksStore
 *                                        ▲      ▲
 *                              Housekeeper      FilePresence ─► shards (UDP)
 * </pre>
 *
 * <p>Threads: one platform thread that commits; virtual threads for connections, the housekeeper
 * and the search for files. Every change is durable before it is answered or visible. When the disk
 * fails the server stops listening and {@link #failure} completes.
 */
public final class ShuckleServer implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ShuckleServer.class.getName());
  private static final String FORMAT = "eggsshuckle 2";
  private static final String DATABASE = "db";

  private final ShuckleConfig config;

  /** What was opened, last first. */
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  private final CompletableFuture<Void> failure = new CompletableFuture<>();
  private StateKeeper keeper;
  private Housekeeper housekeeper;
  private RequestHandler handler;
  private TcpFrameServer tcp;
  private AddrsInfo addrs = Addresses.NONE;

  private ShuckleServer(ShuckleConfig config) {
    this.config = config;
  }

  /**
   * Opens the data and serves.
   *
   * @throws IOException if the data directory or an address cannot be used; nothing stays open
   */
  public static ShuckleServer start(ShuckleConfig config) throws IOException {
    ShuckleServer server = new ShuckleServer(config);
    boolean started = false;
    try {
      server.open();
      started = true;
      return server;
    } catch (StoreException e) {
      throw new IOException(e.getMessage(), e);
    } finally {
      if (!started) {
        server.close();
      }
    }
  }

  private void open() throws IOException {
    opened.push(DataDirectory.open(config.dataDirectory(), FORMAT));
    RocksStore store = RocksStore.open(config.dataDirectory().resolve(DATABASE));
    opened.push(store);
    keeper = new StateKeeper(store, config.clock(), this::candidatesChanged, this::failed);
    opened.push(keeper);
    housekeeper = new Housekeeper(keeper, config, this::registerSelf);
    opened.push(housekeeper);
    FilePresence presence = new FilePresence(keeper, new ShardCaller());
    opened.push(presence);

    Rules rules =
        new Rules(
            config.stalenessDelay(),
            config.minAutoDecommissionInterval(),
            config.unavailableDomainsMax(),
            config.enforceStableIp(),
            config.enforceStableLeader());
    handler = new RequestHandler(keeper, rules, self());
    TcpFrameServer.Options options =
        TcpFrameServer.Options.standard(ProtocolConstants.MAGIC_SHUCKLE_REQUEST)
            .withConnectionsMax(config.maxConnections());
    tcp = TcpFrameServer.start(config.bindAddresses(), options, handler);
    opened.push(tcp);
    List<InetSocketAddress> advertised = config.advertisedAddresses();
    if (advertised.isEmpty()) {
      advertised = new ArrayList<>();
      for (InetSocketAddress bound : tcp.addresses()) {
        advertised.add(Addresses.reachable(bound));
      }
    }
    addrs = Addresses.of(advertised);
    handler.setSelf(self());

    registerSelf();
    housekeeper.start();
    presence.start();
    LOG.log(System.Logger.Level.INFO, "the shuckle listens on {0}", tcp.addresses());
  }

  private ShuckleState.Self self() {
    return new ShuckleState.Self(config.locationId(), addrs);
  }

  /** The only replica leads, wherever it was before. */
  private void registerSelf() {
    Rules free = new Rules(0, 0, 1, false, false);
    RegisterShuckleRequest request =
        new RegisterShuckleRequest(0, ProtocolConstants.DEFAULT_LOCATION, true, addrs, false);
    keeper.submit(time -> new LogEntry.ClientWrite(time, free, request));
  }

  private void candidatesChanged() {
    housekeeper.wake();
  }

  private void failed() {
    LOG.log(System.Logger.Level.ERROR, "the shuckle's disk failed: it stops serving");
    failure.complete(null);
    // On a thread of its own: closing waits for connections, and this is the committer's.
    Thread.ofVirtual().name("shuckle-stop").start(tcp::close);
  }

  /** Where the server listens first. */
  public InetSocketAddress address() {
    return tcp.addresses().getFirst();
  }

  /** Where the server listens, one or two endpoints. */
  public List<InetSocketAddress> addresses() {
    return tcp.addresses();
  }

  /** Completes when the server had to stop because its disk failed. */
  public CompletableFuture<Void> failure() {
    return failure;
  }

  /** Requests of a kind answered since the start. */
  public long requestCount(int kind) {
    return handler.metrics().count(kind);
  }

  /** What an operator may want to see drawn over time (docs/operations.md). Any thread. */
  public List<Measurement> measurements() {
    List<Measurement> all =
        new ArrayList<>(
            RequestMetrics.measurements(
                "eggsfs_shuckle",
                measurement -> measurement,
                ShuckleKind::name,
                List.of(handler.metrics())));
    all.add(
        new Measurement("eggsfs_shuckle_connections")
            .field("open", tcp.connectionCount())
            .field("refused", tcp.refusedCount())
            .field("evicted", tcp.evictedCount()));
    all.add(
        new Measurement("eggsfs_shuckle_log")
            .field("entries", keeper.entryCount())
            .field("in_flight", keeper.waitingCount()));
    all.add(DirectoryMetrics.of(new Measurement("eggsfs_shuckle_storage"), config.dataDirectory()));
    return all;
  }

  /** Connections open now. */
  public int connectionCount() {
    return tcp.connectionCount();
  }

  /** Stops serving; everything answered is durable. */
  @Override
  public void close() {
    List<AutoCloseable> all = new ArrayList<>(opened);
    opened.clear();
    for (AutoCloseable closeable : all) {
      try {
        closeable.close();
      } catch (Exception e) {
        LOG.log(System.Logger.Level.WARNING, "closing a part of the shuckle failed", e);
      }
    }
  }
}
