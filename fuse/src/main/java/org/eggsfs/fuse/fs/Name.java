package org.eggsfs.fuse.fs;

import java.util.Arrays;

/** A name as a key. The bytes are not copied and not changed. */
record Name(byte[] bytes) {
  @Override
  public boolean equals(Object other) {
    return other instanceof Name name && Arrays.equals(bytes, name.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }
}
