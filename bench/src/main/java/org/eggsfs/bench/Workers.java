package org.eggsfs.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.eggsfs.protocol.EggsException;

/** Runs one operation again and again in a number of workers, each on a virtual thread. */
final class Workers {
  private Workers() {}

  /** One operation; {@code sequence} counts within the worker. */
  interface Operation {
    void run(int worker, int sequence) throws EggsException, IOException;
  }

  /** Runs for some time; the figure counts what ended in that time. */
  static Figure forSeconds(String name, int workers, double seconds, Operation operation)
      throws EggsException, IOException {
    long end = System.nanoTime() + (long) (seconds * 1e9);
    return run(name, workers, Integer.MAX_VALUE, end, operation);
  }

  /** Runs so many operations in each worker. */
  static Figure times(String name, int workers, int each, Operation operation)
      throws EggsException, IOException {
    return run(name, workers, each, Long.MAX_VALUE, operation);
  }

  private static Figure run(String name, int workers, int each, long endNanos, Operation operation)
      throws EggsException, IOException {
    Latencies[] latencies = new Latencies[workers];
    long start = System.nanoTime();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < workers; i++) {
        int worker = i;
        latencies[worker] = new Latencies();
        running.add(
            threads.submit(
                () -> {
                  loop(worker, each, endNanos, operation, latencies[worker]);
                  return null;
                }));
      }
      for (Future<?> thread : running) {
        thread.get();
      }
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case EggsException eggs -> throw eggs;
        case IOException io -> throw io;
        case RuntimeException bug -> throw bug;
        default -> throw new IllegalStateException(e.getCause());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    return Figure.operations(name, workers, seconds, Latencies.merge(latencies));
  }

  private static void loop(
      int worker, int each, long endNanos, Operation operation, Latencies latencies)
      throws EggsException, IOException {
    for (int i = 0; i < each; i++) {
      long before = System.nanoTime();
      if (before >= endNanos) {
        return;
      }
      operation.run(worker, i);
      latencies.add(System.nanoTime() - before);
    }
  }
}
