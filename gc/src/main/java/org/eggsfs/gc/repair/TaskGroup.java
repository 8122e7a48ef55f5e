package org.eggsfs.gc.repair;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.eggsfs.protocol.EggsException;

/**
 * Tasks on virtual threads, at most so many at a time. Closing ends them: a job is over only when
 * nothing of it runs any more (gc.md section 11, item 8). Submitting may be done by several
 * threads.
 */
public final class TaskGroup implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(TaskGroup.class.getName());

  /** What a task does; it handles the errors of its work itself. */
  public interface Task {
    /** Whatever leaves it is logged; it ends nothing else. */
    void run() throws EggsException, IOException;
  }

  private final String name;
  private final int countMax;
  private final Semaphore places;
  private final Set<Thread> threads = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  /** An empty group. */
  public TaskGroup(String name, int countMax) {
    this.name = name;
    this.countMax = countMax;
    this.places = new Semaphore(countMax);
  }

  /** Whether {@link #submit} would not wait, if nobody else submits. */
  public boolean hasPlace() {
    return places.availablePermits() > 0;
  }

  /** Starts a task, when there is a place for it. */
  public void submit(Task task) throws InterruptedIOException {
    try {
      places.acquire();
    } catch (InterruptedException e) {
      throw Interrupts.whileDoing("waiting for a task to end", e);
    }
    Thread thread = Thread.ofVirtual().name(name).unstarted(() -> run(task));
    threads.add(thread);
    thread.start();
    if (closed) {
      thread.interrupt();
    }
  }

  private void run(Task task) {
    try {
      task.run();
    } catch (InterruptedIOException e) {
      LOG.log(System.Logger.Level.DEBUG, name + " was told to end", e);
    } catch (EggsException | IOException | RuntimeException | Error e) {
      LOG.log(System.Logger.Level.ERROR, name + " failed", e);
    } finally {
      threads.remove(Thread.currentThread());
      places.release();
    }
  }

  /** Waits until no task runs. */
  public void join() throws InterruptedIOException {
    try {
      places.acquire(countMax);
    } catch (InterruptedException e) {
      throw Interrupts.whileDoing("waiting for tasks to end", e);
    }
    places.release(countMax);
  }

  /** Interrupts what still runs and waits for it. */
  @Override
  public void close() {
    closed = true;
    threads.forEach(Thread::interrupt);
    places.acquireUninterruptibly(countMax);
    places.release(countMax);
  }
}
