package org.eggsfs.client.span;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * What failed recently, so that it is not tried first (client.md sections 7 and 8.3): failure
 * domains for writers, block services for readers. Bounded; thread-safe.
 *
 * @param <K> what is remembered
 */
public final class FailureMemory<K> {
  /** How long a failure is remembered. */
  public static final long REMEMBERED_NANOS = 60_000_000_000L;

  private static final int ENTRIES_MAX = 1024;

  private final Map<K, Long> untilNanos = new LinkedHashMap<>();
  private volatile boolean empty = true;

  /** Remembers a failure from now on. */
  public synchronized void add(K key, long nowNanos) {
    untilNanos.remove(key);
    untilNanos.put(key, nowNanos + REMEMBERED_NANOS);
    if (untilNanos.size() > ENTRIES_MAX) {
      untilNanos.remove(untilNanos.keySet().iterator().next());
    }
    empty = false;
  }

  /** Whether it failed lately. */
  public boolean contains(K key, long nowNanos) {
    return !empty && present(nowNanos).contains(key);
  }

  /** All that failed lately. */
  public synchronized Set<K> present(long nowNanos) {
    // Oldest first, because a repeated failure moves to the end.
    Iterator<Long> ends = untilNanos.values().iterator();
    while (ends.hasNext() && nowNanos - ends.next() >= 0) {
      ends.remove();
    }
    empty = untilNanos.isEmpty();
    return new LinkedHashSet<>(untilNanos.keySet());
  }
}
