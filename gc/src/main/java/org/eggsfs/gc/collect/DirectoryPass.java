package org.eggsfs.gc.collect;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Pace;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeRequest;
import org.eggsfs.protocol.shard.SameShardHardFileUnlinkRequest;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.SnapshotPolicy;

/**
 * One reading of a directory's past edges, with removals beside it.
 *
 * <p>The server lists past edges first, those of a name side by side, so each name is decided on as
 * soon as it is complete, and the current edges, however many, are not read. Only where the
 * decision hangs on what came after the newest past edge, that name is asked for. Memory is
 * bounded: of a name with very many edges a prefix is decided on as if the rest were current, which
 * never gives up more.
 *
 * <p>The edges of one name are removed oldest first, so that a crash leaves a history that makes
 * sense; several names at the same time.
 */
final class DirectoryPass {
  /**
   * Edges of one name in memory. More than twice the most versions a policy can keep, so that when
   * nothing of a full buffer goes, nothing after it goes either.
   */
  static final int NAME_EDGES_MAX = 1 << 16;

  private final Cluster cluster;
  private final CollectCounters counters;
  private final Pace pace;
  private final long directory;
  private final SnapshotPolicy policy;
  private final long nowNanos;
  private final long minAgeNanos;
  private final int removalsMax;
  private final Semaphore removals;
  private final AtomicLong collected = new AtomicLong();
  private final AtomicReference<Exception> failure = new AtomicReference<>();
  private volatile boolean conflict;
  private ExecutorService threads;
  private long visited;
  private boolean keptSome;

  /** Edges of the name that is being read, oldest first. */
  private List<Edge> name = new ArrayList<>();

  /** A name of which nothing more will go. */
  private byte[] decided;

  DirectoryPass(
      Cluster cluster,
      CollectConfig config,
      CollectCounters counters,
      Pace pace,
      long directory,
      SnapshotPolicy policy,
      long nowNanos) {
    this.cluster = cluster;
    this.counters = counters;
    this.pace = pace;
    this.directory = directory;
    this.policy = policy;
    this.nowNanos = nowNanos;
    this.minAgeNanos = config.minEdgeAgeNanos();
    this.removalsMax = config.removalsPerDirectory();
    this.removals = new Semaphore(removalsMax);
  }

  long visitedEdges() {
    return visited;
  }

  long collectedEdges() {
    return collected.get();
  }

  /** Whether an edge turned out to be another one than we read. */
  boolean hadConflict() {
    return conflict;
  }

  /** Whether no past edge is left. */
  boolean leftNothing() {
    return !keptSome;
  }

