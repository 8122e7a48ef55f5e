package org.eggsfs.shard.state;

/** Times of log entries: strictly increasing per shard (shard.md section 2.4). */
public final class EntryTimes {
  private EntryTimes() {}

  /**
   * The time of the next entry. A clock that stands still or steps back is overtaken, so that
   * MTIME_IS_TOO_RECENT cannot happen.
   *
   * @param now the wall clock in nanoseconds since the epoch
   * @param lastIssued the result of the previous call; at start {@link ShardState.Applied#time}
   */
  public static long next(long now, long lastIssued) {
    return Math.max(now, lastIssued + 1);
  }
}
