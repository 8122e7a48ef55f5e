package org.eggsfs.protocol;

import java.nio.ByteBuffer;

/** A message body or struct that knows its bytes. Buffers are little-endian. */
public interface Message {
  /** Exactly how many bytes {@link #encode} will write. */
  int encodedSize();

  /**
   * Writes the fields in wire order.
   *
   * @throws IllegalArgumentException if a byte string or list is too long for its length prefix
   * @throws java.nio.BufferOverflowException if {@code out} has less than {@link #encodedSize} left
   */
  void encode(ByteBuffer out);
}
