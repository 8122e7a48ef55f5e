package org.eggsfs.gc;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.eggsfs.net.Measurement;

/**
 * Runs jobs side by side, each on a virtual thread, until it is closed or they have ended. A job
 * that throws is told and started again after a pause: no error of one ends the others. Once a
 * minute, and at the end, cursors are saved, what changed is logged, and the status file is written
 * anew.
 *
 * <p>Files in the data directory: {@code cursors} and {@code status.json}. Both may be lost.
 */
public final class GcDaemon implements AutoCloseable {
  private static final String CURSORS = "cursors";
  private static final String STATUS = "status.json";
  private static final long REPORT_SECONDS = 60;
  private static final long RESTART_SECONDS_MIN = 10;
  private static final long RESTART_SECONDS_MAX = 600;

  private static final Logger LOG = System.getLogger(GcDaemon.class.getName());

  private final Path statusFile;
  private final Cursors cursors;
  private final Alerts alerts;
  private final List<GcJob> jobs;
  private final List<Thread> threads = new ArrayList<>();
  private final Map<String, Map<String, Long>> reported = new HashMap<>();
  private final CountDownLatch running;
  private Thread reporter;
  private boolean closed;

  /**
   * A daemon that does not run yet.
   *
   * @param dataDirectory an existing directory for status and cursors, or null
   * @param cursors what the jobs move, from {@link #cursors(Path)}
   */
  public GcDaemon(Path dataDirectory, Cursors cursors, Alerts alerts, List<GcJob> jobs) {
    this.statusFile = dataDirectory == null ? null : dataDirectory.resolve(STATUS);
    this.cursors = cursors;
    this.alerts = alerts;
    this.jobs = List.copyOf(jobs);
    this.running = new CountDownLatch(jobs.size());
  }

  /** The cursors that a data directory holds; null stands for none. */
  public static Cursors cursors(Path dataDirectory) throws IOException {
    return dataDirectory == null
        ? Cursors.inMemory()
        : Cursors.load(dataDirectory.resolve(CURSORS));
  }

  /** Starts all jobs. */
  public synchronized void start() {
    for (GcJob job : jobs) {
      reported.put(job.name(), job.counters().values());
      threads.add(Thread.ofVirtual().name("gc-" + job.name()).start(() -> keepRunning(job)));
    }
    reporter = Thread.ofVirtual().name("gc-report").start(this::reportAgainAndAgain);
  }

  private void keepRunning(GcJob job) {
    String alert = job.name() + "-failed";
    long pause = RESTART_SECONDS_MIN;
    try {
      while (true) {
        try {
          job.run();
          return;
        } catch (RuntimeException | Error e) {
          LOG.log(Level.ERROR, "job " + job.name() + " failed and is started again", e);
          alerts.raise(alert, "the job " + job.name() + " failed: " + e);
        }
        TimeUnit.SECONDS.sleep(pause);
        pause = Math.min(2 * pause, RESTART_SECONDS_MAX);
      }
    } catch (InterruptedException e) {
      LOG.log(Level.DEBUG, "job {0} is stopped", job.name());
    } finally {
      running.countDown();
    }
  }

  /** Waits until all jobs have ended by themselves, as single cycles do. */
  public void awaitEnd() throws InterruptedException {
    running.await();
  }

  /** Whether all jobs have ended. */
  public boolean hasEnded() {
    return running.getCount() == 0;
  }

  private void reportAgainAndAgain() {
    try {
      while (!running.await(REPORT_SECONDS, TimeUnit.SECONDS)) {
        report();
      }
    } catch (InterruptedException e) {
      LOG.log(Level.DEBUG, "the reporter is stopped");
    }
  }

  /** What the jobs did so far, by job and counter. */
  public Map<String, Map<String, Long>> counters() {
    Map<String, Map<String, Long>> all = new HashMap<>();
    jobs.forEach(job -> all.put(job.name(), job.counters().values()));
    return all;
  }

  /** Whether anything went wrong so far. */
  public boolean hasFailures() {
    return jobs.stream().anyMatch(job -> job.counters().hasFailures());
  }

  /** What the jobs did so far, for dashboards. */
  List<Measurement> measurements(String instance) {
    return GcMetrics.of(instance, jobs, alerts);
  }

  private synchronized void report() {
    for (GcJob job : jobs) {
      Map<String, Long> values = job.counters().values();
      String changes = changes(reported.put(job.name(), values), values);
      if (!changes.isEmpty()) {
        LOG.log(Level.INFO, "job={0} {1}", job.name(), changes);
      }
    }
    try {
      cursors.save();
      if (statusFile != null) {
        Cursors.replace(statusFile, StatusJson.of(System.currentTimeMillis(), jobs, alerts));
      }
      alerts.clear("state-not-saved");
    } catch (IOException e) {
      alerts.raise("state-not-saved", "cursors or status cannot be written: " + e);
    }
  }

  private static String changes(Map<String, Long> before, Map<String, Long> now) {
    StringJoiner changes = new StringJoiner(" ");
    now.forEach(
        (name, value) -> {
          long change = value - before.getOrDefault(name, 0L);
          if (change != 0) {
            changes.add(name + "=" + value + "(" + (change > 0 ? "+" : "") + change + ")");
          }
        });
    return changes.toString();
  }

  /** Stops all jobs, waits for them, and saves what they leave. */
  @Override
  public void close() {
    synchronized (this) {
      if (closed || reporter == null) {
        return;
      }
      closed = true;
    }
    threads.forEach(Thread::interrupt);
    reporter.interrupt();
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    report();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
