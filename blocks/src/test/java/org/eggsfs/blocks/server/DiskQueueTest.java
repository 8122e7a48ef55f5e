package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import org.eggsfs.protocol.StorageClass;
import org.junit.jupiter.api.Test;

/** Goal: every request is run, also without workers. Method: workers that the test moves. */
class DiskQueueTest {
  private static final int CONCURRENCY = 8;

  private final List<Runnable> given = new ArrayList<>();
  private Runnable trouble = () -> {};
  private final DiskQueue queue = new DiskQueue(this::work, StorageClass.HDD);
  private int done;

  private void work(Runnable task) {
    trouble.run();
    given.add(task);
  }

  private void submit(int count) {
    for (int i = 0; i < count; i++) {
      queue.execute(() -> done++);
    }
  }

  private static void noThread() {
    throw new OutOfMemoryError("unable to create native thread");
  }

  private static void rejected() {
    throw new RejectedExecutionException();
  }

  @Test
  void withoutAThreadTheCallerDoesTheWork() {
    for (Runnable each : List.<Runnable>of(DiskQueueTest::noThread, DiskQueueTest::rejected)) {
      trouble = each;
      done = 0;
      submit(2 * CONCURRENCY);
      assertEquals(2 * CONCURRENCY, done);
      assertEquals(0, queue.runningCount());
    }
  }

  @Test
  void theCallerAlsoDoesWhatWouldWaitForItsWorker() {
    submit(CONCURRENCY - 1);
    trouble =
        () -> {
          // While the last worker is about to be refused.
          trouble = () -> {};
          submit(2);
          noThread();
        };
    submit(1);
    assertEquals(3, done);
    assertEquals(0, queue.waitingCount());
    assertEquals(CONCURRENCY - 1, queue.runningCount());
    given.forEach(Runnable::run);
    assertEquals(CONCURRENCY + 2, done);
    assertEquals(0, queue.runningCount());
  }
}
