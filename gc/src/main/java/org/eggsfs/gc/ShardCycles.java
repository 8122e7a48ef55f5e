package org.eggsfs.gc;

import java.io.IOException;
import java.util.BitSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.LongConsumer;
import org.eggsfs.protocol.EggsException;

/**
 * When a job visits which shard: each chosen shard has its own cycle on a virtual thread of its
 * own, so that a shard that does not answer keeps none of the others waiting. After a cycle its
 * shard rests until a minimum time from the cycle's beginning has passed; after an error it is
 * tried again sooner and goes on where it was. Errors in a row raise an alert.
 */
public final class ShardCycles {
  private static final long ERROR_PAUSE_NANOS_MIN = TimeUnit.SECONDS.toNanos(10);
  private static final long ERROR_PAUSE_NANOS_MAX = TimeUnit.MINUTES.toNanos(10);

  /** One lost cycle is no news; a shard that is not collected for long is. */
  private static final int ERRORS_BEFORE_ALERT = 5;

  /** Cycles drift apart, so that shards are not all visited in the same moment for ever. */
  private static final double JITTER = 0.1;

  private static final System.Logger LOG = System.getLogger(ShardCycles.class.getName());

  /**
   * Which shards, and how often.
   *
   * @param shards the shards to visit
   * @param cycleNanosMin from the beginning of a cycle to that of the next
   * @param single whether one cycle is all
   */
  public record Schedule(BitSet shards, long cycleNanosMin, boolean single) {
    /** Keeps its own copy of the set. */
    public Schedule {
      shards = (BitSet) shards.clone();
    }

    @Override
    public BitSet shards() {
      return (BitSet) shards.clone();
    }
  }

  /** One cycle over one shard. */
  public interface Cycle {
    /** Visits the shard from an inode on and tells where another visit should go on. */
    void run(int shard, long beginId, LongConsumer position)
        throws EggsException, IOException, InterruptedException;
  }

  private final String job;
  private final Schedule schedule;
  private final Cycle cycle;
  private final Counters.Counter cycles;
  private final Counters.Counter failures;
  private final AtomicLongArray cursors;
  private final BitSet failedShards = new BitSet();
  private final ClockCheck clockCheck;
  private final Alerts alerts;

  /**
   * Cycles that do not run yet.
   *
   * @param counters receives the numbers of cycles and of failed ones
   * @param clockCheck no cycle begins, or goes on, while it does not trust the clock
   */
  public ShardCycles(
      Counters counters,
      Schedule schedule,
      Cycle cycle,
      Cursors cursors,
      ClockCheck clockCheck,
      Alerts alerts) {
    this.job = counters.job();
    this.schedule = schedule;
    this.cycle = cycle;
    this.cycles = counters.counter("cycles");
    this.failures = counters.failureCounter("failed_cycles");
    this.cursors = cursors.of(counters.job());
    this.clockCheck = clockCheck;
    this.alerts = alerts;
  }

  /** Runs until interrupted, or once over each shard. */
  public void run() throws InterruptedException {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      try {
        schedule.shards().stream().forEach(shard -> threads.execute(() -> visit(shard)));
        threads.shutdown();
        while (!threads.awaitTermination(1, TimeUnit.DAYS)) {
          LOG.log(System.Logger.Level.DEBUG, "{0} goes on", job);
        }
      } finally {
        threads.shutdownNow();
      }
    }
  }

  /** The shards of which a cycle has failed since the start. */
  public BitSet failedShards() {
    synchronized (failedShards) {
      return (BitSet) failedShards.clone();
    }
  }

  private void visit(int shard) {
    int errors = 0;
    try {
      while (!Thread.currentThread().isInterrupted()) {
        long begin = System.nanoTime();
        boolean done = visitOnce(shard, errors);
        if (schedule.single) {
          return;
        }
        if (done) {
          errors = 0;
          rest(begin + schedule.cycleNanosMin - System.nanoTime());
        } else {
          errors++;
          long pause = ERROR_PAUSE_NANOS_MIN << Math.min(errors - 1, 10);
          rest(Math.min(pause, ERROR_PAUSE_NANOS_MAX));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean visitOnce(int shard, int errorsBefore) throws InterruptedException {
    String alert = job + "-shard-" + shard;
    try {
      trustClock();
      cycle.run(shard, cursors.get(shard), position -> cursors.set(shard, position));
      cursors.set(shard, 0);
      cycles.increment();
      alerts.clear(alert);
      return true;
    } catch (EggsException | IOException | RuntimeException | Error e) {
      if (Thread.currentThread().isInterrupted()) {
        throw (InterruptedException) new InterruptedException().initCause(e);
      }
      failures.increment();
      synchronized (failedShards) {
        failedShards.set(shard);
      }
      LOG.log(System.Logger.Level.WARNING, job + ": the cycle of shard " + shard + " failed", e);
      if (errorsBefore + 1 >= ERRORS_BEFORE_ALERT) {
        alerts.raise(alert, "shard " + shard + " cannot be visited: " + e.getMessage());
      }
      return false;
    }
  }

  /**
   * Waits until the clock can be trusted; called by a cycle before each page it lists, since it may
   * take days in which somebody sets the clock.
   *
   * @throws IOException instead of waiting, where one cycle is all
   */
  public void trustClock() throws IOException, InterruptedException {
    if (schedule.single) {
      clockCheck.require();
    } else {
      clockCheck.awaitTrust();
    }
  }

  private static void rest(long nanos) throws InterruptedException {
    double factor = 1 + JITTER * (ThreadLocalRandom.current().nextDouble() - 0.5);
    TimeUnit.NANOSECONDS.sleep((long) (nanos * factor));
  }
}
