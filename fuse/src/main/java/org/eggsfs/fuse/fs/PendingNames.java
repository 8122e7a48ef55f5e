package org.eggsfs.fuse.fs;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Names that files being written through this mount are going to have. Only processes that have
 * such a file open see it under its name, and the kernel keeps nothing of what it hears about the
 * name, since that depends on who asks and changes without the kernel's doing.
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
  private record Staged(WriteFile file, int thread, long sinceNanos) {}

  private final Map<Key, List<WriteFile>> names = new HashMap<>();
  private final Map<Key, Staged> staged = new HashMap<>();

  private static Key key(Node.Place place) {
    return new Key(place.directory(), new Name(place.name()));
  }

  /** One more file for that name; false, and nothing, if it must be the only one and is not. */
  synchronized boolean add(Node.Place place, WriteFile file, boolean exclusive) {
    List<WriteFile> files = names.computeIfAbsent(key(place), key -> new ArrayList<>(1));
    if (exclusive && !files.isEmpty()) {
      return false;
    }
    files.add(file);
    return true;
  }

  /** One less. */
  synchronized void remove(Node.Place place, WriteFile file) {
    names.computeIfPresent(
        key(place),
        (key, files) -> {
          files.remove(file);
          return files.isEmpty() ? null : files;
        });
  }

  /** The files that are going to have the name. */
  synchronized List<WriteFile> of(long directory, byte[] name) {
    if (names.isEmpty()) {
      return List.of();
    }
    return List.copyOf(names.getOrDefault(new Key(directory, new Name(name)), List.of()));
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

  /** Whether a file is a new version that still waits. */
  synchronized boolean isStaged(Node.Place place, WriteFile file) {
    if (staged.isEmpty()) {
      return false;
    }
    Staged waiting = staged.get(key(place));
    return waiting != null && waiting.file.equals(file);
  }

  /** Takes a new version that waits for that thread; false if it does not, or not any more. */
  synchronized boolean take(Node.Place place, WriteFile file, int thread) {
    if (!isStaged(place, file) || staged.get(key(place)).thread != thread) {
      return false;
    }
    staged.remove(key(place));
    return true;
  }

  /** Takes out new versions that nobody came for. */
  synchronized List<WriteFile> forgotten() {
    List<WriteFile> old = new ArrayList<>();
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
