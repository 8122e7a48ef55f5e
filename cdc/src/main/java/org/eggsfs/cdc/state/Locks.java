package org.eggsfs.cdc.state;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The locks of one transaction: all asked for at once, each granted or waited for. */
final class Locks {
  final List<LockKey> keys = new ArrayList<>();

  /** In the order of {@link #keys}. */
  final boolean[] exclusive;

  final boolean[] granted;

  /** How many are not granted yet. */
  int waiting;

  private Locks(Map<LockKey, Boolean> wanted) {
    exclusive = new boolean[wanted.size()];
    granted = new boolean[wanted.size()];
    for (Map.Entry<LockKey, Boolean> lock : wanted.entrySet()) {
      exclusive[keys.size()] = lock.getValue();
      keys.add(lock.getKey());
    }
  }

  static Builder builder() {
    return new Builder();
  }

  /** Collects the locks; one that is wanted twice is taken once, in the stronger mode. */
  static final class Builder {
    private final Map<LockKey, Boolean> wanted = new LinkedHashMap<>();

    Builder shared(LockKey key) {
      wanted.merge(key, false, Boolean::logicalOr);
      return this;
    }

    Builder exclusive(LockKey key) {
      wanted.put(key, true);
      return this;
    }

    Locks build() {
      return new Locks(wanted);
    }
  }
}
