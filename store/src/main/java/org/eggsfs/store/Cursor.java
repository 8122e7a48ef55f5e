package org.eggsfs.store;

/** A position in a {@link View}. Unpositioned until one of the seek methods is called. */
public interface Cursor extends AutoCloseable {
  /** Moves to the first key at or after {@code key}. */
  void seek(byte[] key);

  /** Moves to the last key at or before {@code key}. */
  void seekForPrev(byte[] key);

  /** Moves to the following key. Only while {@link #isValid}. */
  void next();

  /** Moves to the preceding key. Only while {@link #isValid}. */
  void prev();

  /** Whether the cursor stands on an entry. */
  boolean isValid();

  /** The current key. Only while {@link #isValid}. */
  byte[] key();

  /** The current value. Only while {@link #isValid}. */
  byte[] value();

  @Override
  void close();
}
