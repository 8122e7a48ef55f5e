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
import java.util.function.Consumer;
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
  private static final long TICK_WARNING_NANOS = 60_000_000_000L;

  private final DiskFiles files;
  private final ThreadStarter threads;
  private final TransferBuffers buffers;
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

  /** When a failed tick was last told; only the timer's thread looks at it. */
  private long tickWarningNanos = System.nanoTime() - TICK_WARNING_NANOS;

  /** A runtime without servers. */
  public BlocksRuntime() {
    this(new SystemFiles());
  }

  /** A runtime whose servers use these files. */
  BlocksRuntime(DiskFiles files) {
    this(files, Thread::start, new TransferBuffers());
  }

  /** With another way to start threads than the system's, and other buffers. */
  BlocksRuntime(DiskFiles files, Consumer<Thread> threads, TransferBuffers buffers) {
    this.files = files;
    this.threads = new ThreadStarter(threads);
    this.buffers = buffers;
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

  ThreadStarter threads() {
    return threads;
  }

  FileSystemCommitter committer(Path directory) throws IOException {
    Object fileSystem = files.fileSystem(directory);
    FileSystemCommitter fresh = new FileSystemCommitter(files, threads, directory);
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
    long now = System.nanoTime();
    for (Connection connection : connections) {
      attempt(() -> connection.closeIfExpired(now));
    }
    for (BlockServer server : servers) {
      attempt(server::watchDisks);
    }
  }

  /** Whatever goes wrong, the timer would not come again for any of them if it were thrown. */
  private void attempt(Runnable look) {
    try {
      look.run();
    } catch (RuntimeException | Error e) {
      long now = System.nanoTime();
      if (now - tickWarningNanos >= TICK_WARNING_NANOS) {
        tickWarningNanos = now;
        LOGGER.log(System.Logger.Level.ERROR, "looking after disks failed; it goes on", e);
      }
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
