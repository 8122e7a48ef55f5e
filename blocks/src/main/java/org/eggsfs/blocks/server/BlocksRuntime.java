package org.eggsfs.blocks.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.protocol.Frames;

/**
 * What all block servers of a process share: threads for pipelined requests, transfer buffers, one
 * committer for each file system, a timer. Threads exist only while there is work.
 */
public final class BlocksRuntime implements AutoCloseable {
  /** Pages moved at a time between socket and file. */
  static final int CHUNK_PAGES = 64;

  /** Data part and record part of a chunk; the rest is room for a response header. */
  static final int CHUNK_SIZE =
      CHUNK_PAGES * (BlockFormat.PAGE + BlockFormat.RECORD) + BlockFormat.PAGE;

  /** All transfers at once use no more than this many chunks (about 34 MiB); others wait. */
  private static final int CHUNKS_MAX = 64;

  /** Longer than a stalled peer may keep one. */
  private static final long CHUNK_WAIT_SECONDS = 60;

  /** Chunks kept for reuse. */
  private static final int CHUNKS_KEPT = 16;

  private static final int WORKERS_MAX = 64;
  private static final long SWEEP_SECONDS = 5;

  private final Semaphore chunkPermits = new Semaphore(CHUNKS_MAX);
  private final ArrayDeque<ByteBuffer> chunks = new ArrayDeque<>();
  private final Map<FileStore, FileSystemCommitter> committers = new HashMap<>();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
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
    timer.setRemoveOnCancelPolicy(true);
    timer.scheduleWithFixedDelay(this::sweep, SWEEP_SECONDS, SWEEP_SECONDS, TimeUnit.SECONDS);
  }

  /** Runs tasks; when all workers are busy the caller runs its task itself. */
  Executor workers() {
    return workers;
  }

  ScheduledThreadPoolExecutor timer() {
    return timer;
  }

  /**
   * Takes a transfer buffer, waiting while all are in use.
   *
   * @throws IllegalStateException if none becomes free for so long that peers must be stalling
   */
  ByteBuffer takeChunk() {
    boolean free;
    try {
      free = chunkPermits.tryAcquire(CHUNK_WAIT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      free = false;
    }
    if (!free) {
      throw new IllegalStateException("all transfer buffers are in use");
    }
    synchronized (chunks) {
      ByteBuffer chunk = chunks.pollFirst();
      if (chunk != null) {
        return chunk.clear();
      }
    }
    return Frames.directBuffer(CHUNK_SIZE);
  }

  void giveChunk(ByteBuffer chunk) {
    synchronized (chunks) {
      if (chunks.size() < CHUNKS_KEPT) {
        chunks.addFirst(chunk);
      }
    }
    chunkPermits.release();
  }

  FileSystemCommitter committer(Path directory) throws IOException {
    FileStore store = Files.getFileStore(directory);
    synchronized (committers) {
      FileSystemCommitter committer = committers.get(store);
      if (committer == null) {
        committer = new FileSystemCommitter(directory);
        committers.put(store, committer);
      }
      return committer;
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

  /** Closes connections whose peer has been silent or slow for too long. */
  private void sweep() {
    long now = System.nanoTime();
    for (Connection connection : connections) {
      connection.closeIfExpired(now);
    }
  }

  /** Ends the shared threads; servers must be closed before. */
  @Override
  public void close() {
    timer.shutdownNow();
    workers.shutdownNow();
  }
}
