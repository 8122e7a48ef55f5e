package org.eggsfs.blocks.server;

import java.io.IOException;
import java.io.SyncFailedException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.blocks.disk.DiskFiles;

/**
 * Makes files and names of one file system durable in groups (blocks.md section 3.4, weakness 10).
 * Each round takes what has arrived, syncs the file system once, and acknowledges all of it:
 * removals, and blocks that are durable in the {@link Staging} directory and get their names then.
 * So any number of blocks share one sync. The thread ends when it has been idle for a while.
 *
 * <p>Blocks of one span come to several disks of a file system at almost the same time. A round
 * that began with the first of them would leave the others to a second sync. So a round waits a
 * moment for as many as came together last time, if that was more than one: those it took, and
 * those that it would have got by waiting.
 */
final class FileSystemCommitter implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(FileSystemCommitter.class.getName());

  private static final long IDLE_NANOS = 30_000_000_000L;

  /** How long a round waits for others; a sync takes several times as long on most disks. */
  private static final long GATHER_NANOS = 300_000;

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
  private final ThreadStarter threads;
  private final DiskFiles.Held root;
  private final String name;
  private final long gatherNanos;

  /** When the sync under way began; 0 when there is none. */
  private volatile long syncStartNanos;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrived = lock.newCondition();

  // Guarded by the lock.
  private List<Task> fresh = new ArrayList<>();
  private boolean running;
  private boolean closed;
  private long generation;

  /** How many tasks came together in the last round. */
  private int together;

  /** A committer of the file system that holds {@code directory}. */
  FileSystemCommitter(DiskFiles files, ThreadStarter threads, Path directory) throws IOException {
    this(files, threads, directory, GATHER_NANOS);
  }

  /** With another time to gather. */
  FileSystemCommitter(DiskFiles files, ThreadStarter threads, Path directory, long gatherNanos)
      throws IOException {
    this.gatherNanos = gatherNanos;
    this.files = files;
    this.threads = threads;
    this.root = files.hold(directory);
    this.name = "blocks-sync-" + directory.getFileName();
  }

  /**
   * A file is written; makes it durable under the name it has, runs {@code then}, and completes.
   * What depends on the future is run by the thread that syncs, so it must not wait for anything.
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

  private CompletableFuture<Void> enqueue(Task task, long writtenIn) {
    lock.lock();
    try {
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
      long syncing = syncingNanos(System.nanoTime());
      if (syncing > 0 && syncing < gatherNanos) {
        together++;
      }
      if (!running) {
        startThread();
      } else if (fresh.size() == 1 || fresh.size() == together) {
        arrived.signal();
      }
      return task.done;
    } finally {
      lock.unlock();
    }
  }

  /** Without a thread what waits for it fails; the next that comes tries again. */
  private void startThread() {
    try {
      threads.start(Thread.ofPlatform().name(name).daemon().unstarted(this::run));
      running = true;
    } catch (IOException e) {
      // There is only one, and its future is not handed out yet.
      fresh.forEach(task -> task.done.completeExceptionally(e));
      fresh.clear();
    }
  }

  private void run() {
    while (true) {
      List<Task> tasks = take();
      if (tasks == null) {
        return;
      }
      IOException failure = syncFileSystem();
      if (failure != null) {
        tasks.addAll(takeDoubtful());
      }
      for (Task task : tasks) {
        task.finish(failure);
      }
    }
  }

  /** Null, or why it failed. */
  private IOException syncFileSystem() {
    try {
      syncStartNanos = System.nanoTime() | 1;
      files.syncFileSystem(root);
      return null;
    } catch (IOException | RuntimeException | Error e) {
      IOException failure = new SyncFailedException(String.valueOf(e.getMessage()));
      failure.initCause(e);
      return failure;
    } finally {
      syncStartNanos = 0;
    }
  }

  /** Waits for something to arrive; null when the thread should end. */
  private List<Task> take() {
    lock.lock();
    try {
      await(1, IDLE_NANOS);
      if (fresh.isEmpty()) {
        running = false;
        if (closed) {
          root.close();
        }
        return null;
      }
      await(together, gatherNanos);
      List<Task> taken = fresh;
      fresh = new ArrayList<>();
      together = taken.size();
      return taken;
    } finally {
      lock.unlock();
    }
  }

  /** Waits for so many tasks, that long at most. */
  private void await(int count, long nanos) {
    long left = nanos;
    while (left > 0 && fresh.size() < count && !closed) {
      try {
        left = arrived.awaitNanos(left);
      } catch (InterruptedException e) {
        // Nobody interrupts this thread; it ends by being idle.
        LOGGER.log(System.Logger.Level.DEBUG, "interrupted", e);
      }
    }
  }

  /**
   * The kernel reports a write-back error once: data of tasks that arrived during the failed sync
   * may be lost with it, and the next sync would not say so. Data being written right now belongs
   * to an older generation and is refused when it is committed. What failing does to the tasks is
   * done without the lock.
   */
  private List<Task> takeDoubtful() {
    lock.lock();
    try {
      generation++;
      List<Task> doubtful = fresh;
      fresh = new ArrayList<>();
      return doubtful;
    } finally {
      lock.unlock();
    }
  }

  /** How long the sync under way has taken so far, 0 without one. */
  long syncingNanos(long nowNanos) {
    long start = syncStartNanos;
    return start == 0 ? 0 : nowNanos - start;
  }

  /** Grows with each failed sync; data written under an older one cannot be trusted. */
  long generation() {
    lock.lock();
    try {
      return generation;
    } finally {
      lock.unlock();
    }
  }

  /** Lets go of the file system, after what was asked for is done; nothing more can be. */
  @Override
  public void close() {
    lock.lock();
    try {
      if (!closed) {
        closed = true;
        arrived.signal();
        if (!running) {
          root.close();
        }
      }
    } finally {
      lock.unlock();
    }
  }
}
