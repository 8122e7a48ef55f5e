package org.eggsfs.blocks.server;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.protocol.Frames;

/**
 * Memory for moving pages between sockets and files: all transfers of a process use no more than 64
 * buffers (about 34 MiB), those of one disk no more than 16, others wait. What calls hold that do
 * not return from a hanging disk can be {@linkplain Share#writeOff written off}: it then counts no
 * more, so that hanging disks take none from the others. Thread-safe.
 */
final class TransferBuffers {
  /** Pages moved at a time between socket and file. */
  static final int CHUNK_PAGES = 64;

  /** Data part and record part of a chunk; the rest is room for a response header. */
  static final int CHUNK_SIZE =
      CHUNK_PAGES * (BlockFormat.PAGE + BlockFormat.RECORD) + BlockFormat.PAGE;

  private static final int CHUNKS_MAX = 64;
  private static final int CHUNKS_PER_DISK_MAX = 16;

  /** Longer than a stalled peer may keep one. */
  private static final long WAIT_SECONDS = 60;

  /** Kept for reuse. */
  private static final int CHUNKS_KEPT = 16;

  private final Semaphore permits = new Semaphore(CHUNKS_MAX);
  private final ArrayDeque<ByteBuffer> kept = new ArrayDeque<>();
  private final IntFunction<ByteBuffer> memory;

  /** Buffers outside the heap. */
  TransferBuffers() {
    this(Frames::directBuffer);
  }

  /** Buffers made by {@code memory}, of which there may be none left. */
  TransferBuffers(IntFunction<ByteBuffer> memory) {
    this.memory = memory;
  }

  /** The part of one disk. */
  Share share() {
    return new Share();
  }

  /** Buffers that could be taken at once. */
  int available() {
    return permits.availablePermits();
  }

  private ByteBuffer takeKept() {
    synchronized (kept) {
      ByteBuffer chunk = kept.pollFirst();
      if (chunk != null) {
        return chunk.clear();
      }
    }
    return memory.apply(CHUNK_SIZE);
  }

  private void keep(ByteBuffer chunk) {
    synchronized (kept) {
      if (kept.size() < CHUNKS_KEPT) {
        kept.addFirst(chunk);
      }
    }
  }

  private static boolean acquire(Semaphore semaphore) {
    try {
      return semaphore.tryAcquire(WAIT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** A buffer in use, given back once. */
  static final class Lease {
    private final Share share;
    private final int generation;
    private final ByteBuffer buffer;

    private Lease(Share share, int generation, ByteBuffer buffer) {
      this.share = share;
      this.generation = generation;
      this.buffer = buffer;
    }

    ByteBuffer buffer() {
      return buffer;
    }

    void give() {
      share.give(this);
    }
  }

  /** What one disk may use. */
  final class Share {
    private final Semaphore diskPermits = new Semaphore(CHUNKS_PER_DISK_MAX);

    // Guarded by this.
    private int generation;
    private int held;

    /**
     * Takes a buffer, waiting while all are in use.
     *
     * @throws IllegalStateException if none becomes free for so long that peers must be stalling
     */
    Lease take() {
      if (!acquire(diskPermits)) {
        throw new IllegalStateException("all transfer buffers of the disk are in use");
      }
      if (!acquire(permits)) {
        diskPermits.release();
        throw new IllegalStateException("all transfer buffers are in use");
      }
      boolean taken = false;
      try {
        ByteBuffer chunk = takeKept();
        synchronized (this) {
          Lease lease = new Lease(this, generation, chunk);
          held++;
          taken = true;
          return lease;
        }
      } finally {
        if (!taken) {
          permits.release();
          diskPermits.release();
        }
      }
    }

    private void give(Lease lease) {
      synchronized (this) {
        if (lease.generation == generation) {
          held--;
          permits.release();
          keep(lease.buffer);
        }
      }
      diskPermits.release();
    }

    /** The disk hangs: what is in use now may never come back. */
    synchronized void writeOff() {
      generation++;
      permits.release(held);
      held = 0;
    }
  }
}
