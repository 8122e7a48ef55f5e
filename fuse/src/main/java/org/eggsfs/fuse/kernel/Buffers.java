package org.eggsfs.fuse.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;

/**
 * Native buffers of one size, lent for one request or answer. Made when first needed; when all are
 * lent, whoever wants one waits, which is the bound on a session's memory: those who hold one
 * depend on servers, never on another request of the session. The memory goes when nobody knows the
 * buffers any more: after the end of a session operations may still hold some.
 */
final class Buffers {
  private final Arena arena = Arena.ofAuto();
  private final long size;
  private final Semaphore places;
  private final ConcurrentLinkedQueue<MemorySegment> free = new ConcurrentLinkedQueue<>();

  Buffers(long size, int count) {
    this.size = size;
    this.places = new Semaphore(count);
  }

  MemorySegment take() {
    places.acquireUninterruptibly();
    MemorySegment buffer = free.poll();
    if (buffer != null) {
      return buffer;
    }
    return arena.allocate(size, 4096);
  }

  void give(MemorySegment buffer) {
    free.add(buffer);
    places.release();
  }
}
