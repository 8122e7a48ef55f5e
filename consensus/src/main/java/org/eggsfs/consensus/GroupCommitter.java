package org.eggsfs.consensus;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.KeyValueStore.Change;

/**
 * Makes submitted changes durable with as few syncs as possible: one thread takes everything that
 * was submitted while the last sync ran and writes it as one batch with one sync. Submissions
 * become durable in the order they were made; the callback of each runs on the committer's thread
 * afterwards, so it must be short.
 *
 * <p>After a failed write nothing is acknowledged any more: what is on disk is unknown then, and
 * the owner is told through {@code onFailure} so that it stops serving.
 */
public final class GroupCommitter implements Committer, AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(GroupCommitter.class.getName());

  /** Submissions waiting; beyond it {@link #submit} waits, which slows the loops down. */
  private static final int QUEUE_MAX = 8192;

  private record Submission(List<Change> changes, Runnable afterDurable) {}

  private final KeyValueStore store;
  private final Runnable onFailure;
  private final Thread thread;
  private List<Submission> queue = new ArrayList<>();
  private boolean closing;
  private boolean failed;

  /**
   * Starts the committer.
   *
   * @param name of its thread
   * @param onFailure called once, on the committer's thread, when a write has failed
   */
  public GroupCommitter(String name, KeyValueStore store, Runnable onFailure) {
    this.store = store;
    this.onFailure = onFailure;
    this.thread = Thread.ofPlatform().name(name).start(this::run);
  }

  /** Queues changes. Waits while the queue is full. */
  @Override
  public void submit(List<Change> changes, Runnable afterDurable) {
    boolean interrupted = false;
    synchronized (this) {
      while (queue.size() >= QUEUE_MAX && !failed && !closing) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (!failed && !closing) {
        queue.add(new Submission(changes, afterDurable));
        notifyAll();
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    while (true) {
      List<Submission> batch;
      synchronized (this) {
        while (queue.isEmpty() && !closing) {
          try {
            wait();
          } catch (InterruptedException e) {
            // Nobody interrupts this thread; closing is the only way out.
            LOGGER.log(System.Logger.Level.WARNING, "interrupted while waiting", e);
          }
        }
        if (queue.isEmpty()) {
          return;
        }
        batch = queue;
        queue = new ArrayList<>();
        notifyAll();
      }
      if (!commit(batch)) {
        return;
      }
    }
  }

  private boolean commit(List<Submission> batch) {
    List<Change> changes = batch.getFirst().changes;
    if (batch.size() > 1) {
      changes = new ArrayList<>();
      for (Submission submission : batch) {
        changes.addAll(submission.changes);
      }
    }
    try {
      // Refusals change nothing, and what they were decided upon is durable since the last batch.
      if (!changes.isEmpty()) {
        store.write(changes, true);
      }
    } catch (RuntimeException | Error e) {
      // Errors too: a committer that dies silently would hang every loop that waits for it.
      LOGGER.log(System.Logger.Level.ERROR, "a commit failed; nothing is acknowledged now", e);
      synchronized (this) {
        failed = true;
        queue.clear();
        notifyAll();
      }
      onFailure.run();
      return false;
    }
    for (Submission submission : batch) {
      try {
        submission.afterDurable.run();
      } catch (RuntimeException | Error e) {
        LOGGER.log(System.Logger.Level.ERROR, "a callback after a commit failed", e);
      }
    }
    return true;
  }

  /**
   * Commits what is queued, then stops. Later submissions are dropped. From the committer's own
   * thread (a callback) it only asks for the stop.
   */
  @Override
  public void close() {
    synchronized (this) {
      closing = true;
      notifyAll();
    }
    if (Thread.currentThread().equals(thread)) {
      return;
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
