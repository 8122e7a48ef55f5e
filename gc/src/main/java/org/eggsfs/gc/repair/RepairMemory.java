package org.eggsfs.gc.repair;

import java.io.InterruptedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.concurrent.Semaphore;
import org.eggsfs.client.memory.BufferPool;

/**
 * The buffers of one job under one budget. Who asks first gets first, so that the repair of a large
 * block is not overtaken for ever by small ones; and each repair takes all it needs at once, so
 * that none waits for memory while it holds some. Thread-safe.
 */
final class RepairMemory implements AutoCloseable {
  private static final int UNIT = BufferPool.CLASS_MIN;

  private final BufferPool pool;
  private final Semaphore units;
  private final int unitsMax;

  RepairMemory(long budgetBytes) {
    this.pool = new BufferPool(budgetBytes);
    this.unitsMax = Math.toIntExact(budgetBytes / UNIT);
    this.units = new Semaphore(unitsMax, true);
  }

  /** Memory on loan. */
  final class Loan implements AutoCloseable {
    private final BufferPool.Lease lease;
    private final int charged;

    private Loan(BufferPool.Lease lease, int charged) {
      this.lease = lease;
      this.charged = charged;
    }

    ByteBuffer buffer() {
      return lease.buffer();
    }

    MemorySegment segment() {
      return lease.segment();
    }

    @Override
    public void close() {
      lease.close();
      units.release(charged);
    }
  }

  /**
   * Memory that is needed for different times.
   *
   * @param kept to the end
   * @param passing given back as soon as it is not needed any more
   */
  record Loans(Loan kept, Loan passing) {}

  /** Waits for memory; a request above the whole budget gets it alone. */
  Loan acquire(long bytes) throws InterruptedIOException {
    int charged = units(bytes, unitsMax);
    await(charged);
    return lend(bytes, charged, charged);
  }

  /** Waits for both at once, so that nobody who holds some waits for more. */
  Loans acquire(long keptBytes, long passingBytes) throws InterruptedIOException {
    int kept = units(keptBytes, unitsMax);
    int passing = units(passingBytes, unitsMax - kept);
    await(kept + passing);
    Loan first = lend(keptBytes, kept, kept + passing);
    boolean good = false;
    try {
      Loans loans = new Loans(first, lend(passingBytes, passing, passing));
      good = true;
      return loans;
    } finally {
      if (!good) {
        first.close();
      }
    }
  }

  /** Size classes round up by at most a quarter. */
  private static int units(long bytes, int max) {
    return (int) Math.min(max, (bytes + bytes / 4) / UNIT + 1);
  }

  private void await(int charged) throws InterruptedIOException {
    try {
      units.acquire(charged);
    } catch (InterruptedException e) {
      throw Interrupts.whileDoing("waiting for buffer memory", e);
    }
  }

  /** A loan; if there is no memory, {@code atFailure} units are given back. */
  private Loan lend(long bytes, int charged, int atFailure) {
    boolean good = false;
    try {
      Loan loan = new Loan(pool.acquireOverdraft(bytes), charged);
      good = true;
      return loan;
    } finally {
      if (!good) {
        units.release(atFailure);
      }
    }
  }

  @Override
  public void close() {
    pool.close();
  }
}
