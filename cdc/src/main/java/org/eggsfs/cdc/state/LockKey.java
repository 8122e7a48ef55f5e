package org.eggsfs.cdc.state;

import java.util.Arrays;

/** Something that transactions exclude each other from (cdc.md section 13.4). */
final class LockKey {
  /** The directory as a place for names: only its removal needs it exclusively. */
  private static final int DIRECTORY = 1;

  /** One name in a directory. */
  private static final int NAME = 2;

  /** Where a directory hangs: whoever sets or clears its owner. */
  private static final int PARENT = 3;

  private static final byte[] NO_NAME = {};

  private final int kind;
  private final long directory;
  private final byte[] name;

  private LockKey(int kind, long directory, byte[] name) {
    this.kind = kind;
    this.directory = directory;
    this.name = name;
  }

  static LockKey directory(long directory) {
    return new LockKey(DIRECTORY, directory, NO_NAME);
  }

  static LockKey name(long directory, byte[] name) {
    return new LockKey(NAME, directory, name);
  }

  static LockKey parent(long directory) {
    return new LockKey(PARENT, directory, NO_NAME);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LockKey that
        && kind == that.kind
        && directory == that.directory
        && Arrays.equals(name, that.name);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * Long.hashCode(directory) + kind) + Arrays.hashCode(name);
  }
}
