package org.eggsfs.gc;

import java.io.IOException;
import java.util.BitSet;
import org.eggsfs.gc.collect.CollectConfig;
import org.eggsfs.gc.collect.CollectCounters;
import org.eggsfs.gc.collect.CollectJob;
import org.eggsfs.gc.collect.Collector;
import org.eggsfs.gc.destruct.DestructConfig;
import org.eggsfs.gc.destruct.DestructCounters;
import org.eggsfs.gc.destruct.DestructJob;
import org.eggsfs.gc.destruct.Destructor;
import org.eggsfs.protocol.EggsException;

/**
 * One cycle of a job over some shards, for commands. The counters may be read meanwhile by another
 * thread; {@code cycles} and {@code failed_cycles} count the shards that are done. An interrupt
 * ends it, and the cursors then say where the next call goes on.
 */
public final class OneShot {
  private OneShot() {}

  /**
   * Collects all directories of the shards.
   *
   * @return the shards whose cycle failed
   * @throws IOException if this host's clock cannot be trusted
   */
  public static BitSet collect(
      Cluster cluster,
      CollectConfig config,
      CollectCounters counters,
      BitSet shards,
      Cursors cursors,
      ShardPass.FailureListener failures)
      throws IOException, InterruptedException {
    Alerts alerts = new Alerts();
    ClockCheck clockCheck = new ClockCheck(cluster, WallClock::nanos, alerts);
    clockCheck.require();
    CollectJob job =
        new CollectJob(
            cluster,
            config,
            counters,
            new Collector(cluster, config, counters, WallClock::nanos),
            clockCheck,
            new ShardCycles.Schedule(shards, 0, true),
            cursors,
            alerts,
            failures);
    job.run();
    return job.failedShards();
  }

  /**
   * Collects one directory.
   *
   * @throws EggsException or another, if it could not be visited to its end
   * @throws IOException also if this host's clock cannot be trusted
   */
  public static Collector.Result collectDirectory(
      Cluster cluster, CollectConfig config, CollectCounters counters, long directory)
      throws EggsException, IOException, InterruptedException {
    new ClockCheck(cluster, WallClock::nanos, new Alerts()).require();
    return new Collector(cluster, config, counters, WallClock::nanos).collectDirectory(directory);
  }

  /**
   * Destroys all expired files of the shards.
   *
   * @return the shards whose cycle failed
   * @throws IOException if this host's clock cannot be trusted
   */
  public static BitSet destruct(
      Cluster cluster,
      DestructConfig config,
      DestructCounters counters,
      BitSet shards,
      Cursors cursors,
      ShardPass.FailureListener failures)
      throws IOException, InterruptedException {
    Alerts alerts = new Alerts();
    ClockCheck clockCheck = new ClockCheck(cluster, WallClock::nanos, alerts);
    clockCheck.require();
    DestructJob job =
        new DestructJob(
            cluster,
            config,
            counters,
            new Destructor(cluster, config, counters, alerts, WallClock::nanos),
            clockCheck,
            new ShardCycles.Schedule(shards, 0, true),
            cursors,
            alerts,
            failures);
    job.run();
    return job.failedShards();
  }
}
