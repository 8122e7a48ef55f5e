package org.eggsfs.shuckle.server;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongFunction;
import org.eggsfs.consensus.Committer;
import org.eggsfs.consensus.GroupCommitter;
import org.eggsfs.net.HostClock;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;
import org.eggsfs.shuckle.state.LogEntry;
import org.eggsfs.shuckle.state.Result;
import org.eggsfs.shuckle.state.ShuckleState;
import org.eggsfs.store.ChangeList;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.WriteTarget;

/**
 * The state, made durable. Entries are decided on the {@code newest} state as soon as they are
 * made, one after another; many that wait together share one sync. An entry becomes visible to
 * {@link #read} and is answered when it is durable, so nobody sees what a crash could take back.
 * Both states see the same entries in the same order and so stay equal.
 */
public final class StateKeeper implements AutoCloseable {
  /** A question; may be refused. */
  @FunctionalInterface
  public interface Question<T> {
    /** Asks; must be short and must not keep the state. */
    T ask(ShuckleState state) throws EggsException;
  }

  private static final System.Logger LOG = System.getLogger(StateKeeper.class.getName());

  private final HostClock clock;
  private final EntryClock times;
  private final Runnable onCandidatesChanged;
  private final Runnable onFailure;
  private final Committer committer;
  private final AutoCloseable closing;

  /** Not yet durable, by the number of the entry. */
  private final Map<Long, CompletableFuture<Result>> waiting = new ConcurrentHashMap<>();

  private final ReentrantLock decideLock = new ReentrantLock();

  // Guarded by decideLock.
  private final ShuckleState newest;
  private final Silence silence;
  private long lastNumber;

  private final ReentrantReadWriteLock durableLock = new ReentrantReadWriteLock();

  // Guarded by durableLock.
  private final ShuckleState durable;

  private volatile boolean stopped;

  /**
   * Loads the state.
   *
   * @param onCandidatesChanged called, on the committer's thread, when other block services than
   *     before may be written to
   * @param onFailure called once when the store failed and nothing can be written any more
   */
  StateKeeper(
      KeyValueStore store, HostClock clock, Runnable onCandidatesChanged, Runnable onFailure) {
    this.clock = clock;
    this.times = new EntryClock(clock);
    this.silence = new Silence(clock.nanoTime());
    this.onCandidatesChanged = onCandidatesChanged;
    this.onFailure = onFailure;
    try (KeyValueStore.Snapshot snapshot = store.snapshot()) {
      newest = ShuckleState.load(snapshot);
      durable = ShuckleState.load(snapshot);
    }
    GroupCommitter group = new GroupCommitter("shuckle-commit", store, this::failed);
    committer = group;
    closing = group;
  }

  /**
   * The same with another committer, which is its owner's to close.
   *
   * @param onCandidatesChanged called by the committer
   */
  public StateKeeper(
      KeyValueStore store, HostClock clock, Runnable onCandidatesChanged, Committer committer) {
    this.clock = clock;
    this.times = new EntryClock(clock);
    this.silence = new Silence(clock.nanoTime());
    this.onCandidatesChanged = onCandidatesChanged;
    this.onFailure = () -> {};
    this.committer = committer;
    this.closing = () -> {};
    try (KeyValueStore.Snapshot snapshot = store.snapshot()) {
      newest = ShuckleState.load(snapshot);
      durable = ShuckleState.load(snapshot);
    }
  }

  /**
   * Decides an entry.
   *
   * @param maker makes the entry from its time
   * @return completed when the entry is durable; exceptionally when it never will be
   */
  public CompletableFuture<Result> submit(LongFunction<LogEntry> maker) {
    CompletableFuture<Result> future = new CompletableFuture<>();
    ChangeList changes = new ChangeList();
    decideLock.lock();
    try {
      LogEntry entry = maker.apply(times.now());
      Result result = newest.apply(entry, changes);
      if (result.error() == null) {
        listen(entry);
      }
      long number = ++lastNumber;
      waiting.put(number, future);
      // Even a refusal waits for the entries it was decided upon.
      committer.submit(changes.take(), () -> publish(number, entry, result));
    } finally {
      decideLock.unlock();
    }
    if (stopped) {
      failWaiting();
    }
    return future;
  }

  private void listen(LogEntry entry) {
    if (entry instanceof LogEntry.ClientWrite write
        && write.request() instanceof RegisterBlockServicesRequest request) {
      long nanos = clock.nanoTime();
      for (RegisterBlockServiceInfo service : request.blockServices()) {
        silence.heard(service.id(), nanos);
      }
    }
  }

  /**
   * Marks as stale the block services that have not registered for {@code delayNanos} (shuckle.md
   * section 5). To be called again and again.
   *
   * @param gapNanosMax what is usual between two calls; after a longer gap all have the whole delay
   *     to register
   * @return completed with how many were marked when that is durable
   */
  public CompletableFuture<Integer> markSilent(long delayNanos, long gapNanosMax) {
    // Under the lock nobody can register between the look and the entry.
    decideLock.lock();
    try {
      long nanos = clock.nanoTime();
      if (silence.look(nanos, gapNanosMax)) {
        LOG.log(
            System.Logger.Level.WARNING,
            "this process stood still for a while; all block services have {0} s to register",
            TimeUnit.NANOSECONDS.toSeconds(delayNanos));
      }
      long[] silent = newest.silent(id -> silence.isSilent(id, nanos, delayNanos));
      return silent.length == 0
          ? CompletableFuture.completedFuture(0)
          : submit(time -> new LogEntry.MarkStale(time, silent)).thenApply(_ -> silent.length);
    } finally {
      decideLock.unlock();
    }
  }

  private void publish(long number, LogEntry entry, Result result) {
    boolean candidatesChanged;
    durableLock.writeLock().lock();
    try {
      long before = durable.candidateChanges();
      // Its changes are written already, with the entry's batch.
      durable.apply(entry, WriteTarget.NOWHERE);
      candidatesChanged = durable.candidateChanges() != before;
    } finally {
      durableLock.writeLock().unlock();
    }
    CompletableFuture<Result> future = waiting.remove(number);
    if (future != null) {
      future.complete(result);
    }
    if (candidatesChanged) {
      onCandidatesChanged.run();
    }
  }

  /** Asks the durable state; the question must be short and must not keep the state. */
  public <T> T read(Question<T> question) throws EggsException {
    durableLock.readLock().lock();
    try {
      return question.ask(durable);
    } finally {
      durableLock.readLock().unlock();
    }
  }

  /** Entries decided since the start. */
  long entryCount() {
    decideLock.lock();
    try {
      return lastNumber;
    } finally {
      decideLock.unlock();
    }
  }

  /** Entries that wait for the disk. */
  int waitingCount() {
    return waiting.size();
  }

  /** The time of a question. */
  public long now() {
    return times.now();
  }

  private void failed() {
    stopped = true;
    failWaiting();
    onFailure.run();
  }

  private void failWaiting() {
    for (Long number : List.copyOf(waiting.keySet())) {
      CompletableFuture<Result> future = waiting.remove(number);
      if (future != null) {
        future.completeExceptionally(new IOException("the shuckle has stopped"));
      }
    }
  }

  /** Commits what was submitted, then stops. */
  @Override
  public void close() {
    try {
      closing.close();
    } catch (Exception e) {
      throw new IllegalStateException("closing a committer", e);
    }
    stopped = true;
    failWaiting();
  }
}
