package org.eggsfs.store;

/**
 * Read access to an ordered key/value store. Keys compare as unsigned bytes, shorter first when one
 * is a prefix of the other. A view is used by one thread at a time.
 */
public interface View {
  /** Returns the value under {@code key}, or null. The caller must not modify the array. */
  byte[] get(byte[] key);

  /** Opens an unpositioned cursor over this view; close it after use. */
  Cursor cursor();

  /**
   * The same for who wants keys that begin so and no others: at another key the cursor may be
   * invalid instead, but need not. Behind the last such key there may be any number of removed ones
   * of other things, and this cursor does not walk through them.
   */
  default Cursor cursor(byte[] prefix) {
    return cursor();
  }
}
