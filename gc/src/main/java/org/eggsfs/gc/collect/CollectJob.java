package org.eggsfs.gc.collect;

import java.io.IOException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Backoff;
import org.eggsfs.gc.ClockCheck;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Counters;
import org.eggsfs.gc.Cursors;
import org.eggsfs.gc.GcJob;
import org.eggsfs.gc.ShardCycles;
import org.eggsfs.gc.ShardPass;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesResponse;

/** Collects the directories of all its shards, again and again (gc.md section 2). */
public final class CollectJob implements GcJob {
  private static final long BACKOFF_NANOS_MIN = TimeUnit.MINUTES.toNanos(1);
  private static final long BACKOFF_NANOS_MAX = TimeUnit.HOURS.toNanos(1);
  private static final int BACKOFF_DIRECTORIES_MAX = 10_000;

  private static final System.Logger LOG = System.getLogger(CollectJob.class.getName());

  private final Cluster cluster;
  private final CollectConfig config;
  private final CollectCounters counters;
  private final Collector collector;
  private final ShardCycles cycles;
  private final ShardPass.FailureListener failures;
  private final Backoff failing =
      new Backoff(BACKOFF_NANOS_MIN, BACKOFF_NANOS_MAX, BACKOFF_DIRECTORIES_MAX);

  /**
   * A job that does not run yet.
   *
   * @param failures is told of directories that could not be collected, besides the log
   */
  public CollectJob(
      Cluster cluster,
      CollectConfig config,
      CollectCounters counters,
      Collector collector,
      ClockCheck clockCheck,
      ShardCycles.Schedule schedule,
      Cursors cursors,
      Alerts alerts,
      ShardPass.FailureListener failures) {
    this.cluster = cluster;
    this.config = config;
    this.counters = counters;
    this.collector = collector;
    this.failures = failures;
    this.cycles = new ShardCycles(counters, schedule, this::cycle, cursors, clockCheck, alerts);
  }

  @Override
  public String name() {
    return counters.job();
  }

  @Override
  public Counters counters() {
    return counters;
  }

  @Override
  public void run() throws InterruptedException {
    cycles.run();
  }

  /** The shards of which a cycle has failed since the start. */
  public BitSet failedShards() {
    return cycles.failedShards();
  }

  private void cycle(int shard, long beginId, LongConsumer position)
      throws EggsException, IOException, InterruptedException {
    new ShardPass<Long>(
            config.work().workersPerShard(),
            directory -> directory,
            begin -> list(shard, begin),
            this::collect,
            this::failed,
            position)
        .run(beginId);
  }

  private ShardPass.Page<Long> list(int shard, long beginId)
      throws EggsException, IOException, InterruptedException {
    cycles.trustClock();
    VisitDirectoriesResponse page = cluster.shard(shard, new VisitDirectoriesRequest(beginId, 0));
    long now = System.nanoTime();
    List<Long> due =
        Arrays.stream(page.ids()).filter(id -> !failing.isWaiting(id, now)).boxed().toList();
    counters.postponedDirectories.add(page.ids().length - due.size());
    return new ShardPass.Page<>(due, page.nextId());
  }

  private void collect(long directory) throws EggsException, IOException, InterruptedException {
    collector.collectDirectory(directory);
    failing.succeeded(directory);
  }

  private void failed(long directory, Exception failure) {
    failing.failed(directory, System.nanoTime());
    counters.failedDirectories.increment();
    LOG.log(
        System.Logger.Level.WARNING,
        "cannot collect the directory " + InodeIds.format(directory),
        failure);
    failures.failed(directory, failure);
  }
}
