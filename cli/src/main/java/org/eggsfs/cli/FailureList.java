package org.eggsfs.cli;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;

/** The first failures of a job in words, all of them counted. Any thread may add. */
final class FailureList {
  private static final int KEPT_MAX = 100;

  private final List<String> kept = new ArrayList<>();
  private long count;

  synchronized void add(long inode, Exception failure) {
    count++;
    if (kept.size() < KEPT_MAX) {
      kept.add(EggsPath.printable(InodeIds.format(inode) + ": " + chain(failure)));
    }
  }

  synchronized void add(String what) {
    count++;
    if (kept.size() < KEPT_MAX) {
      kept.add(EggsPath.printable(what));
    }
  }

  synchronized long count() {
    return count;
  }

  synchronized List<String> kept() {
    List<String> all = new ArrayList<>(kept);
    if (count > kept.size()) {
      all.add("... and " + (count - kept.size()) + " more");
    }
    return all;
  }

  /** An error and what led to it. */
  static String chain(Exception failure) {
    String words = Failures.words(failure);
    return failure.getCause() instanceof Exception cause
        ? words + ": " + Failures.words(cause)
        : words;
  }
}
