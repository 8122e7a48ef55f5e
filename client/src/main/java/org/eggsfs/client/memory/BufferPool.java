package org.eggsfs.client.memory;

import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Off-heap buffers in size classes under one budget of bytes for the whole client (client.md
 * section 11). What is leased plus what lies free never exceeds the budget, except through {@link
 * #acquireOverdraft}, whose callers each bound it themselves, and by a few buffers of {@link
 * #acquireOrOverdraw}.
 *
 * <p>At the limit {@link #tryAcquire} returns null (read-ahead simply does not happen) and {@link
 * #acquire} waits, which is the back-pressure on writers. Before waiting, registered reclaimers are
 * asked to give back what they only hold as a cache.
 *
 * <p>Contents of a lease are undefined. Thread-safe.
 */
public final class BufferPool implements AutoCloseable {
  /** Smallest class. */
  public static final int CLASS_MIN = 64 << 10;

  /** Buffers are ByteBuffers, so this is the largest class. */
  private static final long CLASS_MAX = 1L << 30;

  /** A waiter looks again at least this often, in case a reclaimer has got something to give. */
  private static final long WAIT_STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** Buffers beyond the budget that {@link #acquireOrOverdraw} has out at the same time. */
  static final int OVERDRAWN_MAX = 4;

  /** How long it waits for the budget first. */
  private static final long OVERDRAW_NANOS_MIN = TimeUnit.MILLISECONDS.toNanos(20);

  private final long budgetBytes;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition released = lock.newCondition();
  private final TreeMap<Integer, ArrayDeque<Chunk>> free = new TreeMap<>();
  private final Set<Runnable> reclaimers = ConcurrentHashMap.newKeySet();
  private long chargedBytes;
  private long freeBytes;
  private int overdrawn;
  private boolean closed;

  /** A pool that holds at most that many bytes. */
  public BufferPool(long budgetBytes) {
    if (budgetBytes < CLASS_MIN) {
      throw new IllegalArgumentException("a budget of " + budgetBytes + " bytes holds no buffer");
    }
    this.budgetBytes = budgetBytes;
  }

  private record Chunk(Arena arena, MemorySegment segment) {}

  /**
   * A buffer on loan. Closing gives it back; closing twice is an error of the caller and fails.
   * After closing neither the buffer nor anything sliced from it may be touched.
   */
  public final class Lease implements AutoCloseable {
    private final ByteBuffer buffer;
    private final boolean beyondBudget;
    private Chunk chunk;
    private long charged;

    private Lease(Chunk chunk, long charged) {
      this(chunk, charged, false);
    }

    private Lease(Chunk chunk, long charged, boolean beyondBudget) {
      this.beyondBudget = beyondBudget;
      this.chunk = chunk;
      this.charged = charged;
      this.buffer = chunk.segment().asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The memory; its position and limit are the holder's. */
    public ByteBuffer buffer() {
      return buffer;
    }

    /** The same memory. */
    public MemorySegment segment() {
      return chunk.segment();
    }

    /** Its size. */
    public int capacity() {
      return buffer.capacity();
    }

    /**
     * A second buffer, paid from the extra bytes this lease was acquired with; never waits, so a
     * holder of one buffer cannot block on the other.
     */
    public Lease takeExtra(long bytes) {
      int size = sizeClass(bytes);
      Chunk free;
      long beyondExtra;
      lock.lock();
      try {
        beyondExtra = size - Math.min(size, charged - buffer.capacity());
        free = reserve(size, beyondExtra);
      } finally {
        lock.unlock();
      }
      Chunk second = materialise(free, size, beyondExtra);
      lock.lock();
      try {
        // The second lease gives back what this one was charged for it.
        charged -= size - beyondExtra;
      } finally {
        lock.unlock();
      }
      return new Lease(second, size);
    }

    @Override
    public void close() {
      lock.lock();
      try {
        if (chunk == null) {
          throw new IllegalStateException("buffer given back twice");
        }
        chargedBytes -= charged;
        overdrawn -= beyondBudget ? 1 : 0;
        Chunk back = chunk;
        chunk = null;
        if (closed || chargedBytes + freeBytes + buffer.capacity() > budgetBytes) {
          back.arena().close();
        } else {
          free.computeIfAbsent(buffer.capacity(), size -> new ArrayDeque<>()).push(back);
          freeBytes += buffer.capacity();
        }
        released.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** The size a request is rounded up to: four classes per doubling, so at most a quarter idle. */
  static int sizeClass(long bytes) {
    if (bytes < 0 || bytes > CLASS_MAX) {
      throw new IllegalArgumentException("no buffer of " + bytes + " bytes");
    }
    if (bytes <= CLASS_MIN) {
      return CLASS_MIN;
    }
    long quarter = Long.highestOneBit(bytes - 1) >>> 2;
    return (int) ((bytes + quarter - 1) / quarter * quarter);
  }

  /** A buffer of at least that many bytes, or null when the budget does not allow it now. */
  public Lease tryAcquire(long bytes) {
    return tryAcquire(bytes, 0);
  }

  /** Like {@link #tryAcquire(long)}, with bytes set aside for {@link Lease#takeExtra}. */
  public Lease tryAcquire(long bytes, long extraBytes) {
    int size = sizeClass(bytes);
    long charge = size + extra(extraBytes);
    Chunk free;
    lock.lock();
    try {
      if (!fits(charge)) {
        return null;
      }
      free = reserve(size, charge);
    } finally {
      lock.unlock();
    }
    return new Lease(materialise(free, size, charge), charge);
  }

  private static long extra(long bytes) {
    return bytes == 0 ? 0 : sizeClass(bytes);
  }

  /** A single request above the whole budget is let through when nothing else is out. */
  private boolean fits(long charge) {
    return chargedBytes + charge <= budgetBytes || chargedBytes == 0;
  }

  /**
   * Waits until the budget allows the buffer, for a while.
   *
   * @return null when the time is up
   */
  public Lease acquire(long bytes, long extraBytes, long waitNanosMax)
      throws InterruptedIOException {
    Lease lease = tryAcquire(bytes, extraBytes);
    long left = waitNanosMax;
    while (lease == null && left > 0) {
      long step = Math.min(left, WAIT_STEP_NANOS);
      left -= awaitRelease(sizeClass(bytes) + extra(extraBytes), step, false);
      lease = tryAcquire(bytes, extraBytes);
    }
    return lease;
  }

  /** Waits a little for memory and returns for how long. Callers look again. */
  @SuppressWarnings("WaitNotInLoop")
  private long awaitRelease(long charge, long waitNanosMax, boolean mayOverdraw)
      throws InterruptedIOException {
    reclaimers.forEach(Runnable::run);
    lock.lock();
    try {
      if (fits(charge) || (mayOverdraw && (closed || overdrawn < OVERDRAWN_MAX))) {
        return 0;
      }
      return waitNanosMax - Math.max(0, released.awaitNanos(waitNanosMax));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (InterruptedIOException)
          new InterruptedIOException("interrupted while waiting for buffer memory").initCause(e);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for a buffer, and not for ever where others keep the memory: after a moment it may be one
   * of a few beyond the budget. For callers that give it back without waiting for anybody's memory,
   * so that all who wait here get on, one after the other.
   */
  public Lease acquireOrOverdraw(long bytes) throws InterruptedIOException {
    int size = sizeClass(bytes);
    Lease lease = acquire(bytes, 0, OVERDRAW_NANOS_MIN);
    while (lease == null) {
      lease = tryOverdraw(size);
      if (lease == null) {
        awaitRelease(size, WAIT_STEP_NANOS, true);
        lease = tryAcquire(bytes);
      }
    }
    return lease;
  }

  private Lease tryOverdraw(int size) {
    Chunk free;
    lock.lock();
    try {
      if (!closed && overdrawn == OVERDRAWN_MAX) {
        return null;
      }
      free = reserve(size, size);
      overdrawn++;
    } finally {
      lock.unlock();
    }
    boolean made = false;
    try {
      Lease lease = new Lease(materialise(free, size, size), size, true);
      made = true;
      return lease;
    } finally {
      if (!made) {
        lock.lock();
        try {
          overdrawn--;
        } finally {
          lock.unlock();
        }
      }
    }
  }

  /** A buffer at once, over the budget if need be. */
  public Lease acquireOverdraft(long bytes) {
    int size = sizeClass(bytes);
    Chunk free;
    lock.lock();
    try {
      free = reserve(size, size);
    } finally {
      lock.unlock();
    }
    return new Lease(materialise(free, size, size), size);
  }

  /**
   * Charges a buffer and makes room for it. Returns a free one, or null when one has to be made by
   * {@link #materialise}.
   */
  private Chunk reserve(int size, long charge) {
    if (closed) {
      throw new IllegalStateException("buffer pool is closed");
    }
    ArrayDeque<Chunk> sameSize = free.get(size);
    if (sameSize != null && !sameSize.isEmpty()) {
      freeBytes -= size;
      chargedBytes += charge;
      return sameSize.pop();
    }
    Iterator<Map.Entry<Integer, ArrayDeque<Chunk>>> sizes = free.entrySet().iterator();
    while (freeBytes > 0 && chargedBytes + freeBytes + size > budgetBytes && sizes.hasNext()) {
      Map.Entry<Integer, ArrayDeque<Chunk>> entry = sizes.next();
      while (!entry.getValue().isEmpty() && chargedBytes + freeBytes + size > budgetBytes) {
        entry.getValue().pop().arena().close();
        freeBytes -= entry.getKey();
      }
    }
    chargedBytes += charge;
    return null;
  }

  /**
   * The free chunk, or a new one. Not under the lock: new memory is filled with zeros, page by page
   * as the system hands it out, which takes milliseconds per megabyte on some machines.
   */
  private Chunk materialise(Chunk free, int size, long charge) {
    if (free != null) {
      return free;
    }
    boolean made = false;
    Arena arena = Arena.ofShared();
    try {
      Chunk chunk = new Chunk(arena, arena.allocate(size, 4096));
      made = true;
      return chunk;
    } finally {
      if (!made) {
        // Memory was refused.
        arena.close();
        lock.lock();
        try {
          chargedBytes -= charge;
          released.signalAll();
        } finally {
          lock.unlock();
        }
      }
    }
  }

  /** Registers what gives back cached leases when memory is short. It runs on a waiting thread. */
  public void addReclaimer(Runnable reclaimer) {
    reclaimers.add(reclaimer);
  }

  /** The opposite of {@link #addReclaimer}. */
  public void removeReclaimer(Runnable reclaimer) {
    reclaimers.remove(reclaimer);
  }

  /** Bytes leased and set aside now. */
  public long chargedBytes() {
    lock.lock();
    try {
      return chargedBytes;
    } finally {
      lock.unlock();
    }
  }

  /** The limit. */
  public long budgetBytes() {
    return budgetBytes;
  }

  /** Frees what lies free; buffers still on loan are freed when they come back. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      free.values().forEach(chunks -> chunks.forEach(chunk -> chunk.arena().close()));
      free.clear();
      freeBytes = 0;
      released.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
