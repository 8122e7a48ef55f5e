package org.eggsfs.blocks.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.eggsfs.protocol.StorageClass;

/**
 * A block server: the disks of one machine, or of one failure domain of a test cluster, behind one
 * or two TCP endpoints (blocks.md). Several servers of one process share a {@link BlocksRuntime}.
 *
 * <p>A proof that was sent means the block is on disk under its name. After {@code kill -9} the
 * server starts from the files; leftovers of interrupted writes are removed.
 */
public final class BlockServer implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(BlockServer.class.getName());

  /** Connections of one server; beyond it the new one is closed. */
  private static final int CONNECTIONS_MAX = 2000;

  private static final int HDD_CONCURRENCY_MAX = 8;
  private static final int FLASH_CONCURRENCY_MAX = 32;
  private static final int BACKLOG = 512;
  private static final long STACK_BYTES = 256 << 10;

  private final BlockServerConfig config;
  private final BlocksRuntime runtime;
  private final boolean ownsRuntime;
  private final Map<Long, BlockService> services = new LinkedHashMap<>();
  private final Map<Long, DiskQueue> queues = new LinkedHashMap<>();
  private final Set<Long> decommissioned = ConcurrentHashMap.newKeySet();
  private final List<ServerSocketChannel> listeners = new ArrayList<>();
  private final List<InetSocketAddress> addresses = new ArrayList<>();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final RequestHandler handler;
  private Registrar registrar;
  private volatile boolean closed;

  private BlockServer(BlockServerConfig config, BlocksRuntime runtime, boolean ownsRuntime) {
    this.config = config;
    this.runtime = runtime;
    this.ownsRuntime = ownsRuntime;
    this.handler = new RequestHandler(this, runtime);
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
      server.openDisks();
      server.listen();
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
    if (!config.shuckleAddresses().isEmpty()) {
      server.registrar = new Registrar(config, server, runtime);
      server.registrar.start();
    }
    return server;
  }

  private void openDisks() throws IOException {
    for (BlockServerConfig.Disk disk : config.disks()) {
      BlockService service = BlockService.open(config, runtime, disk);
      BlockService other = services.putIfAbsent(service.id, service);
      if (other != null) {
        service.close();
        throw new IOException(
            disk.directory() + " and " + other.directory + " have the same key; one is a copy");
      }
      queues.put(
          service.id,
          new DiskQueue(
              runtime.workers(),
              service.storageClass == StorageClass.HDD
                  ? HDD_CONCURRENCY_MAX
                  : FLASH_CONCURRENCY_MAX));
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
    while (!closed) {
      try {
        SocketChannel channel = listener.accept();
        if (connections.size() >= CONNECTIONS_MAX) {
          channel.close();
          continue;
        }
        serve(channel);
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        // Too many open files, for one: leave what is there alone and let it end.
        LOGGER.log(System.Logger.Level.WARNING, "cannot accept a connection", e);
        pause();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void serve(SocketChannel channel) throws IOException {
    try {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
    Connection connection = new Connection(channel, handler, runtime, config.connectionTimeout());
    connections.add(connection);
    runtime.add(connection);
    // Platform threads: file reads would pin the carriers of virtual ones.
    Thread.ofPlatform()
        .name("blocks-connection")
        .stackSize(STACK_BYTES)
        .daemon()
        .start(
            () -> {
              try {
                connection.run();
              } finally {
                connections.remove(connection);
              }
            });
  }

  BlockService service(long id) {
    return services.get(id);
  }

  /** The services in the order of the configuration. */
  Iterable<BlockService> services() {
    return services.values();
  }

  DiskQueue queue(BlockService service) {
    return queues.get(service.id);
  }

  boolean isDecommissioned(long serviceId) {
    return decommissioned.contains(serviceId);
  }

  void markDecommissioned(long serviceId) {
    if (decommissioned.add(serviceId)) {
      LOGGER.log(
          System.Logger.Level.INFO,
          "block service " + services.get(serviceId).directory + " is decommissioned: reads only");
    }
  }

  /** The bound endpoints. */
  public List<InetSocketAddress> addresses() {
    return List.copyOf(addresses);
  }

  /** Ids of the block services in the order of the configured disks. */
  public List<Long> serviceIds() {
    return List.copyOf(services.keySet());
  }

  /** The secret key of a service, for tests and tools that make certificates themselves. */
  public byte[] secretKey(long serviceId) {
    return services.get(serviceId).secretKey.clone();
  }

  /** Number of blocks on a service. */
  public long blockCount(long serviceId) {
    return services.get(serviceId).blockCount.get();
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
    if (registrar != null) {
      registrar.close();
    }
    for (ServerSocketChannel listener : listeners) {
      try {
        listener.close();
      } catch (IOException e) {
        LOGGER.log(System.Logger.Level.DEBUG, "closing a listener", e);
      }
    }
    connections.forEach(Connection::close);
    for (BlockService service : services.values()) {
      service.close();
    }
    if (ownsRuntime) {
      runtime.close();
    }
  }
}
