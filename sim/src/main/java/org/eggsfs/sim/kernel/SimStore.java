package org.eggsfs.sim.kernel;

import java.nio.file.Path;
import java.util.List;
import org.eggsfs.store.KeyValueStore;

/** What a machine's database holds, as {@link SimDisk} has made it durable. */
public final class SimStore implements KeyValueStore {
  private SortedTree content;

  /** A database with that content. */
  public SimStore(SortedTree content) {
    this.content = content;
  }

  /** The content now. */
  public SortedTree content() {
    return content;
  }

  @Override
  public Snapshot snapshot() {
    return content;
  }

  @Override
  public void write(List<Change> changes, boolean sync) {
    for (Change change : changes) {
      content = content.with(change.key(), change.value());
    }
  }

  @Override
  public void checkpoint(Path directory) {
    throw new UnsupportedOperationException("a simulated database has no directory");
  }

  @Override
  public void close() {
    // It survives the process, as a disk does.
  }
}
