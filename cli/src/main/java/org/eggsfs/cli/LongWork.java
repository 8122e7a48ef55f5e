package org.eggsfs.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Work that takes long and that Ctrl-C or SIGTERM ends in order: the working thread is interrupted,
 * and the process waits until it has ended what it was at, saved its cursors and said so.
 */
final class LongWork {
  /** Longer than the longest request of a client. */
  private static final long ORDERLY_SECONDS_MAX = 60;

  private LongWork() {}

  /** The work; an interrupt ends it soon. */
  interface Work {
    int run() throws Exception;
  }

  /** Runs it on this thread; the result is the exit code. */
  static int run(Work work) throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    Thread worker = Thread.currentThread();
    Thread hook =
        new Thread(
            () -> {
              worker.interrupt();
              try {
                ended.await(ORDERLY_SECONDS_MAX, TimeUnit.SECONDS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "stop-in-order");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      return work.run();
    } finally {
      ended.countDown();
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // The process is ending, which is why the work ended.
        Thread.currentThread().interrupt();
      }
    }
  }
}
