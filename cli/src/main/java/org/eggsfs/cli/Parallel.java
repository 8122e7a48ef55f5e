package org.eggsfs.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import org.eggsfs.protocol.EggsException;

/** The same request for many things, a bounded number at a time, answers in order. */
final class Parallel {
  /** Enough to hide the network, few enough for the client's table of outstanding requests. */
  private static final int AT_ONCE_MAX = 64;

  private Parallel() {}

  /** What is done to each. */
  interface Step<T, R> {
    R apply(T value) throws EggsException, IOException;
  }

  /** Applies {@code step} to all; the first failure ends it. */
  static <T, R> List<R> map(List<T> values, Step<T, R> step) throws EggsException, IOException {
    return map(AT_ONCE_MAX, values, step);
  }

  /** The same with at most {@code atOnce} at a time. */
  static <T, R> List<R> map(int atOnce, List<T> values, Step<T, R> step)
      throws EggsException, IOException {
    Semaphore places = new Semaphore(atOnce);
    List<Future<R>> futures = new ArrayList<>(values.size());
    List<R> results = new ArrayList<>(values.size());
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (T value : values) {
        places.acquire();
        futures.add(
            threads.submit(
                () -> {
                  try {
                    return step.apply(value);
                  } finally {
                    places.release();
                  }
                }));
      }
      for (Future<R> future : futures) {
        results.add(future.get());
      }
      return results;
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case EggsException eggs -> throw eggs;
        case IOException io -> throw io;
        case RuntimeException bug -> throw bug;
        default -> throw new IllegalStateException(e.getCause());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }
}
