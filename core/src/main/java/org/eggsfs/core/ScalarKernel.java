package org.eggsfs.core;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Table look-up, byte by byte: works everywhere and is the yardstick for the fast kernels. */
final class ScalarKernel implements RsKernel {
  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public void apply(byte[] coefficients, MemorySegment[] in, MemorySegment[] out, long length) {
    for (int r = 0; r < out.length; r++) {
      for (long i = 0; i < length; i++) {
        int sum = 0;
        for (int k = 0; k < in.length; k++) {
          int coefficient = coefficients[r * in.length + k] & 0xff;
          int value = in[k].get(ValueLayout.JAVA_BYTE, i) & 0xff;
          sum ^= Galois.PRODUCTS[coefficient << 8 | value];
        }
        out[r].set(ValueLayout.JAVA_BYTE, i, (byte) sum);
      }
    }
  }
}
