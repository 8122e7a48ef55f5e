package org.eggsfs.blocks.server;

import java.io.IOException;
import java.io.SyncFailedException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.eggsfs.blocks.disk.DiskFiles;

/**
 * Makes files and names of one file system durable in groups (blocks.md section 3.4, weakness 10).
 * Each round takes what has arrived, syncs the file system once, and acknowledges all of it:
 * removals, and blocks that are durable in the {@link Staging} directory and get their names then.
 * So any number of blocks share one sync. The thread ends when it has been idle for a while.
 */
final class FileSystemCommitter implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(FileSystemCommitter.class.getName());

  private static final long IDLE_NANOS = 30_000_000_000L;

  /** What follows when something is durable. */
  interface Step {
    void run() throws IOException;
  }

  private record Task(Step then, CompletableFuture<Void> done) {
    void finish(IOException failure) {
      if (failure != null) {
        done.completeExceptionally(failure);
        return;
      }
      try {
        then.run();
        done.complete(null);
      } catch (IOException | RuntimeException | Error e) {
        done.completeExceptionally(e);
      }
    }
  }

  private final DiskFiles files;
  private final DiskFiles.Held root;
  private final String name;

  /** When the sync under way began; 0 when there is none. */
  private volatile long syncStartNanos;

  private List<Task> fresh = new ArrayList<>();
  private boolean running;
  private boolean closed;
  private long generation;

  /** A committer of the file system that holds {@code directory}. */
  FileSystemCommitter(DiskFiles files, Path directory) throws IOException {
    this.files = files;
    this.root = files.hold(directory);
    this.name = "blocks-sync-" + directory.getFileName();
  }

  /**
   * A file is written; makes it durable under the name it has, runs {@code then}, and completes.
   *
   * @param writtenIn the {@link #generation} when its writing began
   */
  CompletableFuture<Void> commit(Step then, long writtenIn) {
    return enqueue(new Task(then, new CompletableFuture<>()), writtenIn);
  }

  /** A name was removed; complete once that is durable. */
  CompletableFuture<Void> sync() {
    return enqueue(new Task(() -> {}, new CompletableFuture<>()), generation());
  }

  private synchronized CompletableFuture<Void> enqueue(Task task, long writtenIn) {
    if (closed) {
      task.done.completeExceptionally(new IOException("the server has stopped"));
      return task.done;
    }
    if (writtenIn != generation) {
      task.done.completeExceptionally(
          new SyncFailedException("a sync failed while this was written"));
      return task.done;
    }
    fresh.add(task);
    if (!running) {
      running = true;
      Thread.ofPlatform().name(name).daemon().start(this::run);
    }
    notifyAll();
    return task.done;
  }

  private void run() {
    while (true) {
      List<Task> tasks = take();
      if (tasks == null) {
        return;
      }
      IOException failure = null;
      try {
        syncStartNanos = System.nanoTime() | 1;
        files.syncFileSystem(root);
      } catch (IOException | RuntimeException | Error e) {
        failure = new SyncFailedException(String.valueOf(e.getMessage()));
        failure.initCause(e);
        failAllFresh(failure);
      } finally {
        syncStartNanos = 0;
      }
      for (Task task : tasks) {
        task.finish(failure);
      }
    }
  }

  /** Waits for something to arrive; null when the thread should end. */
  private synchronized List<Task> take() {
    long giveUp = System.nanoTime() + IDLE_NANOS;
    while (fresh.isEmpty()) {
      long left = giveUp - System.nanoTime();
      if (left <= 0 || closed) {
        running = false;
        if (closed) {
          root.close();
        }
        return null;
      }
      try {
        wait(1 + left / 1_000_000);
      } catch (InterruptedException e) {
        // Nobody interrupts this thread; it ends by being idle.
        LOGGER.log(System.Logger.Level.DEBUG, "interrupted", e);
      }
    }
    List<Task> taken = fresh;
    fresh = new ArrayList<>();
    return taken;
  }

  /**
   * The kernel reports a write-back error once: data of tasks that arrived during the failed sync
   * may be lost with it, and the next sync would not say so. Data being written right now belongs
   * to an older generation and is refused when it is committed.
   */
  private synchronized void failAllFresh(IOException failure) {
    generation++;
    for (Task task : fresh) {
      task.done.completeExceptionally(failure);
    }
    fresh = new ArrayList<>();
  }

  /** How long the sync under way has taken so far, 0 without one. */
  long syncingNanos(long nowNanos) {
    long start = syncStartNanos;
    return start == 0 ? 0 : nowNanos - start;
  }

  /** Grows with each failed sync; data written under an older one cannot be trusted. */
  synchronized long generation() {
    return generation;
  }

  /** Lets go of the file system, after what was asked for is done; nothing more can be. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      notifyAll();
      if (!running) {
        root.close();
      }
    }
  }
}
