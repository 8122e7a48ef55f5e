package org.eggsfs.store;

/** Where changes go: a batch, or an overlay that is turned into one. */
public interface WriteTarget {
  /** Sets {@code key} to {@code value}. Both arrays are kept, not copied. */
  void put(byte[] key, byte[] value);

  /** Removes {@code key}; no effect when it is absent. */
  void delete(byte[] key);
}
