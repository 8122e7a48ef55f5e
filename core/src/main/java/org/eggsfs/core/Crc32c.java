package org.eggsfs.core;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * CRC-32C and its algebra (wire.md section 8, blocks.md section 9.4). Values are finished CRCs, so
 * they chain: {@code sum(sum(0, a), b) = sum(0, ab)}.
 *
 * <p>Combining works on polynomials over GF(2) modulo the Castagnoli polynomial in reflected
 * notation: bit 31 is x^0, bit 0 is x^31.
 */
public final class Crc32c {
  private static final int POLYNOMIAL = 0x82F63B78;
  private static final int ONE = 0x8000_0000;

  /** The order of x: exponents count modulo this. */
  private static final long ORDER = (1L << 31) - 1;

  /** x^(2^k) for k = 0..30. */
  private static final int[] SQUARES = new int[31];

  /** x^(8 n) for n = i << (8 * j), j = 0..3: the power of any length below 2^32 in 3 products. */
  private static final int[][] BYTE_POWERS = new int[4][256];

  /** Number of lengths whose products are kept as tables, a power of two; 4 KiB each. */
  private static final int SHIFTS_MAX = 64;

  /**
   * Tables of lengths that are in use, by a hash of the length. Entries are immutable and a lost
   * update costs nothing but time, so threads share it without synchronization.
   */
  private static final Shift[] SHIFTS = new Shift[SHIFTS_MAX];

  static {
    SQUARES[0] = ONE >>> 1;
    for (int k = 1; k < SQUARES.length; k++) {
      SQUARES[k] = multiply(SQUARES[k - 1], SQUARES[k - 1]);
    }
    for (int j = 0; j < 4; j++) {
      for (int i = 0; i < 256; i++) {
        BYTE_POWERS[j][i] = power(reduce(8L * i << (8 * j)));
      }
    }
  }

  /**
   * Multiplication by x^(8 length). It is linear, so four look-ups do it. A length that is seen
   * once gets an entry without tables, a length that returns gets tables: most lengths are a cell
   * or a page and come by the thousand, some are the odd size of one file.
   */
  private static final class Shift {
    final long length;
    final int factor;
    final int[] tables;

    Shift(long length, int factor, boolean withTables) {
      this.length = length;
      this.factor = factor;
      this.tables = withTables ? new int[4 << 8] : null;
      if (withTables) {
        for (int j = 0; j < 4; j++) {
          int table = j << 8;
          for (int bit = 1; bit < 256; bit <<= 1) {
            int product = multiply(bit << 8 * j, factor);
            for (int below = 0; below < bit; below++) {
              tables[table + bit + below] = product ^ tables[table + below];
            }
          }
        }
      }
    }

    int apply(int value) {
      if (tables == null) {
        return multiply(value, factor);
      }
      return tables[value & 0xff]
          ^ tables[0x100 + (value >>> 8 & 0xff)]
          ^ tables[0x200 + (value >>> 16 & 0xff)]
          ^ tables[0x300 + (value >>> 24)];
    }
  }

  private Crc32c() {}

  /** Continues {@code crc} over a range. */
  public static int sum(int crc, byte[] bytes, int offset, int length) {
    CRC32C state = new CRC32C();
    state.update(bytes, offset, length);
    int fresh = (int) state.getValue();
    return crc == 0 ? fresh : append(crc, fresh, length);
  }

  /** Continues {@code crc} over the remaining bytes, which are consumed. */
  public static int sum(int crc, ByteBuffer bytes) {
    int length = bytes.remaining();
    CRC32C state = new CRC32C();
    state.update(bytes);
    int fresh = (int) state.getValue();
    return crc == 0 ? fresh : append(crc, fresh, length);
  }

  /** CRC of a concatenation; {@code lengthB} in bytes, at least 0. */
  public static int append(int crcA, int crcB, long lengthB) {
    if (crcA == 0) {
      return crcB;
    }
    return shift(crcA, lengthB) ^ crcB;
  }

  /** CRC of the bytewise xor of two strings of {@code length} bytes. */
  public static int xor(int crcA, int crcB, long length) {
    return crcA ^ crcB ^ zeros(length);
  }

  /** CRC of {@code length} zero bytes. */
  public static int zeros(long length) {
    return zeroExtend(0, length);
  }

  /** CRC after {@code zeros} more zero bytes; negative: with that many trailing zeros removed. */
  public static int zeroExtend(int crc, long zeros) {
    return ~shift(~crc, zeros);
  }

  /** value * x^(8 length). */
  private static int shift(int value, long length) {
    int slot = (int) ((length * 0x9E37_79B9_7F4A_7C15L) >>> 32) & (SHIFTS_MAX - 1);
    Shift entry = SHIFTS[slot];
    if (entry == null || entry.length != length) {
      entry = new Shift(length, bytesPower(length), false);
      SHIFTS[slot] = entry;
    } else if (entry.tables == null) {
      entry = new Shift(length, entry.factor, true);
      SHIFTS[slot] = entry;
    }
    return entry.apply(value);
  }

  private static int bytesPower(long bytes) {
    if (bytes >= 0 && bytes <= 0xffff_ffffL) {
      int result = BYTE_POWERS[0][(int) bytes & 0xff];
      for (int j = 1; j < 4 && bytes >>> (8 * j) != 0; j++) {
        int part = (int) (bytes >>> (8 * j)) & 0xff;
        if (part != 0) {
          result = multiply(result, BYTE_POWERS[j][part]);
        }
      }
      return result;
    }
    return power(reduce(Math.multiplyExact(8L, bytes % ORDER)));
  }

  private static long reduce(long exponent) {
    return Math.floorMod(exponent, ORDER);
  }

  /** x^exponent for 0 <= exponent < ORDER. */
  private static int power(long exponent) {
    int result = ONE;
    for (int k = 0; k < SQUARES.length; k++) {
      if ((exponent >>> k & 1) != 0) {
        result = multiply(result, SQUARES[k]);
      }
    }
    return result;
  }

  private static int multiply(int a, int b) {
    int result = 0;
    int shifted = b;
    for (int bits = a; bits != 0; bits <<= 1) {
      // Masks instead of branches: the bits of a checksum cannot be predicted.
      result ^= shifted & (bits >> 31);
      shifted = (shifted >>> 1) ^ (POLYNOMIAL & -(shifted & 1));
    }
    return result;
  }
}
