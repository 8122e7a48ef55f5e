package org.eggsfs.core;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Plain Java, for runtimes that have nothing better. One table per input maps a byte to its
 * products for up to eight outputs, packed into a long, so that one look-up serves them all.
 */
final class ScalarKernel implements RsKernel {
  /** The name of this kernel. */
  static final String NAME = "scalar";

  /** Outputs per pass: bytes of a long. */
  private static final int GROUP = Long.BYTES;

  /** Bytes of each block per step: the sums of a step stay in the first-level cache. */
  private static final int CHUNK = 1024;

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public void apply(byte[] coefficients, MemorySegment[] in, MemorySegment[] out, long length) {
    long[] tables = new long[in.length << 8];
    long[] sums = new long[CHUNK];
    byte[] bytes = new byte[CHUNK];
    for (int first = 0; first < out.length; first += GROUP) {
      int count = Math.min(GROUP, out.length - first);
      fillTables(tables, coefficients, in.length, first, count);
      for (long from = 0; from < length; from += CHUNK) {
        int size = (int) Math.min(CHUNK, length - from);
        for (int k = 0; k < in.length; k++) {
          MemorySegment.copy(in[k], ValueLayout.JAVA_BYTE, from, bytes, 0, size);
          add(tables, k << 8, bytes, sums, size, k == 0);
        }
        for (int r = 0; r < count; r++) {
          for (int i = 0; i < size; i++) {
            bytes[i] = (byte) (sums[i] >>> 8 * r);
          }
          MemorySegment.copy(bytes, 0, out[first + r], ValueLayout.JAVA_BYTE, from, size);
        }
      }
    }
  }

  private static void fillTables(
      long[] tables, byte[] coefficients, int inputs, int first, int count) {
    for (int k = 0; k < inputs; k++) {
      for (int value = 0; value < 256; value++) {
        long products = 0;
        for (int r = 0; r < count; r++) {
          int coefficient = coefficients[(first + r) * inputs + k] & 0xff;
          products |= (Galois.PRODUCTS[coefficient << 8 | value] & 0xffL) << 8 * r;
        }
        tables[k << 8 | value] = products;
      }
    }
  }

  private static void add(
      long[] tables, int table, byte[] bytes, long[] sums, int size, boolean isFirst) {
    if (isFirst) {
      for (int i = 0; i < size; i++) {
        sums[i] = tables[table + (bytes[i] & 0xff)];
      }
      return;
    }
    for (int i = 0; i < size; i++) {
      sums[i] ^= tables[table + (bytes[i] & 0xff)];
    }
  }
}
