package org.eggsfs.gc.migrate;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/**
 * The files that are to be moved: those with the least remaining redundancy first, failed ones
 * again after a pause that doubles with each failure, up to an hour (gc.md section 11, items 6 and
 * 15). A file is in it once, whatever happens to it. Thread-safe; times come from the caller.
 *
 * <p>Bounded: when it is full, the least endangered file that waits gives way; the next scan finds
 * it again. Files that fail may take half of the places only, or files that can never be moved
 * would keep all others out. One more of them is forgotten; when a scan finds it again it comes
 * after all that were not.
 */
final class MigrationQueue {
  static final long RETRY_NANOS_MIN = TimeUnit.SECONDS.toNanos(2);
  static final long RETRY_NANOS_MAX = TimeUnit.HOURS.toNanos(1);

  /** After so many failures in a row a file is called hopeless; it is tried on all the same. */
  static final int HOPELESS_ATTEMPTS = 5;

  /** Eight megabytes; with {@link #FORGOTTEN_MAX} files every eighth other one is taken for one. */
  private static final int FORGOTTEN_BITS = 1 << 26;

  private static final int FORGOTTEN_MAX = FORGOTTEN_BITS / 8;

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

  private static final class Entry {
    final long file;

    /** Whether it, or one that is taken for it, failed and was forgotten. */
    final boolean again;

    Danger danger;
    int attempts;
    long dueNanos;
    String reason;

    Entry(Danger danger, boolean again) {
      this.file = danger.file;
      this.again = again;
      this.danger = danger;
    }
  }

  private static final Comparator<Danger> MOST_ENDANGERED =
      Comparator.comparingInt(Danger::remaining)
          .thenComparing(Comparator.comparingInt(Danger::lost).reversed())
          .thenComparingLong(Danger::file);

  private static final Comparator<Entry> FIRST_IN_TURN =
      Comparator.comparing((Entry entry) -> entry.again)
          .thenComparing(entry -> entry.danger, MOST_ENDANGERED);

  private static final Comparator<Entry> FIRST_DUE =
      ((Comparator<Entry>) (a, b) -> Long.signum(a.dueNanos - b.dueNanos))
          .thenComparingLong(entry -> entry.file);

  private final int sizeMax;
  private final int failingMax;
  private final Map<Long, Entry> entries = new HashMap<>();
  private final TreeSet<Entry> waiting = new TreeSet<>(FIRST_IN_TURN);
  private final TreeSet<Entry> delayed = new TreeSet<>(FIRST_DUE);
  private int inWork;

  /** Entries that have failed, wherever they are. */
  private int failing;

  /** Bits that the forgotten files have set; some bits are those of several files. */
  private final BitSet forgottenBits = new BitSet();

  private int forgotten;
  private long leftOut;

  MigrationQueue(int sizeMax) {
    this.sizeMax = sizeMax;
    this.failingMax = sizeMax / 2;
  }

  /** Puts a file in, unless it is in; one that waits gets the new rank. */
  synchronized void offer(Danger danger) {
    Entry entry = entries.get(danger.file);
    if (entry != null) {
      // Its place in the set depends on what changes.
      boolean waits = waiting.remove(entry);
      entry.danger = danger;
      if (waits) {
        waiting.add(entry);
      }
    } else {
      Entry added = new Entry(danger, forgottenBits.get(bit(danger.file)));
      if (entries.size() < sizeMax || giveWay(added)) {
        entries.put(danger.file, added);
        waiting.add(added);
      } else {
        leftOut++;
      }
    }
    notifyAll();
  }

  private boolean giveWay(Entry added) {
    if (waiting.isEmpty() || FIRST_IN_TURN.compare(added, waiting.last()) >= 0) {
      return false;
    }
    leaveOut(waiting.pollLast());
    return true;
  }

  private void leaveOut(Entry entry) {
    leftOut++;
    entries.remove(entry.file);
    if (entry.attempts > 0) {
      failing--;
      if (forgotten == FORGOTTEN_MAX) {
        // Nearly all would be taken for forgotten ones.
        forgetNothing();
      }
      forgotten++;
      forgottenBits.set(bit(entry.file));
    }
  }

  private void forgetNothing() {
    forgotten = 0;
    forgottenBits.clear();
  }

  private static int bit(long file) {
    // Inodes of a shard follow each other; the upper bits of the product depend on all of them.
    return (int) (file * 0x9e3779b97f4a7c15L >>> 38);
  }

  /** The most endangered file, now in work, or null if none is due. */
  synchronized Danger poll(long nowNanos) {
    while (!delayed.isEmpty() && delayed.first().dueNanos - nowNanos <= 0) {
      waiting.add(delayed.pollFirst());
    }
    Entry first = waiting.pollFirst();
    if (first == null) {
      return null;
    }
    inWork++;
    return first.danger;
  }

  /** Waits until something may have changed, or the time is up. */
  @SuppressWarnings("WaitNotInLoop") // The caller polls.
  synchronized void awaitChange(long nanos) throws InterruptedException {
    TimeUnit.NANOSECONDS.timedWait(this, nanos);
  }

  /** The file in work needs nothing any more. */
  synchronized void done(long file) {
    Entry entry = entries.remove(file);
    failing -= entry.attempts > 0 ? 1 : 0;
    inWork--;
    if (failing < failingMax / 2) {
      // What was forgotten can be moved by now, or is not there any more.
      forgetNothing();
    }
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
    failing += entry.attempts == 0 ? 1 : 0;
    entry.attempts++;
    entry.reason = reason;
    entry.dueNanos = nowNanos + pause;
    delayed.add(entry);
    if (failing > failingMax) {
      // The one that would be tried again last has mostly been tried most often.
      leaveOut(delayed.pollLast());
    }
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

  /** Files that fail and are forgotten for now, because too many fail. */
  synchronized int forgotten() {
    return forgotten;
  }

  /** How often a file found no place or lost it, since the start. */
  synchronized long leftOut() {
    return leftOut;
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
