package org.eggsfs.shard.server;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Answers to recent writes, replayed when a client repeats a request whose answer was lost
 * (shard.md section 4.8). An optimisation: it is empty after a restart. One loop owns it.
 */
final class AnswerCache {
  private static final int ENTRIES_MAX = 32 * 1024;
  private static final long AGE_MAX_NANOS = 30_000_000_000L;

  private record Answer(long fingerprint, byte[] frame, long atNanos) {}

  private final LinkedHashMap<RequestKey, Answer> answers = new LinkedHashMap<>();

  /** The frame that answered the same request with the same bytes, or null. */
  byte[] find(RequestKey key, long fingerprint, long nowNanos) {
    Answer answer = answers.get(key);
    return answer != null
            && answer.fingerprint == fingerprint
            && nowNanos - answer.atNanos <= AGE_MAX_NANOS
        ? answer.frame
        : null;
  }

  void put(RequestKey key, long fingerprint, byte[] frame, long nowNanos) {
    answers.putLast(key, new Answer(fingerprint, frame, nowNanos));
    Iterator<Map.Entry<RequestKey, Answer>> oldest = answers.entrySet().iterator();
    while (oldest.hasNext()) {
      Answer answer = oldest.next().getValue();
      if (answers.size() <= ENTRIES_MAX && nowNanos - answer.atNanos <= AGE_MAX_NANOS) {
        return;
      }
      oldest.remove();
    }
  }
}
