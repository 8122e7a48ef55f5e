package org.eggsfs.sim.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.eggsfs.consensus.Committer;
import org.eggsfs.store.KeyValueStore.Change;

/**
 * The group commit of one process: what was submitted while a sync ran becomes the next batch, one
 * sync, all or nothing. A crash during a sync leaves the batch on the disk or not; what was not yet
 * begun is lost.
 */
public final class SimDisk implements Committer {
  private record Submission(List<Change> changes, Runnable afterDurable) {}

  /** Runs something later unless the machine has crashed by then. */
  public interface Later {
    /** Runs {@code action} that much later. */
    void after(long nanos, Runnable action);
  }

  private final SimStore store;
  private final Later later;
  private final LongSupplier syncNanos;
  private List<Submission> queue = new ArrayList<>();
  private List<Submission> syncing = List.of();

  /**
   * A disk with an idle committer.
   *
   * @param syncNanos how long the next sync takes
   */
  public SimDisk(SimStore store, Later later, LongSupplier syncNanos) {
    this.store = store;
    this.later = later;
    this.syncNanos = syncNanos;
  }

  @Override
  public void submit(List<Change> changes, Runnable afterDurable) {
    queue.add(new Submission(changes, afterDurable));
    if (syncing.isEmpty()) {
      begin();
    }
  }

  private void begin() {
    syncing = queue;
    queue = new ArrayList<>();
    later.after(syncNanos.getAsLong(), this::finish);
  }

  private void finish() {
    List<Submission> done = syncing;
    write(done);
    syncing = List.of();
    if (!queue.isEmpty()) {
      begin();
    }
    for (Submission submission : done) {
      submission.afterDurable.run();
    }
  }

  private void write(List<Submission> batch) {
    for (Submission submission : batch) {
      store.write(submission.changes, true);
    }
  }

  /** Whether everything submitted is durable. */
  public boolean isIdle() {
    return syncing.isEmpty();
  }

  /**
   * The power goes.
   *
   * @param written whether the batch whose sync was under way has reached the disk
   */
  public void crash(boolean written) {
    if (written) {
      write(syncing);
    }
    syncing = List.of();
    queue = new ArrayList<>();
  }
}
