package org.eggsfs.gc.collect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.ClockCheck;
import org.eggsfs.gc.Cursors;
import org.eggsfs.gc.FakeCluster;
import org.eggsfs.gc.OneShot;
import org.eggsfs.gc.ShardCycles;
import org.eggsfs.gc.ShardPass;
import org.eggsfs.gc.WallClock;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeRequest;
import org.eggsfs.protocol.shard.SameShardHardFileUnlinkRequest;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.SnapshotPolicy;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Goal: a directory is read in pieces of bounded size, exactly what the policy gives up is removed
 * by the right request, and whatever others do meanwhile is no failure. Method: a cluster in memory
 * with pages of three edges.
 */
class CollectorTest {
  private static final int SHARD = 5;
  private static final long ROOT = InodeIds.ROOT;
  private static final long DIRECTORY = InodeIds.of(InodeIds.DIRECTORY, 9, SHARD);
  private static final long FAILING = InodeIds.of(InodeIds.DIRECTORY, 11, SHARD + 1);
  private static final SnapshotPolicy ALL = new SnapshotPolicy(0, 1 << 15);
  private static final SnapshotPolicy NOTHING = new SnapshotPolicy(0, 0);
  private static final CollectConfig CONFIG = CollectConfig.DEFAULT.withMinEdgeAge(0);

  private final FakeCluster cluster = new FakeCluster();
  private final CollectCounters counters = new CollectCounters();
  private Collector collector;

  @BeforeEach
  void directories() {
    cluster.addDirectory(ROOT, InodeIds.NULL, ALL);
    cluster.addDirectory(DIRECTORY, ROOT, null);
    collector = new Collector(cluster, CONFIG, counters, cluster::now);
  }

