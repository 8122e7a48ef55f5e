package org.eggsfs.core;

/** The field GF(2^8) with polynomial x^8+x^4+x^3+x+1 (blocks.md section 9.1). */
final class Galois {
  private static final int POLYNOMIAL = 0x11B;

  /** Products of all pairs, row-major; 64 KiB. */
  static final byte[] PRODUCTS = new byte[256 * 256];

  private static final byte[] INVERSES = new byte[256];

  static {
    for (int a = 0; a < 256; a++) {
      for (int b = 0; b < 256; b++) {
        int product = slowMultiply(a, b);
        PRODUCTS[a << 8 | b] = (byte) product;
        if (product == 1) {
          INVERSES[a] = (byte) b;
        }
      }
    }
  }

  private Galois() {}

  private static int slowMultiply(int a, int b) {
    int result = 0;
    int shifted = a;
    for (int bits = b; bits != 0; bits >>>= 1) {
      if ((bits & 1) != 0) {
        result ^= shifted;
      }
      shifted <<= 1;
      if (shifted > 0xff) {
        shifted ^= POLYNOMIAL;
      }
    }
    return result;
  }

  static int multiply(int a, int b) {
    return PRODUCTS[a << 8 | b] & 0xff;
  }

  /** The inverse of a non-zero element. */
  static int inverse(int a) {
    if (a == 0) {
      throw new ArithmeticException("zero has no inverse");
    }
    return INVERSES[a] & 0xff;
  }
}
