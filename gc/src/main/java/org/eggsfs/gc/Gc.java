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

/**
 * The collector's process: a client, the jobs that are wanted, and the daemon that runs them. All
 * that a job needs is put together here.
 */
public final class Gc implements AutoCloseable {
  private final EggsClient client;
  private final Alerts alerts;
  private final GcDaemon daemon;

  private Gc(EggsClient client, Alerts alerts, GcDaemon daemon) {
    this.client = client;
    this.alerts = alerts;
    this.daemon = daemon;
  }

  /** Makes jobs besides those of {@link GcConfig}. */
  public interface OtherJobs {
    /** The jobs, not running yet. */
    List<GcJob> make(EggsClient client, Cursors cursors, ClockCheck clockCheck, Alerts alerts);
  }

  /**
   * Starts the jobs.
   *
   * @param client is closed with the result
   */
  public static Gc start(EggsClient client, GcConfig config, OtherJobs others) throws IOException {
    Alerts alerts = new Alerts();
    Cluster cluster = Cluster.of(client);
    ClockCheck clockCheck = new ClockCheck(cluster, WallClock::nanos, alerts);
    Cursors cursors = GcDaemon.cursors(config.dataDirectory());
    List<GcJob> jobs = new ArrayList<>();
    config
        .collect()
        .ifPresent(
            collect -> jobs.add(collectJob(cluster, config, collect, clockCheck, cursors, alerts)));
    config
        .destruct()
        .ifPresent(
            destruct ->
                jobs.add(destructJob(cluster, config, destruct, clockCheck, cursors, alerts)));
    if (config.zeroBlockServiceFiles()) {
      jobs.add(new ZeroBlockServiceFilesJob(cluster, config.shards(), config.single(), alerts));
    }
    if (config.count()) {
      jobs.add(new CountJob(cluster, config.shards(), config.single(), alerts));
    }
    jobs.addAll(others.make(client, cursors, clockCheck, alerts));
    GcDaemon daemon = new GcDaemon(config.dataDirectory(), cursors, alerts, jobs);
    daemon.start();
    return new Gc(client, alerts, daemon);
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
        new ShardCycles.Schedule(config.shards(), collect.cycleNanosMin(), config.single()),
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
        new ShardCycles.Schedule(config.shards(), destruct.cycleNanosMin(), config.single()),
        cursors,
        alerts,
        ShardPass.FailureListener.NOBODY);
  }

  /** What the jobs did so far, by job and counter. */
  public Map<String, Map<String, Long>> counters() {
    return daemon.counters();
  }

  /** What is wrong now, by key. */
  public Map<String, String> activeAlerts() {
    return alerts.active();
  }

  /** Waits until all jobs have ended by themselves, as single cycles do. */
  public void awaitEnd() throws InterruptedException {
    daemon.awaitEnd();
  }

  /** Stops the jobs, waits for them, saves the cursors, and closes the client. */
  @Override
  public void close() {
    daemon.close();
    client.close();
  }
}