  /** Reads and removes; all threads have ended when it returns. */
  void run() throws EggsException, IOException, InterruptedException {
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      threads = executor;
      try {
        read();
        removals.acquire(removalsMax);
      } finally {
        executor.shutdownNow();
      }
    }
    throwFailure();
  }

  private void throwFailure() throws EggsException, IOException {
    switch (failure.get()) {
      case null -> {}
      case EggsException eggs -> throw eggs;
      case IOException io -> throw io;
      case RuntimeException bug -> throw bug;
      default -> throw new IllegalStateException(failure.get());
    }
  }

  private void read() throws EggsException, IOException, InterruptedException {
    byte[] startName = {};
    long startTime = 0;
    do {
      FullReadDirResponse page =
          cluster.shardOf(
              directory, new FullReadDirRequest(directory, 0, startName, startTime, 0, 0));
      for (Edge edge : page.results()) {
        if (edge.current()) {
          nameEnds();
          return;
        }
        add(edge);
      }
      if (page.next().current()) {
        break;
      }
      startName = page.next().startName();
      startTime = page.next().startTime();
    } while (startName.length > 0 && failure.get() == null);
    nameEnds();
  }

  private void add(Edge edge) throws EggsException, IOException, InterruptedException {
    visited++;
    counters.visitedEdges.increment();
    if (decided != null) {
      if (Arrays.equals(decided, edge.name())) {
        return;
      }
      decided = null;
    }
    if (!name.isEmpty() && !Arrays.equals(name.getLast().name(), edge.name())) {
      nameEnds();
    }
    name.add(edge);
    if (name.size() == NAME_EDGES_MAX) {
      decideOnPrefix();
    }
  }

  /** Makes room in a full buffer. */
  private void decideOnPrefix() throws InterruptedException {
    int count = removable(asIfCurrent(name));
    List<Edge> rest = new ArrayList<>(name.subList(count, name.size()));
    remove(name.subList(0, count));
    if (count == 0) {
      decided = rest.getLast().name();
      rest.clear();
      keptSome = true;
    }
    name = rest;
  }

  private static List<Edge> asIfCurrent(List<Edge> edges) {
    List<Edge> changed = new ArrayList<>(edges);
    changed.set(changed.size() - 1, current(edges.getLast()));
    return changed;
  }

  private static Edge current(Edge edge) {
    return new Edge(true, edge.targetId(), edge.nameHash(), edge.name(), edge.creationTime());
  }

  private int removable(List<Edge> edges) {
    return CollectPolicy.removable(policy, edges, nowNanos, minAgeNanos);
  }

  private void nameEnds() throws EggsException, IOException, InterruptedException {
    if (name.isEmpty()) {
      return;
    }
    List<Edge> edges = name;
    name = new ArrayList<>();
    int count = Math.min(edges.size(), removable(withWhatFollows(edges)));
    keptSome |= count < edges.size();
    if (count > 0) {
      removals.acquire();
      threads.execute(
          () -> {
            try {
              remove(edges.subList(0, count));
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            } finally {
              removals.release();
            }
          });
    }
  }

  /**
   * The edges with the one that followed the newest of them, where that can matter. Read together
   * with the newest itself: a name that is removed in this moment would else seem to have nothing
   * after an edge that was replaced long ago.
   */
  private List<Edge> withWhatFollows(List<Edge> edges) throws EggsException, IOException {
    Edge newest = edges.getLast();
    if (CollectPolicy.isDeletion(newest)) {
      return edges;
    }
    // The earliest moment at which it can have been replaced. If it stays even so, it stays.
    List<Edge> atLeast = new ArrayList<>(edges);
    atLeast.add(current(newest));
    if (removable(atLeast) < edges.size()) {
      return atLeast;
    }
    FullReadDirResponse page =
        cluster.shardOf(
            directory,
            new FullReadDirRequest(
                directory, FullReadDirFlags.SAME_NAME, newest.name(), newest.creationTime(), 0, 0));
    List<Edge> all = new ArrayList<>(edges);
    for (Edge edge : page.results()) {
      if (edge.current() || edge.creationTime() != newest.creationTime()) {
        all.add(edge);
      }
    }
    boolean more = page.next().startName().length > 0;
    return more ? asIfCurrent(all) : all;
  }

  /** Removes edges of one name, oldest first, up to the first that cannot be removed. */
  private void remove(List<Edge> edges) throws InterruptedException {
    try {
      for (Edge edge : edges) {
        if (failure.get() != null || conflict) {
          return;
        }
        pace.acquire(1);
        remove(edge);
        collected.incrementAndGet();
        counters.collectedEdges.increment();
      }
    } catch (EggsException e) {
      switch (e.code()) {
        case EDGE_NOT_FOUND, EDGE_NOT_OWNED -> {
          counters.conflicts.increment();
          conflict = true;
        }
        default -> failure.compareAndSet(null, e);
      }
    } catch (IOException | RuntimeException e) {
      failure.compareAndSet(null, e);
    }
  }

  private void remove(Edge edge) throws EggsException, IOException {
    long target = InodeIds.withoutExtra(edge.targetId());
    if (CollectPolicy.isOwned(edge) && (InodeIds.isDirectory(target) || target == InodeIds.NULL)) {
      throw new IllegalStateException(
          "a past edge owns what is no file, in directory " + InodeIds.format(directory));
    }
    try {
      if (!CollectPolicy.isOwned(edge)) {
        cluster.shardOf(
            directory,
            new RemoveNonOwnedEdgeRequest(directory, target, edge.name(), edge.creationTime()));
      } else if (InodeIds.shard(target) == InodeIds.shard(directory)) {
        cluster.shardOf(
            directory,
            new SameShardHardFileUnlinkRequest(
                directory, target, edge.name(), edge.creationTime()));
      } else {
        cluster.cdc(
            new CrossShardHardUnlinkFileRequest(
                directory, target, edge.name(), edge.creationTime()));
      }
    } catch (EggsException e) {
      // An earlier attempt, or another collector, has removed the edge and the file is gone since.
      if (e.code() != ErrorCode.FILE_NOT_FOUND) {
        throw e;
      }
    }
  }
}
