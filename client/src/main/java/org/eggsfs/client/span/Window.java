package org.eggsfs.client.span;

import java.nio.ByteBuffer;
import org.eggsfs.client.memory.BufferPool;

/**
 * Bytes of a span in natural order, verified as {@link SpanReader#read} says. Owns its buffer.
 *
 * @param lease the memory
 * @param start the byte of the span at index 0 of the memory
 * @param from first byte of the span that is valid
 * @param to behind the last byte that is valid
 */
public record Window(BufferPool.Lease lease, int start, int from, int to) implements AutoCloseable {
  /** Whether all these bytes of the span are here. */
  public boolean contains(int position, int count) {
    return from <= position && count >= 0 && count <= to - position;
  }

  /** Copies from a position on what is here and fits; returns how many bytes. */
  public int copy(int position, ByteBuffer into) {
    int count = Math.min(into.remaining(), to - position);
    requireHere(position, count);
    into.put(into.position(), lease.buffer(), position - start, count);
    into.position(into.position() + count);
    return count;
  }

  /** Bytes from a position on, where they lie. */
  public ByteBuffer slice(int position, int count) {
    requireHere(position, count);
    return lease.buffer().slice(position - start, count);
  }

  /** The memory around is larger, and anybody's. */
  private void requireHere(int position, int count) {
    if (!contains(position, count)) {
      throw new IndexOutOfBoundsException(
          count + " bytes at " + position + " of a window from " + from + " to " + to);
    }
  }

  @Override
  public void close() {
    lease.close();
  }
}
