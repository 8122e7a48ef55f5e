package org.eggsfs.client;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ReadDirResponse;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.protocol.struct.Edge;

/**
 * Walks a tree with several directories listed at the same time (client.md section 10).
 *
 * <p>Workers on virtual threads take directories from a stack, so that the walk goes deep before it
 * goes wide and the stack stays short; when it is full all the same, a worker descends itself. No
 * shard is asked by too many workers at once. The visitor is called by all of them, in no order.
 *
 * <p>A directory that has vanished is no error. Everything else that goes wrong, in a listing or in
 * the visitor, is collected and thrown at the end, so that a walk that returns has seen everything.
 * When it has returned, or failed, the visitor is not called any more.
 */
public final class TreeWalk {
  private static final int WORKERS = 32;
  private static final int PER_SHARD = 8;
  private static final int STACK_MAX = 100_000;

  /** Descending without the stack goes at most this deep on a worker's own stack. */
  private static final int INLINE_DEPTH_MAX = 500;

  private static final int ERRORS_MAX = 100;

  /**
   * What is visited: an edge of a directory.
   *
   * @param parent the directory
   * @param path where it leads, as {@link NameText}
   * @param name the edge's name
   * @param creationTime of the edge
   * @param id the target
   * @param current whether the edge is live
   * @param owned whether a snapshot edge owns its target
   */
  public record Visit(
      long parent,
      String path,
      byte[] name,
      long creationTime,
      long id,
      boolean current,
      boolean owned) {}

  /** Called for every edge, by several threads at the same time. */
  public interface Visitor {
    /** One edge; returning false keeps the walk from descending into it. */
    boolean visit(Visit visit) throws EggsException, IOException;
  }

  private record Directory(long id, String path) {}

  private final EggsClient client;
  private final boolean snapshots;
  private final Visitor visitor;
  private final Semaphore[] shardPermits = new Semaphore[ProtocolConstants.SHARD_COUNT];
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ArrayDeque<Directory> stack = new ArrayDeque<>();
  private final Set<Long> visited = new HashSet<>();
  private final List<Exception> errors = new ArrayList<>();
  private int pending;
  private volatile boolean stopped;

  private TreeWalk(EggsClient client, boolean snapshots, Visitor visitor) {
    this.client = client;
    this.snapshots = snapshots;
    this.visitor = visitor;
    for (int i = 0; i < shardPermits.length; i++) {
      shardPermits[i] = new Semaphore(PER_SHARD);
    }
  }

  /** Visits all live edges below a directory. */
  public static void walk(EggsClient client, long directory, String path, Visitor visitor)
      throws IOException {
    new TreeWalk(client, false, visitor).run(new Directory(directory, path));
  }

  /**
   * Visits live and snapshot edges below a directory, deletion edges excepted. A directory that
   * several edges lead to is descended into once.
   */
  public static void walkSnapshots(EggsClient client, long directory, String path, Visitor visitor)
      throws IOException {
    new TreeWalk(client, true, visitor).run(new Directory(directory, path));
  }

  private void run(Directory root) throws IOException {
    stack.push(root);
    visited.add(root.id);
    pending = 1;
    List<Thread> workers = new ArrayList<>();
    for (int i = 0; i < WORKERS; i++) {
      workers.add(Thread.ofVirtual().name("eggs-client-walk-" + i).start(this::work));
    }
    try {
      for (Thread worker : workers) {
        worker.join();
      }
    } catch (InterruptedException e) {
      stop();
      workers.forEach(Thread::interrupt);
      // They use what the caller is going to close.
      joinAll(workers);
      Thread.currentThread().interrupt();
      throw (InterruptedIOException)
          new InterruptedIOException("interrupted while walking " + root.path).initCause(e);
    }
    if (!errors.isEmpty()) {
      IOException all =
          new IOException(
              "walk of " + root.path + " is incomplete: " + errors.getFirst().getMessage(),
              errors.getFirst());
      errors.subList(1, errors.size()).forEach(all::addSuppressed);
      throw all;
    }
  }

