package org.eggsfs.cdc.state;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
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
 */
final class RenameAdmission {
  /** Target to new owner of the renames that run. */
  private final Map<Long, Long> pending = new HashMap<>();

  /** Renames that can be judged only when others have ended, oldest first. */
  private final List<RenameDirectory> waiting = new ArrayList<>();

  /** What is to become of a rename. */
  enum Verdict {
    ADMITTED,
    REFUSED,
    WAITS
  }

  /** A verdict; the error goes with REFUSED. */
  record Decision(Verdict verdict, ErrorCode error) {}

  private static final Decision ADMITTED = new Decision(Verdict.ADMITTED, null);
  private static final Decision WAITS = new Decision(Verdict.WAITS, null);
  private static final Decision LOOP =
      new Decision(Verdict.REFUSED, ErrorCode.LOOP_IN_DIRECTORY_RENAME);
  private static final Decision UNKNOWN =
      new Decision(Verdict.REFUSED, ErrorCode.NEW_DIRECTORY_NOT_FOUND);

  /** Judges a rename that holds its locks. Changes nothing. */
  Decision judge(View view, Rename.Move move) {
    boolean certain = true;
    Set<Long> seen = new HashSet<>();
    for (long at = move.newOwner(); seen.add(at); at = ParentsTable.get(view, at)) {
      if (at == InodeIds.NULL) {
        return UNKNOWN;
      }
      certain &= !pending.containsKey(at);
      if (at == move.target()) {
        return certain ? LOOP : WAITS;
      }
      if (at == InodeIds.ROOT) {
        return pending.isEmpty() || !reaches(view, move.newOwner(), move.target())
            ? ADMITTED
            : WAITS;
      }
    }
    // The stored tree has a loop of its own; moving anything into it would hide more of it.
    return LOOP;
  }

  /** Whether arrows of either kind lead from a directory up to another. */
  private boolean reaches(View view, long from, long to) {
    Set<Long> seen = new HashSet<>();
    ArrayDeque<Long> open = new ArrayDeque<>();
    open.add(from);
    while (!open.isEmpty()) {
      long at = open.removeLast();
      if (at == to) {
        return true;
      }
      if (at != InodeIds.NULL && at != InodeIds.ROOT && seen.add(at)) {
        open.add(ParentsTable.get(view, at));
        Long next = pending.get(at);
        if (next != null) {
          open.add(next);
        }
      }
    }
    return false;
  }

  void started(Rename.Move move) {
    pending.put(move.target(), move.newOwner());
  }

  void waits(RenameDirectory rename) {
    waiting.add(rename);
  }

  /** A rename has ended or given up; adds to {@code ready} who is to be judged again. */
  void ended(RenameDirectory rename, List<Transaction> ready) {
    if (rename.isStarted()) {
      pending.remove(rename.move().target());
      ready.addAll(waiting);
      waiting.clear();
    } else {
      waiting.remove(rename);
    }
  }
}