  private static Edge edge(String name, long target, boolean owned, long time) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    return new Edge(false, InodeIds.withExtra(target, owned), FakeCluster.hash(bytes), bytes, time);
  }

  private static Edge current(String name, long target, long time) {
    Edge edge = edge(name, target, false, time);
    return new Edge(true, edge.targetId(), edge.nameHash(), edge.name(), time);
  }

  private static long file(long number) {
    return InodeIds.of(InodeIds.FILE, number, SHARD);
  }

  /** A file that was written and removed. */
  private void removedFile(String name, long id, long time) {
    cluster.addEdge(DIRECTORY, edge(name, id, true, time));
    cluster.addEdge(DIRECTORY, edge(name, 0, false, time + 1));
  }

  private Collector.Result collect() throws Exception {
    return collector.collectDirectory(DIRECTORY);
  }

  private List<Edge> left() {
    return cluster.directory(DIRECTORY).edges();
  }

  @Test
  void eachSortOfEdgeGoesByItsRequestOldestFirst() throws Exception {
    long elsewhere = InodeIds.of(InodeIds.FILE, 4, SHARD + 1);
    long subdirectory = InodeIds.of(InodeIds.DIRECTORY, 4, SHARD);
    cluster.addEdge(DIRECTORY, edge("a", file(1), true, 10));
    cluster.addEdge(DIRECTORY, edge("a", file(2), true, 20));
    cluster.addEdge(DIRECTORY, edge("a", 0, false, 30));
    cluster.addEdge(DIRECTORY, edge("a", file(3), false, 40));
    cluster.addEdge(DIRECTORY, edge("a", 0, false, 50));
    cluster.addEdge(DIRECTORY, edge("b", elsewhere, true, 10));
    cluster.addEdge(DIRECTORY, edge("b", 0, false, 20));
    cluster.addEdge(DIRECTORY, edge("c", subdirectory, false, 10));
    cluster.addEdge(DIRECTORY, edge("c", 0, false, 20));
    assertEquals(new Collector.Result(9, 9, false), collect());
    assertEquals(List.of(), left());
    assertEquals(
        List.of(10L, 20L),
        cluster.requests(SameShardHardFileUnlinkRequest.class).stream()
            .map(SameShardHardFileUnlinkRequest::creationTime)
            .toList());
    assertEquals(
        List.of(30L, 40L, 50L),
        cluster.requests(RemoveNonOwnedEdgeRequest.class).stream()
            .filter(r -> r.name()[0] == 'a')
            .map(RemoveNonOwnedEdgeRequest::creationTime)
            .toList());
    List<CrossShardHardUnlinkFileRequest> cross =
        cluster.requests(CrossShardHardUnlinkFileRequest.class);
    assertEquals(1, cross.size());
    assertEquals(elsewhere, cross.getFirst().targetId());
    assertEquals(List.of(file(1), file(2), elsewhere), cluster.transientIds());
    assertEquals(9, counters.values().get("collected_edges"));
  }

  @Test
  void currentEdgesAreNeitherReadNorTouched() throws Exception {
    for (int i = 0; i < 1_000; i++) {
      cluster.addEdge(DIRECTORY, current("current" + i, file(100 + i), 10));
    }
    removedFile("gone", file(1), 20);
    collect();
    assertEquals(1_000, left().size());
    // One page holds the past edges; the page after it, at most, begins with the current ones.
    assertTrue(cluster.requests(FullReadDirRequest.class).size() <= 2);
  }

  @Test
  void whatFollowsIsAskedForOnlyWhereItMatters() throws Exception {
    cluster.addDirectory(ROOT, InodeIds.NULL, new SnapshotPolicy(1_000 | Long.MIN_VALUE, 0));
    cluster.setNow(10_000);
    cluster.addEdge(DIRECTORY, edge("replaced-lately", file(1), true, 100));
    cluster.addEdge(DIRECTORY, current("replaced-lately", file(2), 9_900));
    cluster.addEdge(DIRECTORY, edge("replaced-long-ago", file(3), true, 100));
    cluster.addEdge(DIRECTORY, current("replaced-long-ago", file(4), 5_000));
    cluster.addEdge(DIRECTORY, edge("young", file(5), true, 9_800));
    cluster.addEdge(DIRECTORY, current("young", file(6), 9_900));
    assertEquals(1, collect().collectedEdges());
    assertEquals(List.of(file(3)), cluster.transientIds());
    long asked =
        cluster.requests(FullReadDirRequest.class).stream()
            .filter(r -> (r.flags() & FullReadDirFlags.SAME_NAME) != 0)
            .count();
    assertEquals(2, asked);
  }

  @Test
  void aNameThatIsRemovedWhileItIsReadKeepsItsHistory() throws Exception {
    // Replaced a moment ago, and just as we look, removed: the version must not seem to be old.
    cluster.addDirectory(ROOT, InodeIds.NULL, new SnapshotPolicy(1_000 | Long.MIN_VALUE, 0));
    cluster.setNow(10_000);
    cluster.addEdge(DIRECTORY, edge("f", file(1), true, 100));
    Edge replacement = current("f", file(2), 9_900);
    cluster.addEdge(DIRECTORY, replacement);
    cluster.setFault(
        request -> {
          if (request instanceof FullReadDirRequest r
              && (r.flags() & FullReadDirFlags.SAME_NAME) != 0) {
            cluster.removeEdge(DIRECTORY, replacement);
            cluster.addEdge(DIRECTORY, edge("f", file(2), true, 9_900));
            cluster.addEdge(DIRECTORY, edge("f", 0, false, 9_950));
          }
        });
    assertEquals(0, collect().collectedEdges());
    assertEquals(3, left().size());
  }

  @Test
  void orphansGoWhenTheyAreEmpty() throws Exception {
    removedFile("f", file(1), 10);
    assertEquals(new Collector.Result(2, 2, false), collect());
    assertTrue(cluster.requests(HardUnlinkDirectoryRequest.class).isEmpty());

    cluster.addDirectory(DIRECTORY, InodeIds.NULL, ALL);
    removedFile("f", file(2), 10);
    assertEquals(new Collector.Result(2, 2, true), collect());
    assertNull(cluster.directory(DIRECTORY));

    // The policies say that history is kept.
    cluster.addDirectory(DIRECTORY, InodeIds.NULL, NOTHING);
    removedFile("f", file(3), 10);
    assertEquals(new Collector.Result(2, 0, false), collect());
    assertEquals(2, left().size());

    // It only looked empty.
    cluster.addDirectory(DIRECTORY, InodeIds.NULL, ALL);
    cluster.addEdge(DIRECTORY, current("new", file(4), 10));
    assertEquals(new Collector.Result(0, 0, false), collect());
    assertEquals(1, left().size());
  }

  @Test
  void theRootHasNoOwnerAndStays() throws Exception {
    assertEquals(new Collector.Result(0, 0, false), collector.collectDirectory(ROOT));
    assertTrue(cluster.requests(HardUnlinkDirectoryRequest.class).isEmpty());
  }

  @Test
  void whatOthersHaveDoneIsDone() throws Exception {
    removedFile("f", file(1), 10);
    AtomicBoolean first = new AtomicBoolean(true);
    cluster.setFault(
        request -> {
          if (request instanceof SameShardHardFileUnlinkRequest && first.getAndSet(false)) {
            cluster.removeEdge(DIRECTORY, edge("f", file(1), true, 10));
            throw new EggsException(ErrorCode.FILE_NOT_FOUND);
          }
        });
    collect();
    assertEquals(List.of(), left());
    // A directory that is gone is collected.
    long gone = InodeIds.of(InodeIds.DIRECTORY, 77, SHARD);
    assertTrue(collector.collectDirectory(gone).destructed());
    assertEquals(0, counters.values().get("conflicts"));
  }

  @Test
  void aNameThatIsBroughtBackIsReadAgain() throws Exception {
    removedFile("f", file(1), 10);
    removedFile("g", file(2), 10);
    AtomicBoolean first = new AtomicBoolean(true);
    cluster.setFault(
        request -> {
          if (request instanceof SameShardHardFileUnlinkRequest r
              && r.name()[0] == 'f'
              && first.getAndSet(false)) {
            cluster.removeEdge(DIRECTORY, edge("f", file(1), true, 10));
            cluster.addEdge(DIRECTORY, edge("f", file(1), false, 10));
            cluster.addEdge(DIRECTORY, current("f2", file(1), 30));
          }
        });
    collect();
    assertEquals(1, counters.values().get("conflicts"));
    assertEquals(List.of(current("f2", file(1), 30)).toString(), left().toString());
    assertEquals(List.of(file(2)), cluster.transientIds());
  }

  @Test
  void aConflictThatStaysIsLeftToTheNextCycle() throws Exception {
    removedFile("f", file(1), 10);
    cluster.setFault(
        request -> {
          if (request instanceof SameShardHardFileUnlinkRequest) {
            throw new EggsException(ErrorCode.EDGE_NOT_FOUND);
          }
        });
    assertEquals(0, collect().collectedEdges());
    assertEquals(2, left().size());
  }

  @Test
  void anErrorEndsTheVisitAndNotMore() throws Exception {
    for (int i = 0; i < 20; i++) {
      removedFile("f" + i, file(1 + i), 10);
    }
    cluster.setFault(
        request -> {
          if (request instanceof SameShardHardFileUnlinkRequest r && r.targetId() == file(3)) {
            throw new EggsException(ErrorCode.INTERNAL_ERROR);
          }
        });
    EggsException e = assertThrows(EggsException.class, this::collect);
    assertEquals(ErrorCode.INTERNAL_ERROR, e.code());
    assertTrue(left().stream().anyMatch(edge -> edge.targetId() == (file(3) | Long.MIN_VALUE)));
    cluster.setFault(request -> {});
    collect();
    assertEquals(List.of(), left());
    assertEquals(20, cluster.transientIds().size());
  }

  @Test
  void policiesAreInheritedAndOwnOnesCountAtOnce() throws Exception {
    long middle = InodeIds.of(InodeIds.DIRECTORY, 8, SHARD);
    long below = InodeIds.of(InodeIds.DIRECTORY, 10, SHARD);
    cluster.addDirectory(middle, ROOT, null);
    cluster.addDirectory(DIRECTORY, middle, null);
    cluster.addDirectory(below, middle, NOTHING);
    removedFile("f", file(1), 10);
    cluster.addEdge(below, edge("g", file(2), true, 10));
    cluster.addEdge(below, edge("g", 0, false, 11));
    assertEquals(2, collect().collectedEdges());
    assertEquals(0, collector.collectDirectory(below).collectedEdges());
    int statsBefore = cluster.requests(StatDirectoryRequest.class).size();
    collect();
    assertEquals(statsBefore + 1, cluster.requests(StatDirectoryRequest.class).size());
    cluster.addDirectory(DIRECTORY, middle, NOTHING);
    removedFile("f", file(3), 10);
    assertEquals(0, collect().collectedEdges());
  }

  @Test
  void aNameWithMoreVersionsThanMemoryIsMeantToHold() throws Exception {
    cluster.addDirectory(ROOT, InodeIds.NULL, new SnapshotPolicy(0, 5 | 1 << 15));
    cluster.setPageSize(20_000);
    int versions = DirectoryPass.NAME_EDGES_MAX + 10_000;
    for (int i = 0; i < versions; i++) {
      cluster.addEdge(DIRECTORY, edge("log", file(1 + i), false, 10 + i));
    }
    cluster.addEdge(DIRECTORY, current("log", file(0), 10 + versions));
    assertEquals(versions - 5, collect().collectedEdges());
    assertEquals(6, left().size());
    assertEquals(10 + versions - 5, left().getFirst().creationTime());

    // And when all are too young, the rest of the name is passed over.
    for (int i = 0; i < versions; i++) {
      cluster.addEdge(DIRECTORY, edge("log2", file(1 + i), false, 1_000_000_000L + i));
    }
    for (int i = 0; i < 7; i++) {
      cluster.addEdge(DIRECTORY, edge("after", file(1 + i), false, 10 + i));
    }
    assertEquals(2, collect().collectedEdges());
  }

  @Test
  void manyCollectorsAtOnceAgree() throws Exception {
    cluster.addDirectory(DIRECTORY, InodeIds.NULL, ALL);
    for (int i = 0; i < 300; i++) {
      removedFile("f" + i, file(1 + i), 10);
    }
    List<Future<Collector.Result>> results = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 4; i++) {
        Collector each = new Collector(cluster, CONFIG, counters, cluster::now);
        results.add(threads.submit(() -> each.collectDirectory(DIRECTORY)));
      }
    }
    long collected = 0;
    for (Future<Collector.Result> result : results) {
      collected += result.get().collectedEdges();
    }
    assertTrue(collected >= 600, "collected " + collected);
    assertEquals(300, cluster.transientIds().size());
    // One that saw an edge whose successor was gone already leaves the directory to the next visit.
    assertTrue(collect().destructed());
    assertNull(cluster.directory(DIRECTORY));
  }

  @Test
  void aCycleVisitsAllDirectoriesAndIsolatesFailures() throws Exception {
    List<Long> directories = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      long id = InodeIds.of(InodeIds.DIRECTORY, 100 + i, i % 2 == 0 ? SHARD : 200);
      directories.add(id);
      cluster.addDirectory(id, InodeIds.NULL, ALL);
    }
    long bad = directories.get(4);
    cluster.setFault(
        request -> {
          if (request instanceof StatDirectoryRequest r && r.id() == bad) {
            throw new EggsException(ErrorCode.INTERNAL_ERROR);
          }
        });
    BitSet shards = new BitSet();
    shards.set(SHARD);
    Map<Long, Exception> failed = new ConcurrentHashMap<>();
    OneShot.collect(cluster, CONFIG, counters, shards, Cursors.inMemory(), failed::put);
    assertEquals(List.of(bad), List.copyOf(failed.keySet()));
    for (long id : directories) {
      boolean stays = id == bad || InodeIds.shard(id) != SHARD;
      assertEquals(stays, cluster.directory(id) != null, InodeIds.format(id));
    }
    assertEquals(1, counters.values().get("cycles"));
    assertEquals(1, counters.values().get("failed_directories"));
  }

  @Test
  void aClockThatIsAheadCollectsNothingInOneDirectoryEither() {
    cluster.setLastSeen(WallClock.nanos() - TimeUnit.MINUTES.toNanos(10));
    IOException e =
        assertThrows(
            IOException.class,
            () -> OneShot.collectDirectory(cluster, CONFIG, counters, DIRECTORY));
    assertTrue(e.getMessage().contains("clock"), e.getMessage());
    assertEquals(List.of(), cluster.requests(FullReadDirRequest.class));
  }

  @Test
  void shardsWhoseCycleFailedAreTold() throws Exception {
    cluster.setFault(
        request -> {
          if (request instanceof VisitDirectoriesRequest visit && visit.beginId() == FAILING) {
            throw new IOException("no answer");
          }
        });
    BitSet shards = new BitSet();
    shards.set(SHARD, SHARD + 3);
    Cursors cursors = Cursors.inMemory();
    cursors.of(counters.job()).set(SHARD + 1, FAILING);
    BitSet failed =
        OneShot.collect(
            cluster, CONFIG, counters, shards, cursors, ShardPass.FailureListener.NOBODY);
    assertEquals(BitSet.valueOf(new long[] {1L << (SHARD + 1)}), failed);
    assertEquals(FAILING, cursors.of(counters.job()).get(SHARD + 1));
    assertEquals(2, counters.values().get("cycles"));
  }

  @Test
  void aFailingDirectoryIsLeftAloneForAWhile() throws Exception {
    cluster.setFault(
        request -> {
          if (request instanceof StatDirectoryRequest r && r.id() == DIRECTORY) {
            throw new EggsException(ErrorCode.INTERNAL_ERROR);
          }
        });
    BitSet shards = new BitSet();
    shards.set(SHARD);
    Alerts alerts = new Alerts();
    CollectJob job =
        new CollectJob(
            cluster,
            CONFIG,
            counters,
            collector,
            new ClockCheck(cluster, cluster::now, alerts),
            new ShardCycles.Schedule(shards, 0, true),
            Cursors.inMemory(),
            alerts,
            ShardPass.FailureListener.NOBODY);
    job.run();
    job.run();
    assertEquals(1, counters.values().get("failed_directories"));
    assertEquals(1, counters.values().get("postponed_directories"));
    assertEquals(2, counters.values().get("cycles"));
  }
}
