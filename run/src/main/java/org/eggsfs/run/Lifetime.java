package org.eggsfs.run;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.cli.ExitCodes;

/**
 * How a server process ends: by a signal, by its parent's end, or because it cannot go on. However
 * it is, the servers are closed in order first, within a time limit.
 */
final class Lifetime {
  /** A stop that takes longer is none; the data survives a hard end. */
  private static final long STOP_SECONDS_MAX = 18;

  private static final System.Logger LOGGER = System.getLogger(Lifetime.class.getName());

  private final CountDownLatch ending = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);
  private final AtomicInteger exitCode = new AtomicInteger(ExitCodes.OK);

  /** Begins the end with an error; used when a disk has failed. */
  void fail(String reason) {
    System.err.println("eggs: " + reason);
    exitCode.set(ExitCodes.FAILED);
    ending.countDown();
  }

  /** Begins the end. */
  void end() {
    ending.countDown();
  }

  boolean isEnding() {
    return ending.getCount() == 0;
  }

  /** Ends this process when another ends. */
  void endWith(Long pid) {
    if (pid == null) {
      return;
    }
    ProcessHandle.of(pid)
        .ifPresentOrElse(process -> process.onExit().thenRun(ending::countDown), ending::countDown);
  }

  /** Also a stop after a failed disk must come to an end. */
  private static void endHardWhenLate() {
    try {
      Thread.sleep(STOP_SECONDS_MAX * 1000);
      System.err.println("eggs: stopping takes too long, ending now");
      Runtime.getRuntime().halt(ExitCodes.FAILED);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits for the end, closes the server, and returns the exit code. */
  int serve(AutoCloseable server) throws InterruptedException {
    Thread hook =
        new Thread(
            () -> {
              ending.countDown();
              try {
                closed.await(STOP_SECONDS_MAX, TimeUnit.SECONDS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "shutdown");
    Runtime.getRuntime().addShutdownHook(hook);
    ending.await();
    Thread limit = Thread.ofPlatform().daemon().name("stop-limit").start(Lifetime::endHardWhenLate);
    try {
      server.close();
    } catch (Exception e) {
      LOGGER.log(System.Logger.Level.ERROR, "while stopping", e);
      exitCode.set(ExitCodes.FAILED);
    } finally {
      limit.interrupt();
      closed.countDown();
    }
    return exitCode.get();
  }
}
