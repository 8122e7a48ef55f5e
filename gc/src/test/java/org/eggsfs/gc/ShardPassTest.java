package org.eggsfs.gc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Goal: a pass sees everything once, can be gone on with anywhere, and leaves no thread behind. */
class ShardPassTest {
  private static final long LAST = 50;

  private final Set<Long> done = ConcurrentHashMap.newKeySet();
  private final Set<Long> failed = ConcurrentHashMap.newKeySet();
  private final AtomicLong position = new AtomicLong(-1);

  /** Ids 1 to {@link #LAST} in pages of seven. */
  private static ShardPass.Page<Long> list(long begin) {
    long first = Math.max(1, begin);
    long end = Math.min(first + 7, LAST + 1);
    return new ShardPass.Page<>(
        LongStream.range(first, end).boxed().toList(), end > LAST ? 0 : end);
  }

  private ShardPass<Long> pass(ShardPass.Worker<Long> worker) {
    return new ShardPass<>(
        4, id -> id, ShardPassTest::list, worker, (id, e) -> failed.add(id), position::set);
  }

  @Test
  void everythingIsVisitedAndFailuresAreTold() throws Exception {
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    pass(id -> {
          most.accumulateAndGet(now.incrementAndGet(), Math::max);
          Thread.sleep(1);
          now.decrementAndGet();
          if (id == 10) {
            throw new IllegalStateException("10");
          }
          if (id == 20) {
            throw new OutOfMemoryError("20");
          }
          if (id % 10 == 0) {
            throw new IOException("ten");
          }
          done.add(id);
        })
        .run(0);
    assertEquals(Set.of(10L, 20L, 30L, 40L, 50L), failed);
    assertEquals(45, done.size());
    assertEquals(0, position.get());
    assertTrue(most.get() <= 4, "at once " + most);
  }

  @Test
  void thePositionIsTheLowestUnfinished() throws Exception {
    CountDownLatch slow = new CountDownLatch(1);
    CountDownLatch others = new CountDownLatch((int) LAST - 1);
    AtomicLong whileSlow = new AtomicLong();
    Thread release =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    others.await();
                    whileSlow.set(position.get());
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                  slow.countDown();
                });
    pass(id -> {
          if (id == 9) {
            slow.await();
          } else {
            others.countDown();
          }
        })
        .run(0);
    release.join();
    assertEquals(9, whileSlow.get());
    assertEquals(0, position.get());
  }

  @Test
  void anInterruptedPassIsGoneOnWith() throws Exception {
    CountDownLatch reached = new CountDownLatch(1);
    AtomicInteger running = new AtomicInteger();
    ShardPass<Long> first =
        pass(
            id -> {
              running.incrementAndGet();
              try {
                if (id >= 20) {
                  reached.countDown();
                  TimeUnit.DAYS.sleep(1);
                }
                done.add(id);
              } finally {
                running.decrementAndGet();
              }
            });
    List<Exception> ends = new ArrayList<>();
    Thread thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    first.run(0);
                  } catch (Exception e) {
                    ends.add(e);
                  }
                });
    reached.await();
    thread.interrupt();
    thread.join();
    assertEquals(InterruptedException.class, ends.getFirst().getClass());
    assertEquals(0, running.get());
    assertEquals(Set.of(), failed);
    assertTrue(position.get() <= 20, "position " + position);

    pass(done::add).run(position.get());
    assertEquals(LAST, done.size());
  }

  @Test
  void aListingThatFailsOrGoesBackwardsEndsThePass() {
    ShardPass<Long> failing =
        new ShardPass<>(
            4,
            id -> id,
            begin -> {
              if (begin > 20) {
                throw new IOException("no page");
              }
              return list(begin);
            },
            done::add,
            (id, e) -> failed.add(id),
            position::set);
    assertThrows(IOException.class, () -> failing.run(0));
    assertTrue(position.get() > 0 && position.get() <= 22, "position " + position);
    ShardPass<Long> backwards =
        new ShardPass<>(
            4,
            id -> id,
            begin -> new ShardPass.Page<>(List.of(), 5),
            done::add,
            (id, e) -> failed.add(id),
            position::set);
    assertThrows(IllegalStateException.class, () -> backwards.run(0));
  }
}
