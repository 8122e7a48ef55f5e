package org.eggsfs.consensus;

import java.util.List;
import org.eggsfs.store.KeyValueStore.Change;

/** Makes changes durable, in the order they were submitted. */
public interface Committer {
  /**
   * Queues changes.
   *
   * @param afterDurable runs once the changes, and all submitted before them, are durable; never
   *     when they are not
   */
  void submit(List<Change> changes, Runnable afterDurable);
}
