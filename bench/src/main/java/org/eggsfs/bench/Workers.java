package org.eggsfs.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.protocol.EggsException;

/** Runs one operation again and again in a number of workers, each on a virtual thread. */
final class Workers {
  private Workers() {}

  /** One operation of a worker; {@code sequence} tells the operations apart. */
  interface Operation {
    void run(int worker, int sequence) throws EggsException, IOException;
  }

  /** Runs for some time; the figure counts what ended in that time. */
  static Figure forSeconds(String name, int workers, double seconds, Operation operation)
      throws EggsException, IOException {
    long end = System.nanoTime() + (long) (seconds * 1e9);
    return run(
        name,
        workers,
        (worker, latencies) -> {
          for (int i = 0; ; i++) {
            long before = System.nanoTime();
            if (before >= end) {
              return;
            }
            operation.run(worker, i);
            latencies.add(System.nanoTime() - before);
          }
        });
  }

  /**
   * Runs so many operations altogether; {@code sequence} counts over all workers, each of which
   * takes the next when it has done one.
   */
  static Figure times(String name, int workers, int total, Operation operation)
      throws EggsException, IOException {
    AtomicInteger next = new AtomicInteger();
    return run(
        name,
        workers,
        (worker, latencies) -> {
          for (int i = next.getAndIncrement(); i < total; i = next.getAndIncrement()) {
            long before = System.nanoTime();
            operation.run(worker, i);
            latencies.add(System.nanoTime() - before);
          }
        });
  }

  private interface Loop {
    void run(int worker, Latencies latencies) throws EggsException, IOException;
  }

  private static Figure run(String name, int workers, Loop loop) throws EggsException, IOException {
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
                  loop.run(worker, latencies[worker]);
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
}
