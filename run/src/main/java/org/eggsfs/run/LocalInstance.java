package org.eggsfs.run;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.eggsfs.blocks.server.BlockServer;
import org.eggsfs.blocks.server.BlocksRuntime;
import org.eggsfs.cdc.server.CdcServer;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.client.EggsClient;
import org.eggsfs.gc.Gc;
import org.eggsfs.gc.GcConfig;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.shard.server.ShardHost;
import org.eggsfs.shuckle.server.ShuckleServer;
import org.eggsfs.store.DataDirectory;

/**
 * A whole instance in this process: shuckle, CDC, all shards, all block servers, the collector.
 *
 * <p>The shuckle comes first, since the others register there. CDC and block servers start at the
 * same time, shards when the block services are assigned. All stop in the opposite order: whoever
 * asks others stops before them.
 */
final class LocalInstance implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(LocalInstance.class.getName());

  private final DataDirectory directory;
  private final ShuckleServer shuckle;
  private final BlocksRuntime blocksRuntime = new BlocksRuntime();
  private final List<BlockServer> blockServers = new ArrayList<>();
  private ShardHost shards;
  private CdcServer cdc;
  private DataDirectory gcDirectory;
  private Gc gc;
  private boolean closed;

  private LocalInstance(DataDirectory directory, ShuckleServer shuckle) {
    this.directory = directory;
    this.shuckle = shuckle;
  }

  /**
   * Starts everything; {@link #isReady} tells when it is of use.
   *
   * @param lifetime is told when a disk has failed
   */
  static LocalInstance start(InstanceOptions options, Lifetime lifetime) throws CommandFailure {
    InstanceLayout layout = new InstanceLayout(options.dataDir.toAbsolutePath().normalize());
    RoleConfigs configs = new RoleConfigs(options, layout);
    LocalInstance instance = null;
    DataDirectory directory = null;
    try {
      directory = DataDirectory.open(layout.root(), InstanceLayout.FORMAT);
      InstanceShape shape = InstanceShape.of(layout, options);
      instance = new LocalInstance(directory, ShuckleServer.start(configs.shuckle()));
      instance.shuckle.failure().thenRun(() -> lifetime.fail("the disk of the shuckle failed"));
      instance.startOthers(configs, options, shape, lifetime);
      return instance;
    } catch (IOException | CommandFailure e) {
      if (instance != null) {
        instance.close();
      } else if (directory != null) {
        directory.close();
      }
      throw e instanceof IOException io
          ? StartFailures.explain(io, "--shuckle-port")
          : (CommandFailure) e;
    }
  }

  private void startOthers(
      RoleConfigs configs, InstanceOptions options, InstanceShape shape, Lifetime lifetime)
      throws IOException, CommandFailure {
    List<InetSocketAddress> shuckles = List.of(shuckle.address());
    try (ExecutorService starters = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> starting = new ArrayList<>();
      Callable<Void> startCdc =
          () -> {
            cdc =
                CdcServer.start(
                    configs.cdc(shuckles), () -> lifetime.fail("the disk of the CDC failed"));
            return null;
          };
      starting.add(starters.submit(startCdc));
      for (int i = 0; i < shape.servers().size(); i++) {
        int number = i;
        Callable<Void> startBlocks =
            () -> {
              BlockServer server =
                  BlockServer.start(
                      configs.blocks(number, shape.servers().get(number), shuckles), blocksRuntime);
              synchronized (blockServers) {
                blockServers.add(server);
              }
              return null;
            };
        starting.add(starters.submit(startBlocks));
      }
      for (Future<?> part : starting) {
        part.get();
      }
      Assignment.await(shuckle.address(), shape, this::areBlockServersRegistered, lifetime);
      shards =
          ShardHost.start(
              configs.shards(shuckles), () -> lifetime.fail("the disk of the shards failed"));
      if (!options.noGc) {
        startGc(configs, shuckles);
      }
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case CommandFailure failure -> throw failure;
        case RuntimeException bug -> throw bug;
        default -> throw new IllegalStateException(e.getCause());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while starting", e);
    }
  }

  private void startGc(RoleConfigs configs, List<InetSocketAddress> shuckles)
      throws IOException, CommandFailure {
    GcConfig config = configs.gc();
    gcDirectory = DataDirectory.open(config.dataDirectory(), GcCommand.FORMAT);
    EggsClient client;
    try {
      client = EggsClient.connect(GcCommand.client(shuckles, List.of(), 0));
    } catch (EggsException e) {
      throw new IOException("the collector cannot ask the shuckle: " + e.getMessage(), e);
    }
    gc =
        Gc.start(
            client,
            config,
            (c, cursors, alerts) ->
                configs.gcRepair().make(c, config.shards(), false, cursors, alerts));
  }

  /** Where clients find this instance. */
  InetSocketAddress shuckleAddress() {
    return shuckle.address();
  }

  /** Whether every part serves, is registered, and shards know where to write. */
  boolean isReady() {
    return areBlockServersRegistered() && shards.isReady() && cdc.isReady();
  }

  private boolean areBlockServersRegistered() {
    synchronized (blockServers) {
      return blockServers.stream().allMatch(BlockServer::isRegistered);
    }
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    closePart(gc);
    closePart(gcDirectory);
    closePart(cdc);
    closePart(shards);
    synchronized (blockServers) {
      blockServers.forEach(LocalInstance::closePart);
    }
    closePart(blocksRuntime);
    closePart(shuckle);
    closePart(directory);
  }

  /** One part that does not stop well must not keep the others from stopping. */
  private static void closePart(AutoCloseable part) {
    if (part == null) {
      return;
    }
    try {
      part.close();
    } catch (Exception e) {
      LOGGER.log(System.Logger.Level.ERROR, "while stopping", e);
    }
  }
}
