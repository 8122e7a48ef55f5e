package org.eggsfs.fuse.fs;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Names that files being written through this mount are going to have. Others do not see the files,
 * but the kernel must not keep what it hears about such a name, since it changes without its doing.
 *
 * <p>Also new versions that wait to be opened: opening an existing file with O_TRUNC answers
 * ESTALE, whereupon the kernel looks the name up again, on the same thread, and finds the new
 * version, a node of its own. So the old version's pages and size stay untouched under its readers.
 */
final class PendingNames {
  /** A thread that does not come back for its new version has been killed. */
  static final long STAGED_NANOS_MAX = TimeUnit.SECONDS.toNanos(10);

  private record Key(long directory, Name name) {}

  /** A new version that waits for its thread. */
  record Staged(WriteFile file, int thread, long sinceNanos) {}

  private final Map<Key, Integer> names = new HashMap<>();
  private final Map<Key, Staged> staged = new HashMap<>();

  private static Key key(Node.Place place) {
    return new Key(place.directory(), new Name(place.name()));
  }

  /** One more file for that name; false, and nothing, if there is one already and it matters. */
  synchronized boolean add(Node.Place place, boolean exclusive) {
    Key key = key(place);
    if (exclusive && names.containsKey(key)) {
      return false;
    }
    names.merge(key, 1, Integer::sum);
    return true;
  }

  /** One less. */
  synchronized void remove(Node.Place place) {
    names.computeIfPresent(key(place), (key, count) -> count == 1 ? null : count - 1);
  }

  /** Whether there is one. */
  synchronized boolean contains(long directory, byte[] name) {
    return !names.isEmpty() && names.containsKey(new Key(directory, new Name(name)));
  }

  /** Lets a new version wait for a thread; the one it replaces there, or null. */
  synchronized WriteFile stage(Node.Place place, WriteFile file, int thread) {
    Staged before = staged.put(key(place), new Staged(file, thread, System.nanoTime()));
    return before == null ? null : before.file;
  }

  /** The new version that waits for that thread, or null. */
  synchronized WriteFile staged(long directory, byte[] name, int thread) {
    if (staged.isEmpty()) {
      return null;
    }
    Staged waiting = staged.get(new Key(directory, new Name(name)));
    return waiting != null && waiting.thread == thread ? waiting.file : null;
  }

  /** Takes a new version that is being opened now; false if it did not wait any more. */
  synchronized boolean take(Node.Place place, WriteFile file) {
    Key key = key(place);
    Staged waiting = staged.get(key);
    if (waiting == null || !waiting.file.equals(file)) {
      return false;
    }
    staged.remove(key);
    return true;
  }

  /** Takes out new versions that nobody came for. */
  synchronized java.util.List<WriteFile> forgotten() {
    java.util.List<WriteFile> old = new java.util.ArrayList<>();
    staged
        .values()
        .removeIf(
            waiting -> {
              boolean late = System.nanoTime() - waiting.sinceNanos > STAGED_NANOS_MAX;
              if (late) {
                old.add(waiting.file);
              }
              return late;
            });
    return old;
  }
}
