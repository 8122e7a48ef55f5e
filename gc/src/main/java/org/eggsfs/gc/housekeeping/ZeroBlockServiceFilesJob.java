package org.eggsfs.gc.housekeeping;

import java.io.IOException;
import java.util.BitSet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Counters;
import org.eggsfs.gc.GcJob;
import org.eggsfs.gc.Pace;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.RemoveZeroBlockServiceFilesRequest;
import org.eggsfs.protocol.shard.RemoveZeroBlockServiceFilesResponse;

/**
 * Lets shards drop rows that say that a file has no block on a block service (gc.md section 10).
 * TernFS's shards leave such rows behind; ours do not and answer at once. Each request is a write
 * even when nothing is dropped, so it is done rarely, one request at a time.
 */
public final class ZeroBlockServiceFilesJob implements GcJob {
  private static final long CYCLE_SECONDS = 3600;
  private static final double REQUESTS_PER_SECOND = 20;
  private static final String ALERT = "zero-block-services";

  private final Cluster cluster;
  private final BitSet shards;
  private final boolean single;
  private final Alerts alerts;
  private final Counters counters = new Counters("zero_block_services");
  private final Counters.Counter removed = counters.counter("zero_block_service_files_removed");
  private final Counters.Counter cycles = counters.counter("cycles");
  private final Counters.Counter failures = counters.failureCounter("failed_cycles");
  private final Pace pace = new Pace(REQUESTS_PER_SECOND);

  /** A job that does not run yet. */
  public ZeroBlockServiceFilesJob(Cluster cluster, BitSet shards, boolean single, Alerts alerts) {
    this.cluster = cluster;
    this.shards = (BitSet) shards.clone();
    this.single = single;
    this.alerts = alerts;
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
    while (true) {
      if (!single) {
        // Of many processes that start together not all at the same time.
        TimeUnit.SECONDS.sleep(ThreadLocalRandom.current().nextLong(CYCLE_SECONDS));
      }
      visitAll();
      if (single) {
        return;
      }
    }
  }

  private void visitAll() throws InterruptedException {
    boolean failed = false;
    for (int shard = shards.nextSetBit(0); shard >= 0; shard = shards.nextSetBit(shard + 1)) {
      try {
        visit(shard);
      } catch (EggsException | IOException e) {
        if (Thread.currentThread().isInterrupted()) {
          throw (InterruptedException) new InterruptedException().initCause(e);
        }
        failed = true;
        alerts.raise(ALERT, "shard " + shard + ": " + e.getMessage());
      }
    }
    if (failed) {
      failures.increment();
    } else {
      cycles.increment();
      alerts.clear(ALERT);
    }
  }

  private void visit(int shard) throws EggsException, IOException, InterruptedException {
    long service = 0;
    long file = 0;
    do {
      pace.acquire(1);
      RemoveZeroBlockServiceFilesResponse response =
          cluster.shard(shard, new RemoveZeroBlockServiceFilesRequest(service, file));
      removed.add(response.removed());
      service = response.nextBlockService();
      file = response.nextFile();
    } while (service != 0 || file != 0);
  }
}
