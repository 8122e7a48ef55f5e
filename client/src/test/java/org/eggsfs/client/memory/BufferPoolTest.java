package org.eggsfs.client.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CompletableFuture;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

final class BufferPoolTest {
  private static final long MIB = 1 << 20;

  @Property(tries = 500)
  void classesHoldTheRequestAndWasteAtMostAQuarter(
      @ForAll @LongRange(min = 1, max = 1L << 30) long bytes) {
    int size = BufferPool.sizeClass(bytes);
    assertTrue(size >= bytes);
    assertTrue(size == BufferPool.CLASS_MIN || size <= bytes + bytes / 4 + 1, bytes + " " + size);
    assertEquals(size, BufferPool.sizeClass(size), "a class is its own class");
  }

  @Test
  void theBudgetHolds() throws Exception {
    try (BufferPool pool = new BufferPool(4 * MIB)) {
      BufferPool.Lease a = pool.acquire(2 * MIB);
      BufferPool.Lease b = pool.tryAcquire(2 * MIB);
      assertNotNull(b);
      assertNull(pool.tryAcquire(1));
      assertEquals(4 * MIB, pool.chargedBytes());
      a.close();
      BufferPool.Lease c = pool.tryAcquire(MIB, MIB / 2);
      assertNotNull(c);
      assertEquals(2 * MIB + MIB + MIB / 2, pool.chargedBytes());
      BufferPool.Lease parity = c.takeExtra(MIB / 2);
      assertEquals(2 * MIB + MIB + MIB / 2, pool.chargedBytes(), "the extra was paid before");
      parity.close();
      c.close();
      b.close();
      assertEquals(0, pool.chargedBytes());
    }
  }

  @Test
  void aWaiterGetsWhatComesBack() throws Exception {
    try (BufferPool pool = new BufferPool(MIB)) {
      BufferPool.Lease first = pool.acquire(MIB);
      CompletableFuture<BufferPool.Lease> second = new CompletableFuture<>();
      Thread waiter =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      second.complete(pool.acquire(MIB));
                    } catch (Exception e) {
                      second.completeExceptionally(e);
                    }
                  });
      assertNull(pool.acquire(MIB, 0, 30_000_000));
      assertTrue(!second.isDone());
      first.close();
      second.get().close();
      waiter.join();
    }
  }

  @Test
  void reclaimersAreAskedBeforeAnyoneWaits() throws Exception {
    try (BufferPool pool = new BufferPool(MIB)) {
      BufferPool.Lease cached = pool.acquire(MIB);
      boolean[] given = {false};
      Runnable reclaimer =
          () -> {
            if (!given[0]) {
              given[0] = true;
              cached.close();
            }
          };
      pool.addReclaimer(reclaimer);
      pool.acquire(MIB).close();
      assertTrue(given[0]);
      pool.removeReclaimer(reclaimer);
    }
  }

  @Test
  void buffersAreUsedAgainAndGivenBackOnce() throws Exception {
    try (BufferPool pool = new BufferPool(4 * MIB)) {
      BufferPool.Lease a = pool.acquire(MIB);
      long address = a.segment().address();
      a.close();
      assertThrows(IllegalStateException.class, a::close);
      try (BufferPool.Lease again = pool.acquire(MIB)) {
        assertEquals(address, again.segment().address());
      }
    }
  }

  @Test
  void moreThanTheBudgetIsPossibleAloneAndByOverdraft() throws Exception {
    try (BufferPool pool = new BufferPool(MIB)) {
      try (BufferPool.Lease alone = pool.tryAcquire(3 * MIB)) {
        assertNotNull(alone);
        assertNull(pool.tryAcquire(1));
        pool.acquireOverdraft(MIB).close();
      }
      assertEquals(0, pool.chargedBytes());
    }
  }
}
