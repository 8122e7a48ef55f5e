package org.eggsfs.gc.destruct;

import java.util.concurrent.TimeUnit;
import org.eggsfs.gc.ShardWork;

/**
 * How transient files are destroyed.
 *
 * @param slackNanos how long after its deadline a file is left alone, since clocks differ
 * @param erasesPerBlockService blocks of one block service that are erased at the same time
 * @param work on files; its rate is one of erased blocks
 */
public record DestructConfig(long slackNanos, int erasesPerBlockService, ShardWork work) {
  /** What the daemon does by default. */
  public static final DestructConfig DEFAULT =
      new DestructConfig(TimeUnit.MINUTES.toNanos(5), 16, ShardWork.DEFAULT);

  /** Checks the values. */
  public DestructConfig {
    if (slackNanos < 0) {
      throw new IllegalArgumentException("times are not negative");
    }
    if (erasesPerBlockService < 1) {
      throw new IllegalArgumentException("at least one erasure at a time");
    }
  }

  /** With another slack. */
  public DestructConfig withSlack(long nanos) {
    return new DestructConfig(nanos, erasesPerBlockService, work);
  }

  /** With another way of working. */
  public DestructConfig withWork(ShardWork newWork) {
    return new DestructConfig(slackNanos, erasesPerBlockService, newWork);
  }
}
