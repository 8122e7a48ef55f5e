package org.eggsfs.fuse.fs;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.span.SpanUploader.TransientFile;

/**
 * Files constructed ahead. A program that has just created a file in a directory is likely to
 * create another one there; that file's construction, which costs a durable write of the shard,
 * then happens while the program writes the first one. Whoever creates many gets more at a time,
 * which the shard makes durable together. What nobody takes for a short time is scrapped.
 */
final class Spares {
  /** Much shorter than the time after which a shard takes it for abandoned, also in tests. */
  private static final long AGE_NANOS_MAX = TimeUnit.SECONDS.toNanos(2);

  /** Where those of a batch were all taken this soon, the next one may be larger. */
  private static final long QUICK_NANOS = AGE_NANOS_MAX / 4;

  /** Files of a batch. */
  private static final int BATCH_MAX = 16;

  private static final byte[] NOTE = "eggsfuse: next file".getBytes(StandardCharsets.US_ASCII);

  private record Spare(TransientFile file, long sinceNanos) {}

  /** Those of one shard. */
  private static final class Shelf {
    final ArrayDeque<Spare> spares = new ArrayDeque<>();
    int batch = 1;
    int underway;
    long begunNanos;
  }

  private final EggsClient client;
  private final Map<Integer, Shelf> shelves = new HashMap<>();
  private boolean closed;

  Spares(EggsClient client) {
    this.client = client;
  }

  /** A file for a creation in that shard, or null; the last one of a batch begins the next. */
  TransientFile take(int shard) {
    TransientFile file = null;
    int wanted;
    synchronized (this) {
      if (closed) {
        return null;
      }
      Shelf shelf = shelves.computeIfAbsent(shard, _ -> new Shelf());
      Spare spare = shelf.spares.poll();
      if (spare != null) {
        file = spare.file;
      }
      if (shelf.underway > 0 || !shelf.spares.isEmpty()) {
        return file;
      }
      long now = System.nanoTime();
      if (spare != null) {
        boolean quick = now - shelf.begunNanos <= QUICK_NANOS;
        shelf.batch = quick ? Math.min(BATCH_MAX, 2 * shelf.batch) : Math.max(1, shelf.batch / 2);
      }
      wanted = shelf.batch;
      shelf.underway = wanted;
      shelf.begunNanos = now;
    }
    for (int i = 0; i < wanted; i++) {
      client
          .files()
          .construct(shard, NOTE)
          .whenComplete(
              (made, failure) -> {
                // Without one the next creation constructs its own, and meets the failure itself.
                keep(shard, failure == null ? made : null);
              });
    }
    return file;
  }

  private synchronized void keep(int shard, TransientFile made) {
    Shelf shelf = shelves.get(shard);
    if (shelf != null) {
      shelf.underway--;
    }
    if (made == null) {
      return;
    }
    if (shelf == null) {
      client.files().scrap(made);
    } else {
      shelf.spares.add(new Spare(made, System.nanoTime()));
    }
  }

  /** Scraps what nobody has taken for a while; false if none is left. */
  synchronized boolean expire() {
    long now = System.nanoTime();
    shelves
        .values()
        .removeIf(
            shelf -> {
              Spare oldest = shelf.spares.peek();
              while (oldest != null && now - oldest.sinceNanos > AGE_NANOS_MAX) {
                client.files().scrap(shelf.spares.poll().file);
                shelf.batch = 1;
                oldest = shelf.spares.peek();
              }
              return shelf.spares.isEmpty() && shelf.underway == 0;
            });
    return !shelves.isEmpty();
  }

  /** Scraps all. */
  synchronized void close() {
    closed = true;
    for (Shelf shelf : shelves.values()) {
      shelf.spares.forEach(spare -> client.files().scrap(spare.file));
    }
    shelves.clear();
  }
}
