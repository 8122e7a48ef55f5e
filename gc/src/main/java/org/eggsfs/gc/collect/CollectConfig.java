package org.eggsfs.gc.collect;

import java.util.concurrent.TimeUnit;
import org.eggsfs.gc.ShardWork;

/**
 * How directories are collected.
 *
 * @param minEdgeAgeNanos for how long an edge must have been past before it goes, whatever the
 *     policy says: operations of the CDC and repeated requests of clients look at edges that were
 *     just left behind. 0 only in tests
 * @param removalsPerDirectory removals in one directory at the same time
 * @param work on directories; its rate is one of removals
 */
public record CollectConfig(long minEdgeAgeNanos, int removalsPerDirectory, ShardWork work) {
  /** What the daemon does by default. */
  public static final CollectConfig DEFAULT =
      new CollectConfig(TimeUnit.HOURS.toNanos(1), 32, ShardWork.DEFAULT);

  /** Checks the values. */
  public CollectConfig {
    if (minEdgeAgeNanos < 0) {
      throw new IllegalArgumentException("ages are not negative");
    }
    if (removalsPerDirectory < 1) {
      throw new IllegalArgumentException("at least one removal at a time");
    }
  }

  /** With another minimum age. */
  public CollectConfig withMinEdgeAge(long nanos) {
    return new CollectConfig(nanos, removalsPerDirectory, work);
  }

  /** With another way of working. */
  public CollectConfig withWork(ShardWork newWork) {
    return new CollectConfig(minEdgeAgeNanos, removalsPerDirectory, newWork);
  }
}
