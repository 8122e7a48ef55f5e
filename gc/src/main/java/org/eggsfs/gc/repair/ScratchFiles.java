package org.eggsfs.gc.repair;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.gc.Counters.Counter;

/**
 * The scratch files of one job: as many per shard as there are repairs in it at the same time, used
 * again by later repairs, each by one at a time. Thread-safe.
 *
 * <p>What lies idle is scrapped after a minute, because the replaced blocks in it keep their disks
 * from being empty.
 */
public final class ScratchFiles implements AutoCloseable {
  private static final long IDLE_NANOS_MAX = TimeUnit.MINUTES.toNanos(1);

  /** What a shard stores of a note. */
  private static final int NOTE_MAX = 255;

  private record Idle(ScratchFile file, long sinceNanos) {}

  private final ShardCaller shards;
  private final Counter made;
  private final byte[] note;
  private final long lifetimeNanos;
  private final Map<Integer, ArrayDeque<Idle>> idle = new HashMap<>();
  private boolean closed;

  /**
   * No file yet.
   *
   * @param made counts the files that are made
   * @param purpose goes into the notes of the files, so that a stray one can be explained
   */
  public ScratchFiles(ShardCaller shards, Counter made, String purpose, long lifetimeNanos) {
    this.shards = shards;
    this.made = made;
    byte[] text = purpose.getBytes(StandardCharsets.UTF_8);
    this.note = Arrays.copyOf(text, Math.min(text.length, NOTE_MAX));
    this.lifetimeNanos = lifetimeNanos;
  }

  /** A file of that shard for the caller alone, until {@link #give}. */
  public ScratchFile take(int shard) {
    scrapIdle(IDLE_NANOS_MAX);
    synchronized (this) {
      ArrayDeque<Idle> files = idle.get(shard);
      if (files != null && !files.isEmpty()) {
        return files.pop().file;
      }
    }
    return new ScratchFile(shards, made, shard, note, lifetimeNanos);
  }

  /** The opposite of {@link #take}. */
  public void give(ScratchFile file) {
    synchronized (this) {
      if (!closed) {
        idle.computeIfAbsent(file.shard(), shard -> new ArrayDeque<>())
            .push(new Idle(file, System.nanoTime()));
        return;
      }
    }
    file.scrap();
  }

  /** Scraps the files that have not been used for that long. */
  public void scrapIdle(long idleNanosMax) {
    long now = System.nanoTime();
    List<ScratchFile> old = new ArrayList<>();
    synchronized (this) {
      for (ArrayDeque<Idle> files : idle.values()) {
        // The most recently used one is in front.
        while (!files.isEmpty() && now - files.peekLast().sinceNanos >= idleNanosMax) {
          old.add(files.pollLast().file);
        }
      }
      idle.values().removeIf(ArrayDeque::isEmpty);
    }
    old.forEach(ScratchFile::scrap);
  }

  /** Scraps all files, those in use when they come back. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    scrapIdle(0);
  }
}
