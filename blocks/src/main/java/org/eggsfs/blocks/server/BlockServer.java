package org.eggsfs.blocks.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.Channel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.eggsfs.net.Measurement;

/**
 * A block server: the disks of one machine, or of one failure domain of a test cluster, behind one
 * or two TCP endpoints (blocks.md). Several servers of one process share a {@link BlocksRuntime}.
 *
 * <p>A proof that was sent means the block is on disk under its name. After {@code kill -9} the
 * server starts from the files; leftovers of interrupted writes are removed.
 */
public final class BlockServer implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(BlockServer.class.getName());

  private static final long LIMIT_WARNING_NANOS = 60_000_000_000L;
  private static final int BACKLOG = 512;
  private static final long STACK_BYTES = 256 << 10;

  private final BlockServerConfig config;
  private final BlocksRuntime runtime;
  private final boolean ownsRuntime;
  private final Disks disks;
  private final Set<Long> decommissioned = ConcurrentHashMap.newKeySet();
  private final List<ServerSocketChannel> listeners = new ArrayList<>();
  private final List<InetSocketAddress> addresses = new ArrayList<>();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final RequestHandler handler;
  private final BlocksMetrics metrics;
  private final LongAdder connectionsRefused = new LongAdder();
  private final LongAdder connectionsEvicted = new LongAdder();
  private final AtomicLong limitWarningNanos = new AtomicLong();
  private volatile Registrar registrar;
  private volatile boolean closed;

  private BlockServer(BlockServerConfig config, BlocksRuntime runtime, boolean ownsRuntime) {
    this.config = config;
    this.runtime = runtime;
    this.ownsRuntime = ownsRuntime;
    this.disks = new Disks(config, runtime, this::diskChanged);
    this.handler = new RequestHandler(this);
    this.metrics = new BlocksMetrics(config);
  }

  /** Starts a server with a runtime of its own. */
  public static BlockServer start(BlockServerConfig config) throws IOException {
    BlocksRuntime runtime = new BlocksRuntime();
    try {
      return start(config, runtime, true);
    } catch (IOException | RuntimeException e) {
      runtime.close();
      throw e;
    }
  }

  /**
   * Starts a server; it serves when this returns and registers in the background.
   *
   * @throws IOException if a directory or port cannot be used; the message names it
   */
  public static BlockServer start(BlockServerConfig config, BlocksRuntime runtime)
      throws IOException {
    return start(config, runtime, false);
  }

  private static BlockServer start(
      BlockServerConfig config, BlocksRuntime runtime, boolean ownsRuntime) throws IOException {
    BlockServer server = new BlockServer(config, runtime, ownsRuntime);
    try {
      server.disks.openAll();
      server.listen();
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
    if (!config.shuckleAddresses().isEmpty()) {
      server.registrar = new Registrar(config, server);
      server.registrar.start();
    }
    runtime.add(server);
    return server;
  }

  /** Called about twice a second. */
  void watchDisks() {
    disks.watch();
  }

  /** A disk has joined, or is better or worse than before. */
  private void diskChanged(BlockService service) {
    if (service.health.state() == DiskState.HANGING) {
      service.buffers.writeOff();
      connections.forEach(connection -> connection.diskHangs(service));
    }
    Registrar known = registrar;
    if (known != null) {
      known.registerSoon();
    }
  }

  private void listen() throws IOException {
    for (InetSocketAddress address : config.bindAddresses()) {
      ServerSocketChannel listener = ServerSocketChannel.open();
      listeners.add(listener);
      listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      try {
        listener.bind(address, BACKLOG);
      } catch (IOException e) {
        throw new IOException(
            "cannot listen on "
                + address.getAddress().getHostAddress()
                + ":"
                + address.getPort()
                + " ("
                + e.getMessage()
                + "); another process uses the port, or the address is not of this machine",
            e);
      }
      addresses.add((InetSocketAddress) listener.getLocalAddress());
    }
    for (ServerSocketChannel listener : listeners) {
      Thread.ofVirtual().name("blocks-accept").start(() -> accept(listener));
    }
  }

  private void accept(ServerSocketChannel listener) {
    while (!closed && listener.isOpen()) {
      SocketChannel channel = null;
      boolean served = false;
      try {
        channel = listener.accept();
        if (connections.size() < config.connectionsMax() || evictIdle()) {
          serve(channel);
          served = true;
        } else {
          connectionsRefused.increment();
        }
      } catch (ClosedChannelException e) {
        LOGGER.log(System.Logger.Level.TRACE, "closed", e);
      } catch (IOException | RuntimeException | Error e) {
        // Too many open files, no memory, no thread: leave what is there alone and let it end.
        LOGGER.log(System.Logger.Level.WARNING, "cannot accept a connection", e);
        pause();
      } finally {
        if (!served) {
          closeQuietly(channel);
        }
      }
    }
  }

  private static void closeQuietly(Channel channel) {
    if (channel == null) {
      return;
    }
    try {
      channel.close();
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "closing " + channel, e);
    }
  }

  /** Closes the connection that has been idle longest; false if none has been for long. */
  private boolean evictIdle() {
    long now = System.nanoTime();
    Connection longest = null;
    long idleMax = config.idleMin();
    for (Connection connection : connections) {
      long idle = connection.idleNanos(now);
      if (idle >= idleMax) {
        idleMax = idle;
        longest = connection;
      }
    }
    long warned = limitWarningNanos.get();
    if ((warned == 0 || now - warned > LIMIT_WARNING_NANOS)
        && limitWarningNanos.compareAndSet(warned, now | 1)) {
      LOGGER.log(
          System.Logger.Level.WARNING,
          "{0} connections, the limit, {1} of them idle: {2} closed for new ones, {3} refused so"
              + " far",
          connections.size(),
          idleCount(),
          connectionsEvicted.sum(),
          connectionsRefused.sum());
    }
    if (longest == null) {
      return false;
    }
    connectionsEvicted.increment();
    connections.remove(longest);
    longest.close();
    return true;
  }

  /** Connections that have nothing to do at the moment. */
  long idleCount() {
    long now = System.nanoTime();
    return connections.stream().filter(connection -> connection.idleNanos(now) != 0).count();
  }

  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void serve(SocketChannel channel) throws IOException {
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
    Connection[] self = new Connection[1];
    Connection connection =
        new Connection(channel, handler, () -> ended(self[0]), config.connectionTimeout());
    self[0] = connection;
    connections.add(connection);
    runtime.add(connection);
    boolean started = false;
    try {
      // Platform threads: file reads would pin the carriers of virtual ones.
      runtime
          .threads()
          .start(
              Thread.ofPlatform()
                  .name("blocks-connection")
                  .stackSize(STACK_BYTES)
                  .daemon()
                  .unstarted(connection));
      started = true;
    } finally {
      if (!started) {
        ended(connection);
      }
    }
  }

  private void ended(Connection connection) {
    connections.remove(connection);
    runtime.remove(connection);
  }

  BlockService service(long id) {
    return disks.get(id);
  }

  /**
   * The services in the order of the configuration; disks that could not be opened are left out.
   */
  List<BlockService> services() {
    return disks.all();
  }

  boolean isDecommissioned(long serviceId) {
    return decommissioned.contains(serviceId);
  }

  void markDecommissioned(long serviceId) {
    if (decommissioned.add(serviceId)) {
      LOGGER.log(
          System.Logger.Level.INFO,
          "block service " + disks.get(serviceId).directory + " is decommissioned: reads only");
    }
  }

  /** The bound endpoints. */
  public List<InetSocketAddress> addresses() {
    return List.copyOf(addresses);
  }

  /**
   * Serves one more disk from now on; nothing else of the server notices. It is opened in the
   * background: one that cannot be opened is told in the log and tried again, like a configured
   * one.
   *
   * @return false if its directory is among the server's already
   */
  public boolean addDisk(BlockServerConfig.Disk disk) {
    return disks.add(disk);
  }

  /** Ids of the block services in the order of the configured disks. */
  public List<Long> serviceIds() {
    return disks.all().stream().map(service -> service.id).toList();
  }

  /** The secret key of a service, for tests and tools that make certificates themselves. */
  public byte[] secretKey(long serviceId) {
    return disks.get(serviceId).secretKey.clone();
  }

  /** Number of blocks on a service, as far as they are counted. */
  public long blockCount(long serviceId) {
    return disks.get(serviceId).counter.count();
  }

  /** What an operator may want to see drawn over time (docs/operations.md). Any thread. */
  public List<Measurement> measurements() {
    List<Measurement> all = new ArrayList<>();
    disks.all().forEach(service -> all.addAll(metrics.of(service)));
    all.add(
        metrics.connections(
            connections.size(), idleCount(), connectionsRefused.sum(), connectionsEvicted.sum()));
    return all;
  }

  /** Whether the shuckle has accepted the registration of the services at least once. */
  public boolean isRegistered() {
    return registrar != null && registrar.isRegistered();
  }

  /** Stops listening and closes all connections; acknowledged blocks are on disk already. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    runtime.remove(this);
    if (registrar != null) {
      registrar.close();
    }
    listeners.forEach(BlockServer::closeQuietly);
    connections.forEach(Connection::close);
    disks.close();
    if (ownsRuntime) {
      runtime.close();
    }
  }
}
