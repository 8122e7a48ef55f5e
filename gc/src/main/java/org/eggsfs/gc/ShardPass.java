package org.eggsfs.gc;

import java.io.IOException;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.LongConsumer;
import java.util.function.ToLongFunction;
import org.eggsfs.protocol.EggsException;

/**
 * One pass over inodes of a shard, listed page by page and worked on by a bounded number of virtual
 * threads at the same time. An item that fails is told and passed over; a listing that fails ends
 * the pass. However a pass ends, its threads have ended before it returns.
 *
 * <p>The pass tells where another one should begin: at the lowest inode that is not finished, so
 * that a restart leaves nothing out.
 *
 * @param <T> an inode and what is known of it
 */
public final class ShardPass<T> {
  /** A part of the listing; a next id of 0 is the end. */
  public record Page<T>(List<T> items, long nextId) {}

  /** Lists from an inode on. */
  public interface Lister<T> {
    /** The next page. */
    Page<T> list(long beginId) throws EggsException, IOException, InterruptedException;
  }

  /** Works on one item; called by many threads. */
  public interface Worker<T> {
    /** Does what is to be done. */
    void work(T item) throws EggsException, IOException, InterruptedException;
  }

  /** Is told of items that could not be worked on; called by many threads. */
  public interface FailureListener {
    /** For whom the log is enough. */
    FailureListener NOBODY = (inode, failure) -> {};

    /** An item failed. */
    void failed(long inode, Exception failure);
  }

  private final ToLongFunction<T> idOf;
  private final Lister<T> lister;
  private final Worker<T> worker;
  private final FailureListener failures;
  private final LongConsumer position;
  private final Semaphore places;
  private final int workers;

  // Guarded by itself: ids are positive, so their order is that of the listing.
  private final TreeSet<Long> unfinished = new TreeSet<>();
  private long nextId;

  /**
   * A pass to be run once.
   *
   * @param workers items worked on at the same time
   * @param position receives where to go on, 0 at the end
   */
  public ShardPass(
      int workers,
      ToLongFunction<T> idOf,
      Lister<T> lister,
      Worker<T> worker,
      FailureListener failures,
      LongConsumer position) {
    this.workers = workers;
    this.places = new Semaphore(workers);
    this.idOf = idOf;
    this.lister = lister;
    this.worker = worker;
    this.failures = failures;
    this.position = position;
  }

  /**
   * Runs the pass.
   *
   * @throws EggsException or another, if the listing fails
   */
  public void run(long beginId) throws EggsException, IOException, InterruptedException {
    nextId = beginId;
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      try {
        do {
          Page<T> page = lister.list(nextId);
          for (T item : page.items()) {
            places.acquire();
            begin(idOf.applyAsLong(item));
            threads.execute(() -> work(item));
          }
          listedTo(page.nextId());
        } while (nextId != 0);
        places.acquire(workers);
      } finally {
        // After a normal end nobody works any more; else the work is to stop.
        threads.shutdownNow();
      }
    }
  }

  private void listedTo(long next) throws EggsException {
    if (next != 0 && next <= nextId) {
      throw new IllegalStateException("the listing of a shard goes backwards");
    }
    synchronized (unfinished) {
      nextId = next;
    }
    tell();
  }

  private void begin(long id) {
    synchronized (unfinished) {
      unfinished.add(id);
    }
  }

  private void work(T item) {
    long id = idOf.applyAsLong(item);
    boolean finished = false;
    try {
      worker.work(item);
      finished = true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (EggsException | IOException | RuntimeException e) {
      finished = failed(id, e);
    } catch (Error e) {
      // Too little memory, say: an item that nobody counts would be taken for a good one.
      finished = failed(id, new IllegalStateException(e));
    } finally {
      if (finished) {
        synchronized (unfinished) {
          unfinished.remove(id);
        }
        tell();
      }
      places.release();
    }
  }

  private boolean failed(long id, Exception failure) {
    if (Thread.currentThread().isInterrupted()) {
      return false;
    }
    failures.failed(id, failure);
    return true;
  }

  private void tell() {
    synchronized (unfinished) {
      position.accept(unfinished.isEmpty() ? nextId : unfinished.first());
    }
  }
}
