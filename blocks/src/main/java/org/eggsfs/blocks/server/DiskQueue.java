package org.eggsfs.blocks.server;

import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import org.eggsfs.protocol.StorageClass;

/**
 * Runs the pipelined requests of one disk on the shared workers, a bounded number at a time, so
 * that a slow disk holds up neither the workers nor other disks. When there is no thread for
 * another worker, the caller does the work itself, as when all are busy.
 */
final class DiskQueue implements Executor {
  private static final int HDD_CONCURRENCY_MAX = 8;
  private static final int FLASH_CONCURRENCY_MAX = 32;
  private static final System.Logger LOGGER = System.getLogger(DiskQueue.class.getName());

  private final Executor workers;
  private final int concurrencyMax;
  private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
  private int running;

  DiskQueue(Executor workers, int storageClass) {
    this.workers = workers;
    this.concurrencyMax =
        storageClass == StorageClass.HDD ? HDD_CONCURRENCY_MAX : FLASH_CONCURRENCY_MAX;
  }

  /** Requests that wait for one of those that run to end. */
  synchronized int waitingCount() {
    return waiting.size();
  }

  /** Requests that run. */
  synchronized int runningCount() {
    return running;
  }

  @Override
  public void execute(Runnable task) {
    synchronized (this) {
      if (running >= concurrencyMax) {
        waiting.addLast(task);
        return;
      }
      running++;
    }
    boolean taken = false;
    try {
      workers.execute(() -> runAll(task));
      taken = true;
    } catch (RuntimeException | Error e) {
      LOGGER.log(System.Logger.Level.DEBUG, "no worker", e);
    }
    if (!taken) {
      runAll(task);
    }
  }

  private void runAll(Runnable first) {
    Runnable task = first;
    while (task != null) {
      try {
        task.run();
      } catch (RuntimeException | Error e) {
        // The others in the queue must not be lost with it.
        LOGGER.log(System.Logger.Level.ERROR, "a request failed", e);
      }
      synchronized (this) {
        task = waiting.pollFirst();
        if (task == null) {
          running--;
        }
      }
    }
  }
}
