package org.eggsfs.tests.check;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/** The same for many things, some at a time. */
public final class Parallel {
  private Parallel() {}

  /** What is done with one thing. */
  public interface Step<T> {
    /** Does it. */
    void run(T item) throws Exception;
  }

  /** Does it with all; the first failure is thrown when all workers have ended. */
  public static <T> void each(int workers, List<T> items, Step<T> step) throws Exception {
    each(Thread.ofVirtual().factory(), workers, items, step);
  }

  /** The same on threads that may wait in the kernel without holding up others. */
  public static <T> void eachOnThreads(int workers, List<T> items, Step<T> step) throws Exception {
    each(Thread.ofPlatform().factory(), workers, items, step);
  }

  private static <T> void each(ThreadFactory factory, int workers, List<T> items, Step<T> step)
      throws Exception {
    AtomicInteger next = new AtomicInteger();
    Exception first = null;
    try (ExecutorService threads = Executors.newThreadPerTaskExecutor(factory)) {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < Math.min(workers, items.size()); i++) {
        running.add(
            threads.submit(
                () -> {
                  for (int at = next.getAndIncrement();
                      at < items.size();
                      at = next.getAndIncrement()) {
                    step.run(items.get(at));
                  }
                  return null;
                }));
      }
      for (Future<?> one : running) {
        try {
          one.get();
        } catch (ExecutionException e) {
          if (first == null) {
            first =
                e.getCause() instanceof Exception exception
                    ? exception
                    : new IllegalStateException(e.getCause());
          }
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }
}
