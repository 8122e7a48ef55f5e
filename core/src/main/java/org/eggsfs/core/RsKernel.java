package org.eggsfs.core;

import java.lang.foreign.MemorySegment;

/**
 * The inner loop of the erasure code: a matrix over GF(2^8) applied at every byte position.
 * Encoding and recovery differ only in the matrix. Implementations are thread-safe.
 */
interface RsKernel {
  /** The name under which it can be asked for, and which figures are reported under. */
  String name();

  /**
   * {@code out[r][i] = sum over k of coefficients[r * in.length + k] * in[k][i]} for all i below
   * {@code length}. Outputs overlap no input.
   */
  void apply(byte[] coefficients, MemorySegment[] in, MemorySegment[] out, long length);
}
