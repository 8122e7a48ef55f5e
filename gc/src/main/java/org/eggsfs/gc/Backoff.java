package org.eggsfs.gc;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Keeps from trying what has just failed: each failure in a row doubles the time until the next
 * attempt, up to a limit. Bounded; when it is full the oldest failure is forgotten, which only
 * means an attempt too early. Times are of {@link System#nanoTime}. Thread-safe.
 */
public final class Backoff {
  private record Failures(int count, long untilNanos) {}

  private final long minNanos;
  private final long maxNanos;
  private final Map<Long, Failures> failing;

  /**
   * Nothing has failed so far.
   *
   * @param minNanos wait after a first failure
   * @param maxNanos longest wait
   * @param entriesMax failing keys that are remembered
   */
  public Backoff(long minNanos, long maxNanos, int entriesMax) {
    this.minNanos = minNanos;
    this.maxNanos = maxNanos;
    this.failing =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Long, Failures> eldest) {
            return size() > entriesMax;
          }
        };
  }

  /** An attempt has failed; the result is how many have in a row. */
  public synchronized int failed(long key, long nowNanos) {
    Failures before = failing.get(key);
    int count = before == null ? 1 : before.count + 1;
    long wait = minNanos;
    for (int i = 1; i < count && wait < maxNanos; i++) {
      wait = wait > maxNanos / 2 ? maxNanos : 2 * wait;
    }
    failing.put(key, new Failures(count, nowNanos + wait));
    return count;
  }

  /** An attempt has succeeded, or nobody wants to try any more. */
  public synchronized void succeeded(long key) {
    failing.remove(key);
  }

  /** Whether it is too early for another attempt. */
  public synchronized boolean isWaiting(long key, long nowNanos) {
    Failures failures = failing.get(key);
    return failures != null && nowNanos - failures.untilNanos < 0;
  }

  /** Whether the last attempt failed. */
  public synchronized boolean isFailing(long key) {
    return failing.containsKey(key);
  }

  /** How many keys fail. */
  public synchronized int size() {
    return failing.size();
  }
}
