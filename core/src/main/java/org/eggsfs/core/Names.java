package org.eggsfs.core;

/** Rules for names in directories (wire.md section 2.3). */
public final class Names {
  /** Longest name in bytes. */
  public static final int LENGTH_MAX = 255;

  private Names() {}

  /** Whether the bytes may name an edge: 1..255 bytes, no slash, no NUL, neither . nor .. */
  public static boolean isValid(byte[] name) {
    if (name.length == 0 || name.length > LENGTH_MAX) {
      return false;
    }
    if (name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.'))) {
      return false;
    }
    for (byte b : name) {
      if (b == '/' || b == 0) {
        return false;
      }
    }
    return true;
  }
}
