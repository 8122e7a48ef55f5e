package org.eggsfs.blocks.server;

import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Assertions;

/** Waiting for what other threads do. */
final class Await {
  private static final long LIMIT_NANOS = 30_000_000_000L;

  /** A condition that may fail. */
  interface Condition {
    boolean holds() throws Exception;
  }

  private Await() {}

  static void until(Condition condition) {
    long end = System.nanoTime() + LIMIT_NANOS;
    try {
      while (!condition.holds()) {
        if (System.nanoTime() > end) {
          Assertions.fail("it has not become so within 30 s");
        }
        LockSupport.parkNanos(5_000_000);
      }
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