  private static void joinAll(List<Thread> workers) {
    boolean interrupted = false;
    for (Thread worker : workers) {
      while (worker.isAlive()) {
        try {
          worker.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void stop() {
    lock.lock();
    try {
      stopped = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void work() {
    while (true) {
      Directory next = take();
      if (next == null) {
        return;
      }
      try {
        list(next, 0);
      } finally {
        done();
      }
    }
  }

  private Directory take() {
    lock.lock();
    try {
      while (stack.isEmpty() && pending > 0 && !stopped) {
        changed.await();
      }
      return stopped ? null : stack.poll();
    } catch (InterruptedException e) {
      return null;
    } finally {
      lock.unlock();
    }
  }

  private void done() {
    lock.lock();
    try {
      pending--;
      if (pending == 0) {
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Lists a directory and what must be descended into at once; errors are kept. */
  private void list(Directory directory, int depth) {
    try {
      if (snapshots) {
        listAll(directory, depth);
      } else {
        listCurrent(directory, depth);
      }
    } catch (EggsException e) {
      if (e.code() != ErrorCode.DIRECTORY_NOT_FOUND) {
        keep(new IOException(directory.path + ": " + e.code(), e));
      }
    } catch (InterruptedIOException e) {
      stop();
      keep(e);
    } catch (IOException | RuntimeException e) {
      keep(e);
    } catch (Error e) {
      keep(new IOException(directory.path + ": " + e, e));
      throw e;
    }
  }

  private void keep(Exception e) {
    lock.lock();
    try {
      if (errors.size() < ERRORS_MAX) {
        errors.add(e);
      }
    } finally {
      lock.unlock();
    }
  }

  private void listCurrent(Directory directory, int depth) throws EggsException, IOException {
    long hash = 0;
    do {
      ReadDirRequest request = new ReadDirRequest(directory.id, hash, 0);
      ReadDirResponse page =
          limited(directory.id, () -> client.shard(InodeIds.shard(directory.id), request));
      for (CurrentEdge edge : page.results()) {
        if (stopped) {
          return;
        }
        visit(
            directory,
            edge.name(),
            edge.creationTime(),
            InodeIds.withoutExtra(edge.targetId()),
            true,
            false,
            depth);
      }
      hash = page.nextHash();
    } while (hash != 0 && !stopped);
  }

  private void listAll(Directory directory, int depth) throws EggsException, IOException {
    int flags = 0;
    byte[] startName = new byte[0];
    long startTime = 0;
    do {
      FullReadDirRequest request =
          new FullReadDirRequest(directory.id, flags, startName, startTime, 0, 0);
      FullReadDirResponse page =
          limited(directory.id, () -> client.shard(InodeIds.shard(directory.id), request));
      for (Edge edge : page.results()) {
        if (stopped) {
          return;
        }
        long target = InodeIds.withoutExtra(edge.targetId());
        if (target != InodeIds.NULL) {
          boolean owned = !edge.current() && InodeIds.extra(edge.targetId());
          visit(directory, edge.name(), edge.creationTime(), target, edge.current(), owned, depth);
        }
      }
      flags = page.next().current() ? FullReadDirFlags.CURRENT : 0;
      startName = page.next().startName();
      startTime = page.next().startTime();
    } while (startName.length > 0 && !stopped);
  }

  private interface Call<T> {
    T run() throws EggsException, IOException;
  }

  private <T> T limited(long directory, Call<T> call) throws EggsException, IOException {
    Semaphore permits = shardPermits[InodeIds.shard(directory)];
    try {
      permits.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (InterruptedIOException)
          new InterruptedIOException("interrupted while walking").initCause(e);
    }
    try {
      return call.run();
    } finally {
      permits.release();
    }
  }

  private void visit(
      Directory parent,
      byte[] name,
      long creationTime,
      long id,
      boolean current,
      boolean owned,
      int depth)
      throws IOException {
    String path = (parent.path.endsWith("/") ? parent.path : parent.path + "/") + NameText.of(name);
    boolean descend;
    try {
      descend = visitor.visit(new Visit(parent.id, path, name, creationTime, id, current, owned));
    } catch (EggsException | IOException | RuntimeException e) {
      keep(new IOException(path + ": " + e.getMessage(), e));
      return;
    }
    if (descend && InodeIds.isDirectory(id)) {
      descend(new Directory(id, path), depth);
    }
  }

  private void descend(Directory directory, int depth) throws IOException {
    lock.lock();
    try {
      if (snapshots && !visited.add(directory.id)) {
        return;
      }
      if (stack.size() < STACK_MAX || depth >= INLINE_DEPTH_MAX) {
        stack.push(directory);
        pending++;
        changed.signal();
        return;
      }
    } finally {
      lock.unlock();
    }
    list(directory, depth + 1);
  }
}
