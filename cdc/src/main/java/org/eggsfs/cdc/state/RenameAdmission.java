package org.eggsfs.cdc.state;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.store.View;

/**
 * Keeps renames of directories from closing a loop while several run (cdc.md sections 7, 13.5).
 *
 * <p>Think of a graph with an arrow from every directory to its parent and, for each running
 * rename, one from its target to its new parent. It has no loops, and a rename starts only if its
 * own arrow leaves it so. However the running renames end, the tree is a part of this graph.
 *
 * <p>Nobody limits how deep directories are made, and everybody waits for a walk; so it gives up
 * after {@link #ANCESTORS_MAX}.
 */
final class RenameAdmission {
  /**
   * Directories from the root down to the new owner, both included, of a rename that is admitted:
   * as many as a path of 4096 bytes can name.
   */
  static final int ANCESTORS_MAX = 2048;

  /** Target to new owner of the renames that run. */
  private final Map<Long, Long> pending = new HashMap<>();

  /**
   * Renames that can be judged only when another has ended, oldest first, each with the target of
   * that other one.
   */
  private final Map<RenameDirectory, Long> waiting = new LinkedHashMap<>();

  /** What is to become of a rename. */
  enum Verdict {
    ADMITTED,
    REFUSED,
    WAITS
  }

  /**
   * A verdict.
   *
   * @param error goes with REFUSED, else null
   * @param blocker goes with WAITS: the target of a running rename to wait for, else null
   */
  record Decision(Verdict verdict, ErrorCode error, Long blocker) {
    private static Decision refused(ErrorCode error) {
      return new Decision(Verdict.REFUSED, error, null);
    }

    private static Decision waits(Long blocker) {
      return new Decision(Verdict.WAITS, null, blocker);
    }
  }

  private static final Decision ADMITTED = new Decision(Verdict.ADMITTED, null, null);
  private static final Decision LOOP = Decision.refused(ErrorCode.LOOP_IN_DIRECTORY_RENAME);
  private static final Decision UNKNOWN = Decision.refused(ErrorCode.NEW_DIRECTORY_NOT_FOUND);

  /** Judges a rename that holds its locks. Changes nothing. */
  Decision judge(View view, Rename.Move move) {
    Long blocker = null;
    long at = move.newOwner();
    for (int i = 0; i < ANCESTORS_MAX; i++) {
      if (at == InodeIds.NULL) {
        return UNKNOWN;
      }
      if (blocker == null && pending.containsKey(at)) {
        blocker = at;
      }
      if (at == move.target()) {
        return blocker == null ? LOOP : Decision.waits(blocker);
      }
      if (at == InodeIds.ROOT) {
        blocker = pending.isEmpty() ? null : blocker(view, move.newOwner(), move.target());
        return blocker == null ? ADMITTED : Decision.waits(blocker);
      }
      at = ParentsTable.get(view, at);
    }
    // Too deep, or the stored tree has a loop of its own; moving anything into it would hide more
    // of it.
    return LOOP;
  }

  /** A directory on the way up, and the last one before it from where a pending arrow was taken. */
  private record Reached(long directory, Long arrow) {}

  /**
   * The running rename because of which arrows of either kind lead from a directory up to another;
   * null if they do not. If there are too many to follow, one that they lead by. The stored arrows
   * alone are known not to lead there.
   */
  private Long blocker(View view, long from, long to) {
    Set<Long> seen = new HashSet<>();
    ArrayDeque<Reached> open = new ArrayDeque<>();
    open.add(new Reached(from, null));
    Long met = null;
    while (!open.isEmpty()) {
      Reached reached = open.removeLast();
      long at = reached.directory;
      if (reached.arrow != null) {
        met = reached.arrow;
      }
      if (at == to) {
        return reached.arrow;
      }
      if (seen.size() > ANCESTORS_MAX) {
        return met;
      }
      if (at != InodeIds.NULL && at != InodeIds.ROOT && seen.add(at)) {
        open.add(new Reached(ParentsTable.get(view, at), reached.arrow));
        Long next = pending.get(at);
        if (next != null) {
          open.add(new Reached(next, at));
        }
      }
    }
    return null;
  }

  void started(Rename.Move move) {
    pending.put(move.target(), move.newOwner());
  }

  /** Keeps a rename until the one that is in its way has ended. */
  void waits(RenameDirectory rename, Long blocker) {
    waiting.put(rename, blocker);
  }

  /** A rename has ended or given up; adds to {@code ready} who is to be judged again. */
  void ended(RenameDirectory rename, List<Transaction> ready) {
    if (!rename.isStarted()) {
      waiting.remove(rename);
      return;
    }
    Long target = rename.move().target();
    pending.remove(target);
    Iterator<Map.Entry<RenameDirectory, Long>> entries = waiting.entrySet().iterator();
    while (entries.hasNext()) {
      Map.Entry<RenameDirectory, Long> entry = entries.next();
      if (entry.getValue().equals(target)) {
        ready.add(entry.getKey());
        entries.remove();
      }
    }
  }
}
