package org.eggsfs.gc.migrate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/**
 * The files that are to be moved: those with the least remaining redundancy first, failed ones
 * again after a pause that doubles with each failure, up to an hour (gc.md section 11, items 6 and
 * 15). A file is in it once, whatever happens to it. Thread-safe; times come from the caller.
 *
 * <p>Bounded: when it is full, the least endangered file that waits gives way; the next scan finds
 * it again.
 */
final class MigrationQueue {
  static final long RETRY_NANOS_MIN = TimeUnit.SECONDS.toNanos(2);
  static final long RETRY_NANOS_MAX = TimeUnit.HOURS.toNanos(1);

  /** After so many failures in a row a file is called hopeless; it is tried on all the same. */
  static final int HOPELESS_ATTEMPTS = 5;

  /**
   * What is known about a file when it is put in.
   *
   * @param file its inode
   * @param remaining how many more blocks its weakest span may lose; negative: lost already
   * @param lost blocks lost of that span
   */
  record Danger(long file, int remaining, int lost) {}

  /** How many files there are in which state. */
  record Sizes(int waiting, int inWork, int delayed) {}

  private enum Place {
    WAITING,
    IN_WORK,
    DELAYED
  }

  private static final class Entry {
    Danger danger;
    Place place = Place.WAITING;
    int attempts;
    long dueNanos;
    String reason;

    Entry(Danger danger) {
      this.danger = danger;
    }
  }

  private static final Comparator<Danger> MOST_ENDANGERED =
      Comparator.comparingInt(Danger::remaining)
          .thenComparing(Comparator.comparingInt(Danger::lost).reversed())
          .thenComparingLong(Danger::file);

  private final int sizeMax;
  private final Map<Long, Entry> entries = new HashMap<>();
  private final TreeSet<Danger> waiting = new TreeSet<>(MOST_ENDANGERED);
  private final PriorityQueue<Entry> delayed =
      new PriorityQueue<>((a, b) -> Long.signum(a.dueNanos - b.dueNanos));
  private int inWork;

  MigrationQueue(int sizeMax) {
    this.sizeMax = sizeMax;
  }

  /** Puts a file in, unless it is in; one that waits gets the new rank. */
  synchronized void offer(Danger danger) {
    Entry entry = entries.get(danger.file);
    if (entry != null) {
      if (entry.place == Place.WAITING) {
        waiting.remove(entry.danger);
        waiting.add(danger);
      }
      entry.danger = danger;
    } else if (entries.size() < sizeMax || giveWay(danger)) {
      entries.put(danger.file, new Entry(danger));
      waiting.add(danger);
    }
    notifyAll();
  }

  private boolean giveWay(Danger danger) {
    if (waiting.isEmpty() || MOST_ENDANGERED.compare(danger, waiting.last()) >= 0) {
      return false;
    }
    entries.remove(waiting.pollLast().file);
    return true;
  }

  /** The most endangered file, now in work, or null if none is due. */
  synchronized Danger poll(long nowNanos) {
    while (!delayed.isEmpty() && delayed.peek().dueNanos - nowNanos <= 0) {
      Entry due = delayed.poll();
      due.place = Place.WAITING;
      waiting.add(due.danger);
    }
    Danger first = waiting.pollFirst();
    if (first != null) {
      entries.get(first.file).place = Place.IN_WORK;
      inWork++;
    }
    return first;
  }

  /** Waits until something may have changed, or the time is up. */
  @SuppressWarnings("WaitNotInLoop") // The caller polls.
  synchronized void awaitChange(long nanos) throws InterruptedException {
    TimeUnit.NANOSECONDS.timedWait(this, nanos);
  }

  /** The file in work needs nothing any more. */
  synchronized void done(long file) {
    entries.remove(file);
    inWork--;
    notifyAll();
  }

  /** The file in work is to be tried again later. */
  synchronized void failed(long file, long nowNanos, String reason) {
    Entry entry = entries.get(file);
    long pause = RETRY_NANOS_MAX;
    // Eleven doublings of two seconds pass the hour.
    if (entry.attempts < 11) {
      pause = Math.min(RETRY_NANOS_MAX, RETRY_NANOS_MIN << entry.attempts);
    }
    entry.attempts++;
    entry.reason = reason;
    entry.dueNanos = nowNanos + pause;
    entry.place = Place.DELAYED;
    delayed.add(entry);
    inWork--;
    notifyAll();
  }

  synchronized Sizes sizes() {
    return new Sizes(waiting.size(), inWork, delayed.size());
  }

  /** Whether nothing waits and nothing is in work; delayed files do not count. */
  synchronized boolean isIdle() {
    return waiting.isEmpty() && inWork == 0;
  }

  /** Files that wait, are in work or delayed, by blocks lost of their weakest span. */
  synchronized int withLost(int lostMin) {
    return (int) entries.values().stream().filter(e -> e.danger.lost >= lostMin).count();
  }

  /** The same by remaining redundancy. */
  synchronized int withRemaining(int remainingMax) {
    return (int) entries.values().stream().filter(e -> e.danger.remaining <= remainingMax).count();
  }

  /** The files that have failed often. */
  synchronized List<MigrationStatus.Hopeless> hopeless() {
    List<MigrationStatus.Hopeless> list = new ArrayList<>();
    for (Entry entry : entries.values()) {
      if (entry.attempts >= HOPELESS_ATTEMPTS) {
        list.add(new MigrationStatus.Hopeless(entry.danger.file, entry.attempts, entry.reason));
      }
    }
    return list;
  }
}
