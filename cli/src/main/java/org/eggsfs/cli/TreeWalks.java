package org.eggsfs.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.ResolvedPath;
import org.eggsfs.client.TreeWalk;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;

/** Tree walks of commands: the start itself, then the client's parallel walk below it. */
final class TreeWalks {
  /** Entries between two looks whether the output is still taken, each of which flushes it. */
  private static final int ENTRIES_PER_LOOK = 1000;

  private TreeWalks() {}

  /** What is done with each entry, from many threads. */
  interface Step {
    void apply(WalkedEntry entry) throws EggsException, IOException;
  }

  /**
   * Walks the tree at {@code root}; a walk that could not see everything fails. With snapshots it
   * goes also into directories that were removed, but not into those that were moved: they are part
   * of another tree, or of this one under another name. When nobody takes {@code out} any more it
   * ends early, which {@link ClientCommand#requireOutput} then tells.
   */
  static void run(EggsClient client, String root, boolean snapshots, PrintStream out, Step step)
      throws EggsException, IOException, CommandFailure {
    ResolvedPath start;
    try {
      start = client.paths().resolve(root);
    } catch (EggsException e) {
      throw Failures.at(root, e);
    }
    step.apply(
        new WalkedEntry(root, EggsPath.name(root), start.id(), start.creationTime(), true, true));
    if (!InodeIds.isDirectory(start.id())) {
      return;
    }
    AtomicLong entries = new AtomicLong();
    AtomicBoolean outputFailed = new AtomicBoolean();
    TreeWalk.Visitor visitor =
        visit -> {
          if (entries.incrementAndGet() % ENTRIES_PER_LOOK == 0 && out.checkError()) {
            outputFailed.set(true);
          }
          if (outputFailed.get()) {
            return false;
          }
          step.apply(
              new WalkedEntry(
                  visit.path(),
                  EggsPath.text(visit.name()),
                  visit.id(),
                  visit.creationTime(),
                  visit.current(),
                  visit.current() || visit.owned()));
          return visit.current() || isRemoved(client, visit.id());
        };
    if (snapshots) {
      TreeWalk.walkSnapshots(client, start.id(), root, visitor);
    } else {
      TreeWalk.walk(client, start.id(), root, visitor);
    }
  }

  /** Whether what a snapshot edge leads to is a directory without an owner, and still kept. */
  static boolean isRemoved(EggsClient client, long id) throws EggsException, IOException {
    if (!InodeIds.isDirectory(id)) {
      return false;
    }
    try {
      return client.inodes().stat(id).owner() == InodeIds.NULL;
    } catch (EggsException e) {
      if (Failures.isNotFound(e)) {
        // The collector has taken it.
        return false;
      }
      throw e;
    }
  }
}
