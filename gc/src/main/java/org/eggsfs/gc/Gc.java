package org.eggsfs.gc;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.eggsfs.client.EggsClient;
import org.eggsfs.gc.collect.CollectConfig;
import org.eggsfs.gc.collect.CollectCounters;
import org.eggsfs.gc.collect.CollectJob;
import org.eggsfs.gc.collect.Collector;
import org.eggsfs.gc.destruct.DestructConfig;
import org.eggsfs.gc.destruct.DestructCounters;
import org.eggsfs.gc.destruct.DestructJob;
import org.eggsfs.gc.destruct.Destructor;
import org.eggsfs.gc.housekeeping.CountJob;
import org.eggsfs.gc.housekeeping.ZeroBlockServiceFilesJob;
import org.eggsfs.net.InfluxPush;

/**
 * The collector's process: a client, the jobs that are wanted, and the daemon that runs them. All
 * that a job needs is put together here.
 */
public final class Gc implements AutoCloseable {
  private static final String METRICS_ALERT = "metrics-not-sent";

  private final EggsClient client;
  private final Alerts alerts;
  private final GcDaemon daemon;
  private InfluxPush metrics;

  private Gc(EggsClient client, Alerts alerts, GcDaemon daemon) {
    this.client = client;
    this.alerts = alerts;
    this.daemon = daemon;
  }

  /**
   * Makes jobs besides those of {@link GcConfig}.
   *
   * @param <E> what it throws when they are not to be had
   */
  public interface OtherJobs<E extends Exception> {
    /** The jobs, not running yet. */
    List<GcJob> make(EggsClient client, Cursors cursors, Alerts alerts) throws E;
  }

  /**
   * Starts the jobs.
   *
   * @param client is closed with the result, or when nothing can be started
   */
  public static <E extends Exception> Gc start(
      EggsClient client, GcConfig config, OtherJobs<E> others) throws IOException, E {
    boolean started = false;
    try {
      Alerts alerts = new Alerts();
      Cursors cursors = GcDaemon.cursors(config.dataDirectory());
      GcDaemon daemon =
          new GcDaemon(
              config.dataDirectory(),
              cursors,
              alerts,
              jobs(client, config, others, cursors, alerts));
      daemon.start();
      started = true;
      return new Gc(client, alerts, daemon);
    } finally {
      if (!started) {
        client.close();
      }
    }
  }

  private static <E extends Exception> List<GcJob> jobs(
      EggsClient client, GcConfig config, OtherJobs<E> others, Cursors cursors, Alerts alerts)
      throws E {
    Cluster cluster = Cluster.of(client);
    ClockCheck clockCheck = new ClockCheck(cluster, WallClock::nanos, alerts);
    List<GcJob> jobs = new ArrayList<>();
    if (config.collect().isPresent()) {
      jobs.add(collectJob(cluster, config, config.collect().get(), clockCheck, cursors, alerts));
    }
    if (config.destruct().isPresent()) {
      jobs.add(destructJob(cluster, config, config.destruct().get(), clockCheck, cursors, alerts));
    }
    if (config.zeroBlockServiceFiles()) {
      jobs.add(new ZeroBlockServiceFilesJob(cluster, config.shards(), config.single(), alerts));
    }
    if (config.count()) {
      jobs.add(new CountJob(cluster, config.shards(), config.single(), alerts));
    }
    jobs.addAll(others.make(client, cursors, alerts));
    return jobs;
  }

  private static GcJob collectJob(
      Cluster cluster,
      GcConfig config,
      CollectConfig collect,
      ClockCheck clockCheck,
      Cursors cursors,
      Alerts alerts) {
    CollectCounters counters = new CollectCounters();
    return new CollectJob(
        cluster,
        collect,
        counters,
        new Collector(cluster, collect, counters, WallClock::nanos),
        clockCheck,
        new ShardCycles.Schedule(config.shards(), collect.work().cycleNanosMin(), config.single()),
        cursors,
        alerts,
        ShardPass.FailureListener.NOBODY);
  }

  private static GcJob destructJob(
      Cluster cluster,
      GcConfig config,
      DestructConfig destruct,
      ClockCheck clockCheck,
      Cursors cursors,
      Alerts alerts) {
    DestructCounters counters = new DestructCounters();
    return new DestructJob(
        cluster,
        destruct,
        counters,
        new Destructor(cluster, destruct, counters, alerts, WallClock::nanos),
        clockCheck,
        new ShardCycles.Schedule(config.shards(), destruct.work().cycleNanosMin(), config.single()),
        cursors,
        alerts,
        ShardPass.FailureListener.NOBODY);
  }

  /**
   * Sends what the jobs do to InfluxDB until the end. Call once, before anything else.
   *
   * @param instance the name of this process there
   */
  public void sendMetrics(InfluxPush.Target target, String instance) {
    metrics =
        InfluxPush.start(
            target,
            InfluxPush.Interval.OF_DAEMONS,
            () -> daemon.measurements(instance),
            new InfluxPush.Listener() {
              @Override
              public void sent() {
                alerts.clear(METRICS_ALERT);
              }

              @Override
              public void failed(String reason) {
                alerts.raise(METRICS_ALERT, reason);
              }
            });
  }

  /** What the jobs did so far, by job and counter. */
  public Map<String, Map<String, Long>> counters() {
    return daemon.counters();
  }

  /** Whether anything went wrong so far. */
  public boolean hasFailures() {
    return daemon.hasFailures();
  }

  /** What is wrong now, by key. */
  public Map<String, String> activeAlerts() {
    return alerts.active();
  }

  /** Waits until all jobs have ended by themselves, as single cycles do. */
  public void awaitEnd() throws InterruptedException {
    daemon.awaitEnd();
  }

  /**
   * Stops the jobs, waits for them, saves the cursors, sends the last metrics, closes the client.
   */
  @Override
  public void close() {
    daemon.close();
    if (metrics != null) {
      metrics.close();
    }
    client.close();
  }
}
