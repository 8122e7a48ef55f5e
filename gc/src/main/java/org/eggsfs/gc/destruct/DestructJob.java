package org.eggsfs.gc.destruct;

import java.io.IOException;
import java.util.BitSet;
import java.util.List;
import java.util.function.LongConsumer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.ClockCheck;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Counters;
import org.eggsfs.gc.Cursors;
import org.eggsfs.gc.GcJob;
import org.eggsfs.gc.ShardCycles;
import org.eggsfs.gc.ShardPass;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;
import org.eggsfs.protocol.struct.TransientFile;

/** Destroys the expired transient files of all its shards, again and again (gc.md section 4). */
public final class DestructJob implements GcJob {
  private static final System.Logger LOG = System.getLogger(DestructJob.class.getName());

  private final Cluster cluster;
  private final DestructConfig config;
  private final DestructCounters counters;
  private final Destructor destructor;
  private final ShardCycles cycles;
  private final ShardPass.FailureListener failures;

  /**
   * A job that does not run yet.
   *
   * @param failures is told of files that could not be destroyed, besides the log
   */
  public DestructJob(
      Cluster cluster,
      DestructConfig config,
      DestructCounters counters,
      Destructor destructor,
      ClockCheck clockCheck,
      ShardCycles.Schedule schedule,
      Cursors cursors,
      Alerts alerts,
      ShardPass.FailureListener failures) {
    this.cluster = cluster;
    this.config = config;
    this.counters = counters;
    this.destructor = destructor;
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
    new ShardPass<TransientFile>(
            config.work().workersPerShard(),
            TransientFile::id,
            begin -> list(shard, begin),
            file -> destructor.destructFile(file.id(), file.cookie(), file.deadlineTime()),
            this::failed,
            position)
        .run(beginId);
  }

  /** Only what may be destroyed now: others cost a line in a listing and nothing more. */
  private ShardPass.Page<TransientFile> list(int shard, long beginId)
      throws EggsException, IOException, InterruptedException {
    cycles.trustClock();
    VisitTransientFilesResponse page =
        cluster.shard(shard, new VisitTransientFilesRequest(beginId, 0));
    List<TransientFile> due =
        page.files().stream()
            .filter(
                file ->
                    destructor.isExpired(file.deadlineTime()) && !destructor.isWaiting(file.id()))
            .toList();
    counters.skippedFiles.add(page.files().size() - due.size());
    return new ShardPass.Page<>(due, page.nextId());
  }

  private void failed(long id, Exception failure) {
    counters.failedFiles.increment();
    LOG.log(System.Logger.Level.WARNING, "cannot destroy the file " + InodeIds.format(id), failure);
    failures.failed(id, failure);
  }
}
