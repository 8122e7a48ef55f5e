package org.eggsfs.shard.state;

import java.util.function.LongConsumer;

/** A map from ids to numbers without boxing, for checks over very many inodes. */
final class LongMap {
  private static final int CAPACITY_FIRST = 64;

  private long[] keys = new long[CAPACITY_FIRST];
  private long[] values = new long[CAPACITY_FIRST];
  private boolean[] used = new boolean[CAPACITY_FIRST];
  private int size;

  /** The value, or the given one when the key is absent. */
  long get(long key, long absent) {
    int slot = slot(key);
    return used[slot] ? values[slot] : absent;
  }

  boolean contains(long key) {
    return used[slot(key)];
  }

  void put(long key, long value) {
    int slot = slot(key);
    if (!used[slot]) {
      if (2 * (size + 1) > keys.length) {
        grow();
        slot = slot(key);
      }
      used[slot] = true;
      keys[slot] = key;
      size++;
    }
    values[slot] = value;
  }

  /** Adds to a value that is 0 when absent. */
  void add(long key, long delta) {
    put(key, get(key, 0) + delta);
  }

  int size() {
    return size;
  }

  void forEachKey(LongConsumer consumer) {
    for (int i = 0; i < keys.length; i++) {
      if (used[i]) {
        consumer.accept(keys[i]);
      }
    }
  }

  void clear() {
    java.util.Arrays.fill(used, false);
    size = 0;
  }

  private int slot(long key) {
    int mask = keys.length - 1;
    int slot = (int) (key * 0x9E3779B97F4A7C15L >>> 32) & mask;
    while (used[slot] && keys[slot] != key) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  private void grow() {
    long[] oldKeys = keys;
    long[] oldValues = values;
    boolean[] oldUsed = used;
    keys = new long[2 * oldKeys.length];
    values = new long[keys.length];
    used = new boolean[keys.length];
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldUsed[i]) {
        int slot = slot(oldKeys[i]);
        used[slot] = true;
        keys[slot] = oldKeys[i];
        values[slot] = oldValues[i];
      }
    }
  }
}
