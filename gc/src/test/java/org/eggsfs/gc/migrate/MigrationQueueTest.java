package org.eggsfs.gc.migrate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.eggsfs.gc.migrate.MigrationQueue.Danger;
import org.eggsfs.gc.migrate.MigrationQueue.Sizes;
import org.junit.jupiter.api.Test;

/**
 * Goal: the most endangered file comes first, a failing one never spins and never blocks the
 * others, and the queue stays bounded. Method: the queue by hand with times made up.
 */
class MigrationQueueTest {
  private static final long NOW = 1_000_000_000_000L;

  private final MigrationQueue queue = new MigrationQueue(4);

  private static Danger danger(long file, int remaining, int lost) {
    return new Danger(file, remaining, lost);
  }

  @Test
  void theMostEndangeredFileIsFirst() {
    queue.offer(danger(1, 3, 1));
    queue.offer(danger(2, 0, 4));
    queue.offer(danger(3, 0, 1));
    queue.offer(danger(4, -1, 1));
    assertEquals(4, queue.poll(NOW).file());
    assertEquals(2, queue.poll(NOW).file());
    assertEquals(3, queue.poll(NOW).file());
    assertEquals(1, queue.poll(NOW).file());
    assertNull(queue.poll(NOW));
    assertEquals(new Sizes(0, 4, 0), queue.sizes());
  }

  @Test
  void aFileThatWaitsGetsItsNewRankAndIsInOnce() {
    queue.offer(danger(1, 3, 1));
    queue.offer(danger(2, 2, 1));
    queue.offer(danger(1, 1, 3));
    assertEquals(2, queue.sizes().waiting());
    assertEquals(danger(1, 1, 3), queue.poll(NOW));
    // What is seen again while it is in work is not done twice at the same time.
    queue.offer(danger(1, 1, 3));
    assertEquals(2, queue.poll(NOW).file());
    assertNull(queue.poll(NOW));
    queue.done(1);
    queue.offer(danger(1, 1, 3));
    assertEquals(1, queue.poll(NOW).file());
  }

  @Test
  void whenItIsFullTheLeastEndangeredGivesWay() {
    for (int file = 1; file <= 4; file++) {
      queue.offer(danger(file, file, 1));
    }
    queue.offer(danger(9, 5, 1));
    queue.offer(danger(8, 0, 1));
    assertEquals(4, queue.sizes().waiting());
    assertEquals(
        List.of(8L, 1L, 2L, 3L),
        List.of(
            queue.poll(NOW).file(),
            queue.poll(NOW).file(),
            queue.poll(NOW).file(),
            queue.poll(NOW).file()));
    assertEquals(2, queue.leftOut());
    // What is in work does not give way.
    queue.offer(danger(10, -1, 1));
    assertNull(queue.poll(NOW));
    assertEquals(3, queue.leftOut());
  }

  /**
   * Files 1 to 100 cannot be moved, and are the most endangered; 101 to 110 can. Each round is a
   * scan that finds all that is left, and the work on what it brought.
   */
  @Test
  void filesThatCannotBeMovedLeaveRoomForOthers() {
    Set<Long> left = new TreeSet<>();
    for (long file = 1; file <= 110; file++) {
      left.add(file);
    }
    long now = NOW;
    for (int round = 0; round < 100 && left.size() > 100; round++) {
      for (long file : left) {
        queue.offer(danger(file, file <= 100 ? 0 : 3, 1));
        Sizes sizes = queue.sizes();
        assertTrue(sizes.waiting() + sizes.delayed() <= 4, sizes.toString());
      }
      for (Danger next = queue.poll(now); next != null; next = queue.poll(now)) {
        if (next.file() <= 100) {
          queue.failed(next.file(), now, "no place");
        } else {
          queue.done(next.file());
          left.remove(next.file());
        }
        assertTrue(queue.sizes().delayed() <= 2, "half of the places");
      }
      now += MigrationQueue.RETRY_NANOS_MIN;
    }
    assertEquals(100, left.size());
    assertTrue(queue.forgotten() > 0);
    assertTrue(queue.leftOut() > 0);
  }

  @Test
  void whatWasForgottenIsAsGoodAsOthersWhenNothingFailsAnyMore() {
    for (int file = 1; file <= 3; file++) {
      queue.offer(danger(file, 0, 1));
      assertEquals(file, queue.poll(NOW).file());
      queue.failed(file, NOW + file, "reason");
    }
    assertEquals(1, queue.forgotten());
    queue.offer(danger(3, 0, 1));
    queue.offer(danger(4, 3, 1));
    assertEquals(4, queue.poll(NOW).file());
    queue.done(4);
    assertEquals(3, queue.poll(NOW).file());
    queue.done(3);
    for (int file = 1; file <= 2; file++) {
      assertEquals(file, queue.poll(NOW + MigrationQueue.RETRY_NANOS_MIN + file).file());
      queue.done(file);
    }
    assertEquals(0, queue.forgotten());
    queue.offer(danger(3, 0, 1));
    queue.offer(danger(4, 3, 1));
    assertEquals(3, queue.poll(NOW).file());
  }

  @Test
  void failuresAreRepeatedAfterGrowingPausesUpToAnHour() {
    queue.offer(danger(1, 0, 1));
    long now = NOW;
    long pause = MigrationQueue.RETRY_NANOS_MIN;
    for (int attempt = 1; attempt <= 20; attempt++) {
      assertEquals(1, queue.poll(now).file());
      queue.failed(1, now, "reason " + attempt);
      assertTrue(queue.isIdle());
      assertEquals(1, queue.sizes().delayed());
      assertNull(queue.poll(now + pause - 1), "attempt " + attempt);
      // Another scan that finds the file does not shorten its pause.
      queue.offer(danger(1, 0, 1));
      assertNull(queue.poll(now + pause - 1), "attempt " + attempt);
      now += pause;
      pause = Math.min(2 * pause, MigrationQueue.RETRY_NANOS_MAX);
    }
    assertEquals(List.of(new MigrationStatus.Hopeless(1, 20, "reason 20")), queue.hopeless());
    assertEquals(1, queue.poll(now).file());
    queue.done(1);
    assertEquals(List.of(), queue.hopeless());
  }

  @Test
  void aFailingFileDoesNotBlockOthers() {
    queue.offer(danger(1, 0, 1));
    queue.offer(danger(2, 3, 1));
    assertEquals(1, queue.poll(NOW).file());
    queue.failed(1, NOW, "reason");
    assertEquals(2, queue.poll(NOW).file());
    assertNull(queue.poll(NOW));
    assertEquals(1, queue.poll(NOW + MigrationQueue.RETRY_NANOS_MIN).file());
  }

  @Test
  void partitionsCoverEachFileOnce() {
    for (int count = 1; count <= 5; count++) {
      for (long sequence = 1; sequence < 50; sequence++) {
        long file = 2L << 61 | sequence << 8 | 7;
        int owners = 0;
        for (int index = 0; index < count; index++) {
          MigrateSettings settings =
              new MigrateSettings(
                  index,
                  count,
                  null,
                  false,
                  1,
                  MigrateSettings.DEFAULT.pollInterval(),
                  MigrateSettings.DEFAULT.confirmInterval(),
                  MigrateSettings.DEFAULT.repair());
          owners += settings.isMine(file) ? 1 : 0;
        }
        assertEquals(1, owners);
      }
    }
  }
}
