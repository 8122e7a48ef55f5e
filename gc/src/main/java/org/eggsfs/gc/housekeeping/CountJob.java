package org.eggsfs.gc.housekeeping;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Counters;
import org.eggsfs.gc.GcJob;
import org.eggsfs.gc.Pace;
import org.eggsfs.net.Measurement;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesResponse;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitFilesResponse;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;

/**
 * Counts files, directories and transient files by listing them (gc.md section 10), one shard after
 * another, slowly, and not more often than once an hour. A shard whose listing fails keeps its last
 * counts.
 */
public final class CountJob implements GcJob {
  private static final long CYCLE_NANOS_MIN = TimeUnit.HOURS.toNanos(1);
  private static final double PAGES_PER_SECOND = 200;
  private static final String ALERT = "counting";

  /**
   * The inodes of a shard.
   *
   * @param files linked files and symbolic links
   * @param directories with and without owner
   * @param transientFiles files being written or destroyed
   */
  public record Counts(long files, long directories, long transientFiles) {
    private static final Counts NONE = new Counts(0, 0, 0);

    private Counts plus(Counts other) {
      return new Counts(
          files + other.files,
          directories + other.directories,
          transientFiles + other.transientFiles);
    }
  }

  private final Cluster cluster;
  private final BitSet shards;
  private final boolean single;
  private final Alerts alerts;
  private final Counters counters = new Counters("count");
  private final Counters.Counter files = counters.counter("files");
  private final Counters.Counter directories = counters.counter("directories");
  private final Counters.Counter transientFiles = counters.counter("transient_files");
  private final Counters.Counter cycles = counters.counter("cycles");
  private final Counters.Counter failures = counters.failureCounter("failed_cycles");
  private final Pace pace = new Pace(PAGES_PER_SECOND);
  private final AtomicReferenceArray<Counts> counts =
      new AtomicReferenceArray<>(ProtocolConstants.SHARD_COUNT);

  /** A job that does not run yet. */
  public CountJob(Cluster cluster, BitSet shards, boolean single, Alerts alerts) {
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

  /** The last counts of a shard; null before the first. */
  public Counts counts(int shard) {
    return counts.get(shard);
  }

  @Override
  public List<Measurement> measurements() {
    List<Measurement> all = new ArrayList<>();
    for (int shard = 0; shard < counts.length(); shard++) {
      Counts last = counts.get(shard);
      if (last != null) {
        all.add(ofShard("eggsfs_files", shard, last.files));
        all.add(ofShard("eggsfs_directories", shard, last.directories));
        all.add(ofShard("eggsfs_transient_files", shard, last.transientFiles));
      }
    }
    return all;
  }

  private static Measurement ofShard(String name, int shard, long count) {
    return new Measurement(name).tag("shard", Integer.toString(shard)).field("count", count);
  }

  @Override
  public void run() throws InterruptedException {
    while (true) {
      long begin = System.nanoTime();
      countAll();
      if (single) {
        return;
      }
      TimeUnit.NANOSECONDS.sleep(begin + CYCLE_NANOS_MIN - System.nanoTime());
    }
  }

  private void countAll() throws InterruptedException {
    boolean failed = false;
    Counts sum = Counts.NONE;
    for (int shard = shards.nextSetBit(0); shard >= 0; shard = shards.nextSetBit(shard + 1)) {
      try {
        counts.set(shard, count(shard));
      } catch (EggsException | IOException e) {
        if (Thread.currentThread().isInterrupted()) {
          throw (InterruptedException) new InterruptedException().initCause(e);
        }
        failed = true;
        alerts.raise(ALERT, "shard " + shard + " cannot be counted: " + e.getMessage());
      }
      Counts last = counts.get(shard);
      sum = last == null ? sum : sum.plus(last);
    }
    files.set(sum.files);
    directories.set(sum.directories);
    transientFiles.set(sum.transientFiles);
    if (failed) {
      failures.increment();
    } else {
      cycles.increment();
      alerts.clear(ALERT);
    }
  }

  private Counts count(int shard) throws EggsException, IOException, InterruptedException {
    long fileCount = 0;
    long next = 0;
    do {
      pace.acquire(1);
      VisitFilesResponse page = cluster.shard(shard, new VisitFilesRequest(next, 0));
      fileCount += page.ids().length;
      next = page.nextId();
    } while (next != 0);
    long directoryCount = 0;
    do {
      pace.acquire(1);
      VisitDirectoriesResponse page = cluster.shard(shard, new VisitDirectoriesRequest(next, 0));
      directoryCount += page.ids().length;
      next = page.nextId();
    } while (next != 0);
    long transientCount = 0;
    do {
      pace.acquire(1);
      VisitTransientFilesResponse page =
          cluster.shard(shard, new VisitTransientFilesRequest(next, 0));
      transientCount += page.files().size();
      next = page.nextId();
    } while (next != 0);
    return new Counts(fileCount, directoryCount, transientCount);
  }
}
