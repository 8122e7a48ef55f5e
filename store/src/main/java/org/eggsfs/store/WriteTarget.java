package org.eggsfs.store;

/** Where changes go: a batch, or an overlay that is turned into one. */
public interface WriteTarget {
  /** Forgets them: for whoever only wants the other effects of what makes them. */
  WriteTarget NOWHERE =
      new WriteTarget() {
        @Override
        public void put(byte[] key, byte[] value) {
          // Nobody wants it.
        }

        @Override
        public void delete(byte[] key) {
          // Nobody wants it.
        }
      };

  /** Sets {@code key} to {@code value}. Both arrays are kept, not copied. */
  void put(byte[] key, byte[] value);

  /** Removes {@code key}; no effect when it is absent. */
  void delete(byte[] key);
}
