package org.eggsfs.store;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.store.KeyValueStore.Change;

/**
 * Collects changes in order, for a batch of a {@link KeyValueStore}; if wanted it applies them to
 * another target, such as an {@link Overlay}, as they come. One thread owns it.
 */
public final class ChangeList implements WriteTarget {
  private final WriteTarget alsoTo;
  private List<Change> changes = new ArrayList<>();

  /** Only collects. */
  public ChangeList() {
    this(WriteTarget.NOWHERE);
  }

  /** Collects, and passes every change on to {@code alsoTo}. */
  public ChangeList(WriteTarget alsoTo) {
    this.alsoTo = alsoTo;
  }

  @Override
  public void put(byte[] key, byte[] value) {
    alsoTo.put(key, value);
    changes.add(new Change(key, value));
  }

  @Override
  public void delete(byte[] key) {
    alsoTo.delete(key);
    changes.add(new Change(key, null));
  }

  /** Whether nothing was collected since the last {@link #take}. */
  public boolean isEmpty() {
    return changes.isEmpty();
  }

  /** Hands the changes over and begins anew. */
  public List<Change> take() {
    List<Change> taken = changes;
    changes = new ArrayList<>();
    return taken;
  }
}
