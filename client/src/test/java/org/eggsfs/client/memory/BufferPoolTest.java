package org.eggsfs.client.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

final class BufferPoolTest {
  private static final long MIB = 1 << 20;

  private static BufferPool.Lease acquire(BufferPool pool, long bytes) throws Exception {
    return pool.acquire(bytes, 0, Long.MAX_VALUE);
  }

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
      BufferPool.Lease a = acquire(pool, 2 * MIB);
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
      BufferPool.Lease first = acquire(pool, MIB);
      CompletableFuture<BufferPool.Lease> second = new CompletableFuture<>();
      Thread waiter =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      second.complete(acquire(pool, MIB));
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
      BufferPool.Lease cached = acquire(pool, MIB);
      boolean[] given = {false};
      Runnable reclaimer =
          () -> {
            if (!given[0]) {
              given[0] = true;
              cached.close();
            }
          };
      pool.addReclaimer(reclaimer);
      acquire(pool, MIB).close();
      assertTrue(given[0]);
      pool.removeReclaimer(reclaimer);
    }
  }

  @Test
  void buffersAreUsedAgainAndGivenBackOnce() throws Exception {
    try (BufferPool pool = new BufferPool(4 * MIB)) {
      BufferPool.Lease a = acquire(pool, MIB);
      long address = a.segment().address();
      a.close();
      assertThrows(IllegalStateException.class, a::close);
      try (BufferPool.Lease again = acquire(pool, MIB)) {
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

  @Test
  @Timeout(60)
  void aFewBuffersGoBeyondABudgetThatOthersKeep() throws Exception {
    try (BufferPool pool = new BufferPool(MIB)) {
      List<BufferPool.Lease> beyond = new ArrayList<>();
      CompletableFuture<BufferPool.Lease> next = new CompletableFuture<>();
      try (BufferPool.Lease kept = acquire(pool, MIB)) {
        assertNotNull(kept);
        for (int i = 0; i < BufferPool.OVERDRAWN_MAX; i++) {
          beyond.add(pool.acquireOrOverdraw(MIB));
        }
        assertEquals((1 + BufferPool.OVERDRAWN_MAX) * MIB, pool.chargedBytes());
        Thread waiter =
            Thread.ofVirtual()
                .start(
                    () -> {
                      try {
                        next.complete(pool.acquireOrOverdraw(MIB));
                      } catch (Exception e) {
                        next.completeExceptionally(e);
                      }
                    });
        assertNull(pool.acquire(MIB, 0, 100_000_000));
        assertFalse(next.isDone(), "there is an end to it");
        assertEquals((1 + BufferPool.OVERDRAWN_MAX) * MIB, pool.chargedBytes());
        beyond.removeLast().close();
        next.get().close();
        waiter.join();
        beyond.add(pool.acquireOrOverdraw(MIB));
        beyond.forEach(BufferPool.Lease::close);
      }
      assertEquals(0, pool.chargedBytes());
      try (BufferPool.Lease within = pool.acquireOrOverdraw(MIB)) {
        assertNotNull(within);
        assertEquals(MIB, pool.chargedBytes());
      }
    }
  }

  @Test
  @Timeout(60)
  void whatLiesCachedIsAskedForBeforeTheBudgetIsOverdrawn() throws Exception {
    try (BufferPool pool = new BufferPool(MIB)) {
      AtomicReference<BufferPool.Lease> cached = new AtomicReference<>(acquire(pool, MIB));
      pool.addReclaimer(
          () -> {
            BufferPool.Lease lease = cached.getAndSet(null);
            if (lease != null) {
              lease.close();
            }
          });
      try (BufferPool.Lease lease = pool.acquireOrOverdraw(MIB)) {
        assertNotNull(lease);
        assertEquals(MIB, pool.chargedBytes());
      }
    }
  }

  @Test
  @Timeout(60)
  void whoWaitsToOverdrawCanBeInterruptedAndIsToldOfTheEnd() throws Exception {
    BufferPool pool = new BufferPool(MIB);
    List<BufferPool.Lease> leases = new ArrayList<>(List.of(acquire(pool, MIB)));
    for (int i = 0; i < BufferPool.OVERDRAWN_MAX; i++) {
      leases.add(pool.acquireOrOverdraw(MIB));
    }
    Thread.currentThread().interrupt();
    assertThrows(InterruptedIOException.class, () -> pool.acquireOrOverdraw(MIB));
    assertTrue(Thread.interrupted(), "the interrupt stays");
    pool.close();
    assertThrows(IllegalStateException.class, () -> pool.acquireOrOverdraw(MIB));
    leases.forEach(BufferPool.Lease::close);
    assertEquals(0, pool.chargedBytes());
  }
}
