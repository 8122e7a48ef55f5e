package org.eggsfs.blocks.server;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Blocks erased lately, so that a delayed write cannot bring one back even when the cut-offs are
 * set so short that they overlap (blocks.md section 10). Thread-safe.
 */
final class RecentErasures {
  private static final long AGE_MAX_NANOS = 360_000_000_000L;
  private static final int ENTRIES_MAX = 100_000;

  private final LinkedHashMap<Long, Long> erased = new LinkedHashMap<>();

  synchronized void add(long blockId, long nowNanos) {
    erased.putLast(blockId, nowNanos);
    Iterator<Map.Entry<Long, Long>> oldest = erased.entrySet().iterator();
    while (oldest.hasNext()) {
      long age = nowNanos - oldest.next().getValue();
      if (erased.size() <= ENTRIES_MAX && age <= AGE_MAX_NANOS) {
        return;
      }
      oldest.remove();
    }
  }

  synchronized boolean contains(long blockId, long nowNanos) {
    Long at = erased.get(blockId);
    return at != null && nowNanos - at <= AGE_MAX_NANOS;
  }
}
