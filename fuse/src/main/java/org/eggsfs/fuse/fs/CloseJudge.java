package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Decides whether the close(2) that the kernel reports is the last one of a file being written, and
 * whether whoever closes it does so on purpose (mount.md section 3).
 *
 * <p>The kernel reports every close: of each descriptor, of each copy, in each process that
 * inherited one, and when a process ends, always after the descriptor is gone from the process's
 * table. The file is complete when no process has a descriptor of it any more. Descriptors spread
 * by fork, so only the creator and processes that began after the file was created can have one,
 * and those that were seen writing, which may have got it over a socket; numbers of processes grow,
 * which makes the new ones few and cheap to find. The closing process waits for the answer, so what
 * is seen is not outdated by itself.
 */
final class CloseJudge {
  /** What to do with the file now. */
  enum Verdict {
    /** Somebody else may still write. */
    NOT_LAST,
    /** The last one was closed on purpose. */
    COMPLETE,
    /** The last one belonged to a process that is being killed. */
    ABANDONED,
    /** It cannot be seen; the kernel says later when the last reference is gone. */
    UNDECIDED
  }

  /** The users of one file being written. */
  static final class Users {
    private final int creator;
    private final int newestAtCreation;
    private final Set<Integer> writers = ConcurrentHashMap.newKeySet();

    Users(int creator, int newestAtCreation) {
      this.creator = creator;
      this.newestAtCreation = newestAtCreation;
    }
  }

  private static final int WRITERS_MAX = 64;

  /** Looks at processes that began during the last look; then the kernel has to say it later. */
  private static final int ROUNDS_MAX = 100;

  private final Processes processes;
  private final MountSettings.OnExit onExit;

  CloseJudge(Processes processes, MountSettings.OnExit onExit) {
    this.processes = processes;
    this.onExit = onExit;
  }

  /** A file is being created by that thread. */
  Users created(int thread) {
    int newest = processes.newest();
    return new Users(thread == 0 ? 0 : processes.process(thread), newest);
  }

  /** That thread writes. */
  void wrote(Users users, int thread) {
    if (thread != users.creator && thread != 0 && users.writers.size() < WRITERS_MAX) {
      users.writers.add(thread);
    }
  }

  /** Whether that thread's process uses the file, and so may see it before others do. */
  boolean uses(Users users, int thread, long inode) {
    if (thread == 0) {
      return false;
    }
    int process = processes.process(thread);
    try {
      return process == users.creator || processes.holds(process, inode);
    } catch (IOException e) {
      return false;
    }
  }

  /** The verdict on a close by that thread. */
  Verdict judge(Users users, int thread, long inode) {
    if (thread == 0 || users.creator == 0) {
      return Verdict.UNDECIDED;
    }
    Processes.Life life = processes.life(thread);
    try {
      if (heldBySomebody(users, thread, inode)) {
        return Verdict.NOT_LAST;
      }
    } catch (IOException e) {
      return Verdict.UNDECIDED;
    }
    return switch (life) {
      case RUNNING -> Verdict.COMPLETE;
      case EXITING -> onExit == MountSettings.OnExit.NEVER ? Verdict.ABANDONED : Verdict.COMPLETE;
      case KILLED -> onExit == MountSettings.OnExit.ALWAYS ? Verdict.COMPLETE : Verdict.ABANDONED;
    };
  }

  private boolean heldBySomebody(Users users, int thread, long inode) throws IOException {
    int caller = processes.process(thread);
    if (processes.holds(caller, inode)) {
      return true;
    }
    Set<Integer> others = new TreeSet<>(users.writers);
    others.add(users.creator);
    others.remove(caller);
    if (heldByOne(others, users, caller, inode)) {
      return true;
    }
    // One that is looked at may hand on its descriptors to a newer one and end: until there is
    // none.
    int seen = users.newestAtCreation;
    for (int round = 0; round < ROUNDS_MAX; round++) {
      int newest = processes.newest();
      // Unknown is 0, both times: then all are looked at, once.
      if (newest == seen && (seen != 0 || round > 0)) {
        return false;
      }
      Set<Integer> started = processes.startedBetween(seen, newest);
      started.removeAll(others);
      started.remove(caller);
      if (heldByOne(started, users, caller, inode)) {
        return true;
      }
      seen = newest;
    }
    throw new IOException("processes begin faster than they can be looked at");
  }

  private boolean heldByOne(Set<Integer> others, Users users, int caller, long inode)
      throws IOException {
    for (int other : others) {
      try {
        if (processes.holds(other, inode)) {
          return true;
        }
      } catch (IOException e) {
        // Another user's, while we are no root. It matters only if it can have inherited the file.
        if (processes.isRelated(other, users.creator) || processes.isRelated(other, caller)) {
          throw e;
        }
      }
    }
    return false;
  }
}
