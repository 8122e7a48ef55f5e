package org.eggsfs.net;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The background work of a server, on one thread of its own: tasks that ask the shuckle and repeat
 * themselves, and what else must not run on an event loop. An outage of the shuckle is told once,
 * not with each try. After {@link #close} tasks are dropped.
 */
public final class ShuckleTasks implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(ShuckleTasks.class.getName());
  private static final long CLOSE_SECONDS_MAX = 5;

  private final List<InetSocketAddress> addresses;
  private final ShuckleClient shuckle;
  private final ScheduledThreadPoolExecutor executor;

  /** Only the thread of the tasks touches it. */
  private boolean outageTold;

  /**
   * Nothing runs yet.
   *
   * @param threadName of the thread
   * @param addresses of the shuckle
   */
  public ShuckleTasks(String threadName, List<InetSocketAddress> addresses) {
    this.addresses = List.copyOf(addresses);
    this.shuckle = new ShuckleClient(addresses);
    this.executor =
        new ScheduledThreadPoolExecutor(1, Thread.ofPlatform().name(threadName).factory());
    this.executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  /** The connection that tasks use. */
  public ShuckleClient shuckle() {
    return shuckle;
  }

  /** Runs a task as soon as those before it are done. Any thread. */
  public void execute(Runnable task) {
    schedule(task, 0);
  }

  /** Runs a task after some nanoseconds. Any thread. */
  public void schedule(Runnable task, long nanos) {
    try {
      executor.schedule(task, nanos, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "the server is closing", e);
    }
  }

  /**
   * A task has failed and will be tried again; told if it is the first of an outage. Only in a
   * task.
   *
   * @param what could not be done
   */
  public void failed(String what, Exception e) {
    if (!outageTold && !executor.isShutdown()) {
      outageTold = true;
      LOGGER.log(
          System.Logger.Level.WARNING,
          what + " at " + addresses + " (" + e.getMessage() + "); trying again");
    }
  }

  /** The shuckle answers: the next failure is a new outage. Only in a task. */
  public void worked() {
    outageTold = false;
  }

  /** Interrupts the task that runs, drops the others, closes the connection. */
  @Override
  public void close() {
    executor.shutdownNow();
    shuckle.close();
    try {
      if (!executor.awaitTermination(CLOSE_SECONDS_MAX, TimeUnit.SECONDS)) {
        LOGGER.log(System.Logger.Level.WARNING, "the background thread does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
