package org.eggsfs.core;

/** The parity byte (wire.md section 2.2): low nibble data blocks, high nibble parity blocks. */
public final class Parity {
  /** Most data blocks. */
  public static final int DATA_MAX = 15;

  /** Most parity blocks. */
  public static final int PARITY_MAX = 15;

  private Parity() {}

  /**
   * Builds the byte.
   *
   * @throws IllegalArgumentException if a count is out of range
   */
  public static int of(int dataBlocks, int parityBlocks) {
    if (dataBlocks < 0 || dataBlocks > DATA_MAX || parityBlocks < 0 || parityBlocks > PARITY_MAX) {
      throw new IllegalArgumentException("no parity (" + dataBlocks + "," + parityBlocks + ")");
    }
    return parityBlocks << 4 | dataBlocks;
  }

  /** Number of data blocks D. */
  public static int data(int parity) {
    return parity & 0xf;
  }

  /** Number of parity blocks P. */
  public static int parity(int parity) {
    return parity >>> 4 & 0xf;
  }

  /** Number of blocks B = D + P. */
  public static int blocks(int parity) {
    return data(parity) + parity(parity);
  }

  /**
   * Whether the code can store anything: D at least 1, and more than one data block needs parity.
   */
  public static boolean isValid(int parity) {
    int d = data(parity);
    return parity >= 0 && parity <= 0xff && d >= 1 && (d == 1 || parity(parity) >= 1);
  }

  /** Text form "(D,P)". */
  public static String format(int parity) {
    return "(" + data(parity) + "," + parity(parity) + ")";
  }
}
