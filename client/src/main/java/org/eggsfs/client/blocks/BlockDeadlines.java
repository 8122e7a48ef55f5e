package org.eggsfs.client.blocks;

import java.util.concurrent.TimeUnit;

/**
 * How long nothing may move on a connection with requests before it is given up (client.md section
 * 3): covers both the first byte of a response and progress after it.
 *
 * @param connectNanos for a connection to be established
 * @param fetchNanos for fetches
 * @param writeNanos for writes, which wait for a disk to sync, and for checks and erasures
 */
public record BlockDeadlines(long connectNanos, long fetchNanos, long writeNanos) {
  /** What clients use. */
  public static final BlockDeadlines DEFAULT =
      new BlockDeadlines(
          TimeUnit.SECONDS.toNanos(10), TimeUnit.SECONDS.toNanos(10), TimeUnit.SECONDS.toNanos(30));
}
