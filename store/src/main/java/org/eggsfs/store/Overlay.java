package org.eggsfs.store;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * The state as the next entry must see it: a durable snapshot and, above it, the changes that are
 * applied but not yet durable. One thread owns it. Changes carry the number of the batch they were
 * submitted with; once that batch is durable, {@link #rebase} replaces the snapshot and forgets
 * them.
 */
public final class Overlay implements View, WriteTarget {
  /** A pending value; a null value is a deletion. */
  private record Pending(byte[] value, long batch) {}

  private record Written(byte[] key, long batch) {}

  private final NavigableMap<byte[], Pending> pending = new TreeMap<>(Arrays::compareUnsigned);
  private final ArrayDeque<Written> order = new ArrayDeque<>();
  private View base;
  private long batch;

  /** An overlay without changes. */
  public Overlay(View base) {
    this.base = base;
  }

  /** Changes from now on belong to batch {@code number}; numbers grow. */
  public void beginBatch(long number) {
    batch = number;
  }

  /** Replaces the snapshot by one that holds all batches up to {@code durableBatch}. */
  public void rebase(View newBase, long durableBatch) {
    base = newBase;
    while (!order.isEmpty() && order.peekFirst().batch <= durableBatch) {
      byte[] key = order.pollFirst().key;
      Pending change = pending.get(key);
      if (change != null && change.batch <= durableBatch) {
        pending.remove(key);
      }
    }
  }

  /** How many keys are pending. */
  public int pendingCount() {
    return pending.size();
  }

  @Override
  public void put(byte[] key, byte[] value) {
    set(key, value);
  }

  @Override
  public void delete(byte[] key) {
    set(key, null);
  }

  private void set(byte[] key, byte[] value) {
    pending.put(key, new Pending(value, batch));
    order.addLast(new Written(key, batch));
  }

  @Override
  public byte[] get(byte[] key) {
    if (!pending.isEmpty()) {
      Pending change = pending.get(key);
      if (change != null) {
        return change.value;
      }
    }
    return base.get(key);
  }

  @Override
  public Cursor cursor() {
    return pending.isEmpty() ? base.cursor() : new MergedCursor(base.cursor());
  }

  @Override
  public Cursor cursor(byte[] prefix) {
    return pending.isEmpty() ? base.cursor(prefix) : new MergedCursor(base.cursor(prefix));
  }

  /** Walks both maps at once; on equal keys the pending one hides the one below. */
  private final class MergedCursor implements Cursor {
    private final Cursor below;
    private Map.Entry<byte[], Pending> above;
    private boolean forward = true;
    private boolean onAbove;
    private boolean valid;

    MergedCursor(Cursor below) {
      this.below = below;
    }

    @Override
    public void seek(byte[] key) {
      below.seek(key);
      above = pending.ceilingEntry(key);
      forward = true;
      settle();
    }

    @Override
    public void seekForPrev(byte[] key) {
      below.seekForPrev(key);
      above = pending.floorEntry(key);
      forward = false;
      settle();
    }

    @Override
    public void next() {
      byte[] key = key();
      if (!forward) {
        // Both sides stand at or before the key; put them at or after it.
        below.seek(key);
        above = pending.ceilingEntry(key);
        forward = true;
      }
      if (below.isValid() && Arrays.equals(below.key(), key)) {
        below.next();
      }
      if (above != null && Arrays.equals(above.getKey(), key)) {
        above = pending.higherEntry(key);
      }
      settle();
    }

    @Override
    public void prev() {
      byte[] key = key();
      if (forward) {
        below.seekForPrev(key);
        above = pending.floorEntry(key);
        forward = false;
      }
      if (below.isValid() && Arrays.equals(below.key(), key)) {
        below.prev();
      }
      if (above != null && Arrays.equals(above.getKey(), key)) {
        above = pending.lowerEntry(key);
      }
      settle();
    }

    /** Chooses the nearer side in the direction of travel and steps over deletions. */
    private void settle() {
      while (true) {
        if (above == null) {
          onAbove = false;
          valid = below.isValid();
          return;
        }
        int order = below.isValid() ? Arrays.compareUnsigned(above.getKey(), below.key()) : 0;
        onAbove = !below.isValid() || (forward ? order <= 0 : order >= 0);
        if (!onAbove || above.getValue().value != null) {
          valid = true;
          return;
        }
        skipDeleted(below.isValid() && order == 0);
      }
    }

    private void skipDeleted(boolean hidesBelow) {
      if (hidesBelow) {
        if (forward) {
          below.next();
        } else {
          below.prev();
        }
      }
      above = forward ? pending.higherEntry(above.getKey()) : pending.lowerEntry(above.getKey());
    }

    @Override
    public boolean isValid() {
      return valid;
    }

    @Override
    public byte[] key() {
      return onAbove ? above.getKey() : below.key();
    }

    @Override
    public byte[] value() {
      return onAbove ? above.getValue().value : below.value();
    }

    @Override
    public void close() {
      below.close();
    }
  }
}
