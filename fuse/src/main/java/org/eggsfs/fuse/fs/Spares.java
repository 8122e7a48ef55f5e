package org.eggsfs.fuse.fs;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.span.SpanUploader.TransientFile;

/**
 * Files constructed ahead. A program that has just created a file in a directory is likely to
 * create another one there; that file's construction, which costs a durable write of the shard,
 * then happens while the program writes the first one. One a shard, for a short time: what nobody
 * takes is scrapped.
 */
final class Spares {
  /** Much shorter than the time after which a shard takes it for abandoned, also in tests. */
  private static final long AGE_NANOS_MAX = TimeUnit.SECONDS.toNanos(2);

  private static final byte[] NOTE = "eggsfuse: next file".getBytes(StandardCharsets.US_ASCII);

  private record Spare(TransientFile file, long sinceNanos) {}

  private final EggsClient client;
  private final Map<Integer, Spare> spares = new HashMap<>();
  private final Set<Integer> underway = new HashSet<>();
  private boolean closed;

  Spares(EggsClient client) {
    this.client = client;
  }

  /** A file for a creation in that shard, or null; another one is begun if none is on its way. */
  TransientFile take(int shard) {
    TransientFile file = null;
    synchronized (this) {
      Spare spare = spares.remove(shard);
      if (spare != null) {
        file = spare.file;
      }
      if (closed || !underway.add(shard)) {
        return file;
      }
    }
    client
        .files()
        .construct(shard, NOTE)
        .whenComplete(
            (made, failure) -> {
              // Without one the next creation constructs its own, and meets the failure itself.
              keep(shard, failure == null ? made : null);
            });
    return file;
  }

  private synchronized void keep(int shard, TransientFile made) {
    underway.remove(shard);
    if (made == null) {
      return;
    }
    if (closed) {
      client.files().scrap(made);
    } else {
      spares.put(shard, new Spare(made, System.nanoTime()));
    }
  }

  /** Scraps what nobody has taken for a while; false if none is left. */
  synchronized boolean expire() {
    long now = System.nanoTime();
    spares
        .values()
        .removeIf(
            spare -> {
              boolean old = now - spare.sinceNanos > AGE_NANOS_MAX;
              if (old) {
                client.files().scrap(spare.file);
              }
              return old;
            });
    return !spares.isEmpty();
  }

  /** Scraps all. */
  synchronized void close() {
    closed = true;
    List<Spare> all = new ArrayList<>(spares.values());
    spares.clear();
    all.forEach(spare -> client.files().scrap(spare.file));
  }
}
