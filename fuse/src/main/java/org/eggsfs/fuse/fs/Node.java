package org.eggsfs.fuse.fs;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * An inode that the kernel knows: where it was found last, what was last heard of it, and, of a
 * directory, names in it. Lives from the first lookup until the kernel forgets it. Mutable, guarded
 * by itself; facts are immutable values and may be read without.
 */
final class Node {
  /** Names kept of one directory; beyond it all are forgotten. */
  private static final int NAMES_MAX = 16_384;

  /** So many waits for files of a directory in succession are more than chance. */
  private static final int WAITS_MIN = 3;

  /**
   * Attributes of a file or symbolic link.
   *
   * @param atNanos when they were asked for, in nanoTime
   */
  record FileFacts(long size, long mtime, long atime, long atNanos) {}

  /**
   * Attributes of a directory.
   *
   * @param owner the directory above
   * @param atNanos when they were asked for, in nanoTime
   */
  record DirectoryFacts(long mtime, long owner, long atNanos) {}

  /**
   * What a name was found to lead to.
   *
   * @param target NULL for nothing
   * @param creationTime of the edge
   */
  record Edge(long target, long creationTime) {}

  final long id;

  /** Lookups that the kernel has not given back; guarded by the table of nodes. */
  long lookups;

  private long parent;
  private byte[] name;
  private volatile FileFacts file;
  private volatile DirectoryFacts directory;

  /** Counts changes made through this mount: what was asked for before one is not believed. */
  private long changes;

  /** Mtime that all kept names are known to be right at. */
  private long namesMtime;

  /** In the order in which they were kept: that of the listing, once there was one. */
  private Map<Name, Edge> names;

  private long listedMtime;
  private CompletableFuture<DirectoryFacts> refresh;
  private CompletableFuture<FileFacts> fileRefresh;

  /** Counts changes of the file made through this mount. */
  private long fileChanges;

  /**
   * Waits for attributes of files in this directory, the last one, and how many were asked ahead.
   */
  private int waits;

  private long waitedAtNanos;
  private int ahead;

  Node(long id) {
    this.id = id;
  }

  /** Remembers the place. */
  synchronized void foundAt(long inDirectory, byte[] asName) {
    parent = inDirectory;
    name = asName;
  }

  /**
   * Where something is.
   *
   * @param name null if it was never found by name
   */
  record Place(long directory, byte[] name) {}

  synchronized Place place() {
    return new Place(parent, name);
  }

  FileFacts file() {
    return file;
  }

  void file(FileFacts facts) {
    file = facts;
  }

  /** This mount has changed the file: what was asked for before does not count any more. */
  synchronized void fileChanged() {
    fileChanges++;
    file = null;
    fileRefresh = null;
  }

  /** The refresh of the file that is under way, or null. */
  synchronized CompletableFuture<FileFacts> fileRefresh() {
    return fileRefresh;
  }

  /** A refresh of the file begins; returns a mark to end it with. */
  synchronized long refreshFile(CompletableFuture<FileFacts> underway) {
    fileRefresh = underway;
    return fileChanges;
  }

  /**
   * That refresh of the file is over.
   *
   * @param facts null if it failed
   */
  // Whether it still is this very one: identity is what is asked for.
  @SuppressWarnings({"ReferenceEquality", "UndefinedEquals"})
  synchronized void fileRefreshed(CompletableFuture<FileFacts> done, FileFacts facts, long mark) {
    if (fileRefresh == done) {
      fileRefresh = null;
    }
    if (facts != null && mark == fileChanges) {
      file = facts;
    }
  }

  /**
   * Somebody had to wait for the attributes of a file in this directory.
   *
   * @param within how close together that must happen to be a succession
   * @return how many files to ask for ahead
   */
  synchronized int waited(long nowNanos, long within, int aheadMin, int aheadMax) {
    boolean succession = waits > 0 && nowNanos - waitedAtNanos < within;
    waitedAtNanos = nowNanos;
    waits = succession ? waits + 1 : 1;
    if (waits < WAITS_MIN) {
      ahead = 0;
    } else {
      ahead = ahead == 0 ? aheadMin : Math.min(2 * ahead, aheadMax);
    }
    return ahead;
  }

  /** What the names kept behind the one that leads to an inode lead to, in order of the listing. */
  synchronized long[] targetsBehind(long inode, int countMax) {
    if (names == null) {
      return new long[0];
    }
    return names.values().stream()
        .mapToLong(Edge::target)
        .dropWhile(target -> target != inode)
        .skip(1)
        .limit(countMax)
        .toArray();
  }

  DirectoryFacts directory() {
    return directory;
  }

  /** A mark to compare with later. */
  synchronized long changes() {
    return changes;
  }

  /** Facts that were asked for at that mark; dropped if this mount changed the directory since. */
  synchronized void directory(DirectoryFacts facts, long askedAtChange) {
    if (askedAtChange != changes) {
      return;
    }
    DirectoryFacts present = directory;
    if (present != null && present.atNanos() > facts.atNanos()) {
      return;
    }
    if (names != null && namesMtime != facts.mtime()) {
      names = null;
    }
    directory = facts;
  }

  /** This mount has changed the directory: nothing that was heard of it counts any more. */
  synchronized void changed() {
    changes++;
    directory = null;
    names = null;
    refresh = null;
  }

  /** A kept name; right as long as the directory's mtime is the one of {@link #directory}. */
  synchronized Edge edge(byte[] of) {
    return names == null ? null : names.get(new Name(of));
  }

  /**
   * Keeps a name that was looked up after these facts were heard: if the mtime is still the same
   * later, nothing has changed in between.
   */
  synchronized void keep(byte[] of, Edge edge, DirectoryFacts basis) {
    if (basis == null || directory == null || directory.mtime() != basis.mtime()) {
      return;
    }
    if (names == null || names.size() >= NAMES_MAX) {
      names = new LinkedHashMap<>();
    }
    namesMtime = basis.mtime();
    names.put(new Name(of), edge);
  }

  /** Forgets one name. */
  synchronized void drop(byte[] of) {
    if (names != null) {
      names.remove(new Name(of));
    }
  }

  /** Whether the kernel's listing of that mtime may be kept; it is of this mtime from now on. */
  synchronized boolean listed(long mtime) {
    boolean same = listedMtime == mtime;
    listedMtime = mtime;
    return same;
  }

  /** The refresh that is under way, or null. */
  synchronized CompletableFuture<DirectoryFacts> refresh() {
    return refresh;
  }

  synchronized void refresh(CompletableFuture<DirectoryFacts> underway) {
    refresh = underway;
  }

  /** That refresh is over. */
  // Whether it still is this very one: identity is what is asked for.
  @SuppressWarnings({"ReferenceEquality", "UndefinedEquals"})
  synchronized void refreshed(CompletableFuture<DirectoryFacts> done) {
    if (refresh == done) {
      refresh = null;
    }
  }
}
