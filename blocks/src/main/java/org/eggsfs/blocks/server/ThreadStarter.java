package org.eggsfs.blocks.server;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Starts the threads of a process's block servers. A system that has none left says so with an
 * error that would end whoever asked; here it is a failure like others, which is over when others
 * have ended. Thread-safe.
 */
final class ThreadStarter {
  private static final System.Logger LOGGER = System.getLogger(ThreadStarter.class.getName());

  private static final long WARNING_NANOS = 60_000_000_000L;

  private final Consumer<Thread> system;
  private final AtomicLong warningNanos = new AtomicLong();

  /** Starts them with {@code system}, which throws what {@link Thread#start} throws. */
  ThreadStarter(Consumer<Thread> system) {
    this.system = system;
  }

  /**
   * Starts a thread.
   *
   * @throws IOException if the system has none left; this is said in the log once a minute
   */
  void start(Thread thread) throws IOException {
    try {
      system.accept(thread);
    } catch (RuntimeException | Error e) {
      long now = System.nanoTime();
      long warned = warningNanos.get();
      if ((warned == 0 || now - warned > WARNING_NANOS)
          && warningNanos.compareAndSet(warned, now | 1)) {
        LOGGER.log(System.Logger.Level.ERROR, "cannot start the thread " + thread.getName(), e);
      }
      throw new IOException("cannot start the thread " + thread.getName() + ": " + e, e);
    }
  }
}
