package org.eggsfs.cli;

/**
 * A map from longs to longs in two arrays, 24 to 48 bytes for an entry: a check of many inodes must
 * not make objects for each. Values that were not put are {@link #ABSENT}. The key 0 is not
 * allowed; no inode and no name has it.
 */
public final class LongLongMap {
  /** For a key that was not put. */
  public static final long ABSENT = -1;

  private static final int SLOTS_MIN = 16;

  private long[] keys = new long[SLOTS_MIN];
  private long[] values = new long[SLOTS_MIN];
  private int size;

  /** Puts a value; the result is the one before, or {@link #ABSENT}. */
  public long put(long key, long value) {
    if (size * 3 >= keys.length * 2) {
      grow();
    }
    int slot = find(keys, key);
    if (keys[slot] == key) {
      long before = values[slot];
      values[slot] = value;
      return before;
    }
    keys[slot] = key;
    values[slot] = value;
    size++;
    return ABSENT;
  }

  /** The value, or {@link #ABSENT}. */
  public long get(long key) {
    int slot = find(keys, key);
    return keys[slot] == key && key != 0 ? values[slot] : ABSENT;
  }

  /** The number of keys. */
  public int size() {
    return size;
  }

  /** What is done with each entry, in no order. */
  public interface Visitor {
    /** One entry. */
    void visit(long key, long value);
  }

  /** Visits all entries. */
  public void forEach(Visitor visitor) {
    for (int i = 0; i < keys.length; i++) {
      if (keys[i] != 0) {
        visitor.visit(keys[i], values[i]);
      }
    }
  }

  private static int find(long[] keys, long key) {
    int mask = keys.length - 1;
    int slot = (int) (key * 0x9e37_79b9_7f4a_7c15L >>> 33) & mask;
    while (keys[slot] != 0 && keys[slot] != key) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  private void grow() {
    long[] oldKeys = keys;
    long[] oldValues = values;
    keys = new long[Math.multiplyExact(oldKeys.length, 2)];
    values = new long[keys.length];
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != 0) {
        int slot = find(keys, oldKeys[i]);
        keys[slot] = oldKeys[i];
        values[slot] = oldValues[i];
      }
    }
  }
}
