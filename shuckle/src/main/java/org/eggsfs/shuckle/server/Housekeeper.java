package org.eggsfs.shuckle.server;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.shuckle.state.Alerts;
import org.eggsfs.shuckle.state.Assigner;
import org.eggsfs.shuckle.state.Assignment;
import org.eggsfs.shuckle.state.LogEntry;

/**
 * The shuckle's periodic work, on a virtual thread of its own: marking silent block services stale
 * (shuckle.md section 5), recomputing the assignment (section 7), alerts (section 10) and
 * refreshing the shuckle's own registration. It looks every ten seconds, more often when the
 * staleness delay is short, and at once when other block services may be written to.
 */
final class Housekeeper implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Housekeeper.class.getName());

  private static final long TICK_MILLIS_MAX = 10_000;
  private static final long TICK_MILLIS_MIN = 50;

  /** Looks for silent services per staleness delay, if that is short. */
  private static final int TICKS_PER_DELAY = 8;

  /**
   * A gap between two looks of more than this part of the staleness delay, in which nobody could
   * register, is too long: block servers register up to two thirds of the delay apart.
   */
  private static final int GAPS_PER_DELAY = 4;

  /** What a busy machine may take for a look, however short the delay is. */
  private static final long GAP_MILLIS_MIN = 2_000;

  /** Block servers of a starting cluster register one after another: wait a little for more. */
  private static final long GATHER_MILLIS = 50;

  private static final long ASSIGN_PAUSE_MILLIS = 400;
  private static final long REGISTER_NANOS = TimeUnit.MINUTES.toNanos(2);

  /** A cluster that starts has few domains for a moment, which is no news. */
  private static final long START_QUIET_NANOS = TimeUnit.SECONDS.toNanos(15);

  private static final long UNCHANGED_EVER = -1L;

  private final StateKeeper keeper;
  private final ShuckleConfig config;
  private final Runnable registerSelf;
  private final long tickMillis;
  private final long gapNanosMax;
  private final long startNanos = System.nanoTime();
  private final Semaphore wake = new Semaphore(0);
  private final Thread thread;

  private long[] lastCandidates;
  private long lastAssignNanos;
  private long lastRegisterNanos = startNanos;
  private Map<Assigner.Pool, Integer> domains = Map.of();
  private Map<Assigner.Pool, Integer> domainsWarnedOf = Map.of();
  private Set<Alerts.Alert> told = Set.of();
  private volatile boolean closed;

  Housekeeper(StateKeeper keeper, ShuckleConfig config, Runnable registerSelf) {
    this.keeper = keeper;
    this.config = config;
    this.registerSelf = registerSelf;
    this.tickMillis =
        Math.clamp(
            TimeUnit.NANOSECONDS.toMillis(config.stalenessDelay()) / TICKS_PER_DELAY,
            TICK_MILLIS_MIN,
            TICK_MILLIS_MAX);
    this.gapNanosMax =
        Math.max(
            config.stalenessDelay() / GAPS_PER_DELAY,
            TimeUnit.MILLISECONDS.toNanos(tickMillis + GAP_MILLIS_MIN));
    this.thread = Thread.ofVirtual().name("shuckle-housekeeper").unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  /** The set of services that may be written to has changed. */
  void wake() {
    wake.release();
  }

  private void run() {
    while (!closed) {
      try {
        work();
        if (wake.tryAcquire(tickMillis, TimeUnit.MILLISECONDS)) {
          Thread.sleep(GATHER_MILLIS);
          wake.drainPermits();
        }
      } catch (InterruptedException e) {
        return;
      } catch (ExecutionException | EggsException | RuntimeException | Error e) {
        // Errors too: without this thread no dead disk is ever noticed.
        if (closed) {
          return;
        }
        LOG.log(System.Logger.Level.ERROR, "periodic work failed; it goes on in ten seconds", e);
        if (!pauseAfterFailure()) {
          return;
        }
      }
    }
  }

  private static boolean pauseAfterFailure() {
    try {
      Thread.sleep(TICK_MILLIS_MAX);
      return true;
    } catch (InterruptedException e) {
      return false;
    }
  }

  private void work() throws InterruptedException, ExecutionException, EggsException {
    long nanos = System.nanoTime();
    markStale();
    assign(nanos);
    if (nanos - startNanos >= START_QUIET_NANOS) {
      warnOfFewDomains();
      tellAlerts();
    }
    if (nanos - lastRegisterNanos >= REGISTER_NANOS) {
      lastRegisterNanos = nanos;
      registerSelf.run();
    }
  }

  private void markStale() throws InterruptedException, ExecutionException {
    int silent = keeper.markSilent(config.stalenessDelay(), gapNanosMax).get();
    if (silent > 0) {
      LOG.log(
          System.Logger.Level.WARNING,
          "{0} block services have not registered for {1} s and are stale now",
          silent,
          TimeUnit.NANOSECONDS.toSeconds(config.stalenessDelay()));
    }
  }

  private void assign(long nanos) throws InterruptedException, ExecutionException, EggsException {
    long unchangedSince =
        config.useDelay() == 0 ? UNCHANGED_EVER : keeper.now() - config.useDelay();
    List<FullBlockServiceInfo> rows = keeper.read(state -> List.copyOf(state.blockServices()));
    long[] candidates = Assigner.candidates(rows, unchangedSince);
    boolean due = nanos - lastAssignNanos >= config.assignmentInterval();
    if (lastCandidates != null && Arrays.equals(candidates, lastCandidates) && !due) {
      return;
    }
    Assignment previous = keeper.read(state -> state.assignment());
    Assigner.Outcome outcome =
        Assigner.compute(
            rows,
            previous,
            unchangedSince,
            config.maxWritablePerShard(),
            ThreadLocalRandom.current().nextLong());
    if (!outcome.assignment().equals(previous)) {
      keeper.submit(time -> new LogEntry.Assign(time, outcome.assignment())).get();
    }
    lastCandidates = candidates;
    lastAssignNanos = nanos;
    domains = outcome.domains();
    Thread.sleep(ASSIGN_PAUSE_MILLIS);
  }

  /** Says each thing once when it begins, and once when it is over. */
  private void tellAlerts() throws EggsException {
    long now = keeper.now();
    Set<Alerts.Alert> alerts =
        keeper.read(state -> state.alerts(config.unavailableDomainsMax(), now));
    for (Alerts.Alert alert : alerts) {
      if (!told.contains(alert)) {
        LOG.log(
            alert.isUrgent() ? System.Logger.Level.ERROR : System.Logger.Level.WARNING,
            alert.text());
      }
    }
    for (Alerts.Alert alert : told) {
      if (!alerts.contains(alert)) {
        LOG.log(System.Logger.Level.INFO, "no longer: " + alert.text());
      }
    }
    told = alerts;
  }

  private void warnOfFewDomains() {
    if (domains.equals(domainsWarnedOf)) {
      return;
    }
    domainsWarnedOf = domains;
    domains.forEach(
        (pool, count) -> {
          if (count < Assigner.DOMAINS_WANTED) {
            LOG.log(
                System.Logger.Level.WARNING,
                "location {0}, {1}: only {2} writable failure domains; the widest spans need {3}",
                pool.locationId(),
                StorageClass.name(pool.storageClass()),
                count,
                Assigner.DOMAINS_WANTED);
          }
        });
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
