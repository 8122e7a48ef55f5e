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
 * Each round takes what has arrived, syncs the file system once, and then
 *
 * <ul>
 *   <li>gives the files whose data has just become durable their final names: they are acknowledged
 *       after the <em>next</em> round, which makes the names durable;
 *   <li>acknowledges what was renamed or removed before the sync.
 * </ul>
 *
 * So a block is never visible before its data is durable, never acknowledged before its name is,
 * and any number of blocks share two syncs. The thread ends when it has been idle for a while.
 */
final class FileSystemCommitter implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(FileSystemCommitter.class.getName());

  private static final long IDLE_NANOS = 30_000_000_000L;

  /** Puts a durable file under its final name. */
  interface Rename {
    void run() throws IOException;
  }

  private record Task(Rename rename, CompletableFuture<Void> done) {}

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
   * The file is written; sync it, run {@code rename}, make the name durable, then complete.
   *
   * @param writtenIn the {@link #generation} when its writing began
   */
  CompletableFuture<Void> commit(Rename rename, long writtenIn) {
    return enqueue(new Task(rename, new CompletableFuture<>()), writtenIn);
  }

  /** A name was removed; complete once that is durable. */
  CompletableFuture<Void> sync() {
    return enqueue(new Task(null, new CompletableFuture<>()), generation());
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
    List<Task> renamed = new ArrayList<>();
    while (true) {
      List<Task> written = take(renamed.isEmpty());
      if (written == null) {
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
      finish(renamed, failure);
      renamed = rename(written, failure);
    }
  }

  /** What has arrived; waits for it if {@code mayWait}; null when the thread should end. */
  private synchronized List<Task> take(boolean mayWait) {
    long giveUp = System.nanoTime() + IDLE_NANOS;
    while (mayWait && fresh.isEmpty()) {
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

  private static List<Task> rename(List<Task> written, IOException failure) {
    List<Task> renamed = new ArrayList<>();
    for (Task task : written) {
      if (failure != null) {
        task.done.completeExceptionally(failure);
      } else if (task.rename == null) {
        task.done.complete(null);
      } else {
        try {
          task.rename.run();
          renamed.add(task);
        } catch (IOException | RuntimeException | Error e) {
          task.done.completeExceptionally(e);
        }
      }
    }
    return renamed;
  }

  private static void finish(List<Task> renamed, IOException failure) {
    for (Task task : renamed) {
      if (failure == null) {
        task.done.complete(null);
      } else {
        task.done.completeExceptionally(failure);
      }
    }
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
