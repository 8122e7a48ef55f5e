package org.eggsfs.cli;

/** A set of longs in one array: a check of millions of blocks must not make millions of objects. */
final class LongSet {
  private long[] slots = new long[1 << 10];
  private int size;
  private boolean hasZero;

  /** Adds a value; false when it was there. */
  boolean add(long value) {
    if (value == 0) {
      boolean added = !hasZero;
      hasZero = true;
      return added;
    }
    if (size * 2 >= slots.length) {
      grow();
    }
    int slot = find(slots, value);
    if (slots[slot] == value) {
      return false;
    }
    slots[slot] = value;
    size++;
    return true;
  }

  boolean contains(long value) {
    return value == 0 ? hasZero : slots[find(slots, value)] == value;
  }

  int size() {
    return hasZero ? size + 1 : size;
  }

  /** Calls {@code action} with each value, in no order. */
  void forEach(java.util.function.LongConsumer action) {
    if (hasZero) {
      action.accept(0);
    }
    for (long value : slots) {
      if (value != 0) {
        action.accept(value);
      }
    }
  }

  private static int find(long[] slots, long value) {
    int mask = slots.length - 1;
    int slot = (int) (value * 0x9e37_79b9_7f4a_7c15L >>> 33) & mask;
    while (slots[slot] != 0 && slots[slot] != value) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  private void grow() {
    long[] larger = new long[Math.multiplyExact(slots.length, 2)];
    for (long value : slots) {
      if (value != 0) {
        larger[find(larger, value)] = value;
      }
    }
    slots = larger;
  }
}
