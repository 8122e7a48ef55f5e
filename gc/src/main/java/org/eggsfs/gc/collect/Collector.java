package org.eggsfs.gc.collect;

import java.io.IOException;
import java.util.function.LongSupplier;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Pace;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;

/**
 * Collects directories, one by one (gc.md section 2): removes the past edges that the snapshot
 * policy has given up, which hands their files over to destruction, and then the directory itself
 * when it has no owner and nothing in it.
 *
 * <p>Thread-safe. Any number of collectors, in one process or many, may work on one directory at
 * the same time: each removal names the exact edge, whoever comes second is told that it is done,
 * and a directory that has vanished is collected. Nothing is durable here; a directory that was
 * left in the middle is simply visited again.
 */
public final class Collector {
  /** A name that was brought back while we looked makes us look again, but not for ever. */
  private static final int PASSES_MAX = 3;

  private final Cluster cluster;
  private final CollectConfig config;
  private final CollectCounters counters;
  private final LongSupplier clock;
  private final SnapshotPolicies policies;
  private final Pace pace;

  /**
   * What a visit did.
   *
   * @param visitedEdges past edges that were looked at
   * @param collectedEdges edges that were removed
   * @param destructed whether the directory is gone
   */
  public record Result(long visitedEdges, long collectedEdges, boolean destructed) {}

  /**
   * A collector.
   *
   * @param clock nanoseconds since 1970
   */
  public Collector(
      Cluster cluster, CollectConfig config, CollectCounters counters, LongSupplier clock) {
    this.cluster = cluster;
    this.config = config;
    this.counters = counters;
    this.clock = clock;
    this.policies = new SnapshotPolicies(cluster);
    this.pace = new Pace(config.work().perSecond());
  }

  /**
   * Collects one directory.
   *
   * @throws EggsException or another, if it could not be visited to its end; what was removed until
   *     then is removed
   */
  public Result collectDirectory(long directory)
      throws EggsException, IOException, InterruptedException {
    counters.visitedDirectories.increment();
    long visited = 0;
    long collected = 0;
    try {
      SnapshotPolicies.Directory found = policies.of(directory);
      for (int pass = 0; pass < PASSES_MAX; pass++) {
        DirectoryPass run =
            new DirectoryPass(
                cluster, config, counters, pace, directory, found.policy(), clock.getAsLong());
        try {
          run.run();
        } finally {
          visited += run.visitedEdges();
          collected += run.collectedEdges();
        }
        if (!run.hadConflict()) {
          boolean destructed = found.orphan() && run.leftNothing() && destruct(directory);
          return new Result(visited, collected, destructed);
        }
      }
      return new Result(visited, collected, false);
    } catch (EggsException e) {
      if (e.code() == ErrorCode.DIRECTORY_NOT_FOUND) {
        return new Result(visited, collected, true);
      }
      throw e;
    }
  }

  /** Removes a directory without owner; shard and CDC see to it that it is one and is empty. */
  private boolean destruct(long directory) throws EggsException, IOException {
    try {
      cluster.cdc(new HardUnlinkDirectoryRequest(directory));
      counters.destructedDirectories.increment();
      return true;
    } catch (EggsException e) {
      // Something came into it since: it is a matter for the next cycle.
      if (e.code() == ErrorCode.DIRECTORY_NOT_EMPTY || e.code() == ErrorCode.DIRECTORY_HAS_OWNER) {
        return false;
      }
      throw e;
    }
  }
}
