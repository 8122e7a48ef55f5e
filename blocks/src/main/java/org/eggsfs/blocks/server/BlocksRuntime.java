package org.eggsfs.blocks.server;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.eggsfs.blocks.disk.DiskFiles;
import org.eggsfs.blocks.disk.SystemFiles;

/**
 * What all block servers of a process share: threads for pipelined requests, transfer buffers, one
 * committer for each file system, a timer. Threads exist only while there is work.
 */
public final class BlocksRuntime implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(BlocksRuntime.class.getName());

  /** Several hanging disks hold 32 each; beyond the limit connections do the work themselves. */
  private static final int WORKERS_MAX = 256;

  private static final long TICK_MILLIS = 500;

  private final DiskFiles files;
  private final TransferBuffers buffers = new TransferBuffers();
  private final Map<Object, FileSystemCommitter> committers = new HashMap<>();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final Set<BlockServer> servers = ConcurrentHashMap.newKeySet();
  private final ThreadPoolExecutor workers =
      new ThreadPoolExecutor(
          0,
          WORKERS_MAX,
          20,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          Thread.ofPlatform().name("blocks-worker-", 0).daemon().factory(),
          new ThreadPoolExecutor.CallerRunsPolicy());
  private final ScheduledThreadPoolExecutor timer =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().name("blocks-timer").daemon().factory());

  /** A runtime without servers. */
  public BlocksRuntime() {
    this(new SystemFiles());
  }

  /** A runtime whose servers use these files. */
  BlocksRuntime(DiskFiles files) {
    this.files = files;
    timer.setRemoveOnCancelPolicy(true);
    timer.scheduleWithFixedDelay(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Runs tasks; when all workers are busy the caller runs its task itself. */
  Executor workers() {
    return workers;
  }

  ScheduledThreadPoolExecutor timer() {
    return timer;
  }

  TransferBuffers buffers() {
    return buffers;
  }

  DiskFiles files() {
    return files;
  }

  FileSystemCommitter committer(Path directory) throws IOException {
    Object fileSystem = files.fileSystem(directory);
    FileSystemCommitter fresh = new FileSystemCommitter(files, directory);
    synchronized (committers) {
      FileSystemCommitter known = committers.putIfAbsent(fileSystem, fresh);
      if (known == null) {
        return fresh;
      }
      fresh.close();
      return known;
    }
  }

  void add(Connection connection) {
    connections.add(connection);
  }

  void remove(Connection connection) {
    connections.remove(connection);
  }

  int connectionCount() {
    return connections.size();
  }

  void add(BlockServer server) {
    servers.add(server);
  }

  void remove(BlockServer server) {
    servers.remove(server);
  }

  /** Ends connections that were silent for too long, and looks after the disks. Never waits. */
  private void tick() {
    try {
      long now = System.nanoTime();
      for (Connection connection : connections) {
        connection.closeIfExpired(now);
      }
      for (BlockServer server : servers) {
        server.watchDisks();
      }
    } catch (RuntimeException e) {
      LOGGER.log(System.Logger.Level.ERROR, "looking after disks failed; it goes on", e);
    }
  }

  /** Ends the shared threads; servers must be closed before. */
  @Override
  public void close() {
    timer.shutdownNow();
    workers.shutdownNow();
    synchronized (committers) {
      committers.values().forEach(FileSystemCommitter::close);
      committers.clear();
    }
  }
}
