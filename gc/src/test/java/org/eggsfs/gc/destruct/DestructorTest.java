package org.eggsfs.gc.destruct;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Cursors;
import org.eggsfs.gc.FakeCluster;
import org.eggsfs.gc.FakeCluster.Span;
import org.eggsfs.gc.OneShot;
import org.eggsfs.gc.ShardWork;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.RemoveSpanCertifyRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateRequest;
import org.eggsfs.protocol.shuckle.EraseDecommissionedBlockRequest;
import org.junit.jupiter.api.Test;

/**
 * Goal: files are destroyed from their end, nothing is lost when it is cut at any point, and disks
 * that cannot erase now are waited for without harm to others. Method: a cluster in memory that
 * checks cookies, spans and proofs as a shard does.
 */
class DestructorTest {
  private static final int SHARD = 6;
  private static final long FILE = InodeIds.of(InodeIds.FILE, 3, SHARD);
  private static final DestructConfig CONFIG = DestructConfig.DEFAULT.withSlack(0);

  private final FakeCluster cluster = new FakeCluster();
  private final DestructCounters counters = new DestructCounters();
  private final Alerts alerts = new Alerts();

  private Destructor destructor(DestructConfig config) {
    return new Destructor(cluster, config, counters, alerts, cluster::now);
  }

  private static Destructor.Outcome destruct(Destructor destructor, long id) throws Exception {
    return destructor.destructFile(id, FakeCluster.cookie(id), 10);
  }

  @Test
  void spansGoFromTheLastToTheFirstAndThenTheInode() throws Exception {
    cluster.addTransient(FILE, 10, new Span(1, 2, 3), new Span(), new Span(4, 5));
    assertEquals(Destructor.Outcome.DESTROYED, destruct(destructor(CONFIG), FILE));
    assertEquals(List.of(), cluster.transientIds());
    List<Long> erased = cluster.erased();
    assertEquals(Set.of(block(2, 0), block(2, 1)), Set.copyOf(erased.subList(0, 2)));
    assertEquals(Set.of(block(0, 0), block(0, 1), block(0, 2)), Set.copyOf(erased.subList(2, 5)));
    assertEquals(5, counters.values().get("destructed_blocks"));
    assertEquals(3, counters.values().get("destructed_spans"));
    assertEquals(1, counters.values().get("destructed_files"));
  }

  private static long block(int span, int index) {
    return FakeCluster.blockId(FILE, span, index);
  }

  @Test
  void deadlinesAreKeptWithSlack() throws Exception {
    cluster.setNow(1_000);
    cluster.addTransient(FILE, 900, new Span(1));
    Destructor careful = destructor(CONFIG.withSlack(100));
    assertEquals(
        Destructor.Outcome.NOT_EXPIRED, careful.destructFile(FILE, FakeCluster.cookie(FILE), 900));
    assertTrue(cluster.requests(RemoveSpanInitiateRequest.class).isEmpty());
    cluster.setNow(1_001);
    assertEquals(
        Destructor.Outcome.DESTROYED, careful.destructFile(FILE, FakeCluster.cookie(FILE), 900));
  }

  @Test
  void theShardHasTheLastWordOnTheDeadline() throws Exception {
    cluster.addTransient(FILE, Long.MAX_VALUE, new Span(1));
    assertEquals(Destructor.Outcome.NOT_EXPIRED, destruct(destructor(CONFIG), FILE));
    assertEquals(List.of(), cluster.erased());
    assertEquals(1, cluster.spanCount(FILE));
  }

  @Test
  void aStaleServiceIsWaitedFor() throws Exception {
    cluster.addTransient(FILE, 10, new Span(1, 2), new Span(3, 4));
    cluster.setServiceFlags(4, BlockServiceFlags.STALE);
    Destructor destructor = destructor(CONFIG);
    assertEquals(Destructor.Outcome.POSTPONED, destruct(destructor, FILE));
    // What can be freed is freed, once.
    assertEquals(List.of(block(1, 0)), cluster.erased());
    assertTrue(destructor.isWaiting(FILE));
    assertEquals(Destructor.Outcome.POSTPONED, destruct(destructor, FILE));
    assertEquals(List.of(block(1, 0)), cluster.erased());
    assertEquals(2, cluster.spanCount(FILE));
    assertEquals(Map.of(), alerts.active());

    cluster.setServiceFlags(4, 0);
    assertEquals(Destructor.Outcome.DESTROYED, destruct(destructor, FILE));
    assertFalse(destructor.isWaiting(FILE));
  }

  @Test
  void theShuckleProvesForWhatIsDecommissioned() throws Exception {
    cluster.addTransient(FILE, 10, new Span(1, 2));
    cluster.setServiceFlags(2, BlockServiceFlags.DECOMMISSIONED | BlockServiceFlags.STALE);
    assertEquals(Destructor.Outcome.DESTROYED, destruct(destructor(CONFIG), FILE));
    assertEquals(List.of(block(0, 0)), cluster.erased());
    assertEquals(1, cluster.requests(EraseDecommissionedBlockRequest.class).size());
  }

  @Test
  void anUnreachableServiceIsNotAskedAgainAndAgain() throws Exception {
    cluster.setFault(
        request -> {
          if (request instanceof FakeCluster.Erase erase && erase.serviceId() == 7) {
            throw new IOException("connection refused");
          }
        });
    Destructor destructor = destructor(CONFIG);
    for (int i = 0; i < 20; i++) {
      cluster.addTransient(FILE + 256L * i, 10, new Span(7, 8));
      assertEquals(Destructor.Outcome.POSTPONED, destruct(destructor, FILE + 256L * i));
    }
    long asked =
        cluster.requests(FakeCluster.Erase.class).stream()
            .filter(erase -> erase.serviceId() == 7)
            .count();
    assertEquals(1, asked);
    assertEquals(20, cluster.erased().size());
  }

  /** Four failures in a row are those of four blocks at the same time. */
  @Test
  void theAlertOfAServiceEndsWhenItIsRetired() throws Exception {
    cluster.addTransient(FILE, 10, new Span(7, 7, 7, 7));
    CountDownLatch together = new CountDownLatch(4);
    cluster.setFault(
        request -> {
          if (request instanceof FakeCluster.Erase) {
            together.countDown();
            try {
              together.await();
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
            throw new IOException("connection refused");
          }
        });
    Destructor destructor = destructor(new DestructConfig(0, 4, ShardWork.DEFAULT));
    assertEquals(Destructor.Outcome.POSTPONED, destruct(destructor, FILE));
    assertEquals(1, alerts.active().size(), alerts.active().toString());
    cluster.setServiceFlags(7, BlockServiceFlags.DECOMMISSIONED);
    assertEquals(Destructor.Outcome.DESTROYED, destruct(destructor, FILE));
    assertEquals(Map.of(), alerts.active());
  }

  @Test
  void blocksThatAreTooRecentAreNoNews() throws Exception {
    cluster.addTransient(FILE, 10, new Span(1, 2));
    cluster.setFault(
        request -> {
          if (request instanceof FakeCluster.Erase) {
            throw new EggsException(ErrorCode.BLOCK_TOO_RECENT_FOR_DELETION);
          }
        });
    Destructor destructor = destructor(CONFIG);
    assertEquals(Destructor.Outcome.POSTPONED, destruct(destructor, FILE));
    assertEquals(2, counters.values().get("too_recent_blocks"));
    cluster.setFault(request -> {});
    assertEquals(Destructor.Outcome.DESTROYED, destruct(destructor, FILE));
  }

  @Test
  void errorsOfTheShuckleAndTheShardAreTold() throws Exception {
    cluster.addTransient(FILE, 10, new Span(1, 2));
    cluster.setServiceFlags(2, BlockServiceFlags.DECOMMISSIONED);
    cluster.setFault(
        request -> {
          if (request instanceof EraseDecommissionedBlockRequest) {
            throw new EggsException(ErrorCode.INTERNAL_ERROR);
          }
        });
    EggsException e = assertThrows(EggsException.class, () -> destruct(destructor(CONFIG), FILE));
    assertEquals(ErrorCode.INTERNAL_ERROR, e.code());
    cluster.setFault(
        request -> {
          if (request instanceof RemoveSpanCertifyRequest) {
            throw new EggsException(ErrorCode.BAD_BLOCK_PROOF);
          }
        });
    e = assertThrows(EggsException.class, () -> destruct(destructor(CONFIG), FILE));
    assertEquals(ErrorCode.BAD_BLOCK_PROOF, e.code());
    assertEquals(1, cluster.spanCount(FILE));
  }

  @Test
  void aFileThatIsGoneIsDestroyed() throws Exception {
    assertEquals(Destructor.Outcome.DESTROYED, destruct(destructor(CONFIG), FILE));
  }

  @Test
  void aCutAtAnyRequestIsMadeGood() throws Exception {
    cluster.addTransient(FILE, 10, new Span(1, 2, 3), new Span(), new Span(4, 5), new Span(1));
    Destructor.Outcome outcome = Destructor.Outcome.POSTPONED;
    int cuts = 0;
    for (; outcome != Destructor.Outcome.DESTROYED; cuts++) {
      AtomicInteger left = new AtomicInteger(cuts);
      cluster.setFault(
          request -> {
            if (left.decrementAndGet() < 0) {
              throw new IOException("cut");
            }
          });
      try {
        outcome = destruct(destructor(CONFIG), FILE);
      } catch (IOException e) {
        assertTrue(cuts < 100);
      }
    }
    assertTrue(cuts > 5, "cut only " + cuts + " times");
    assertEquals(List.of(), cluster.transientIds());
    assertEquals(6, Set.copyOf(cluster.erased()).size());
  }

  @Test
  void manyDestructorsAtOnceComeToOneEnd() throws Exception {
    for (int i = 0; i < 20; i++) {
      cluster.addTransient(FILE + 256L * i, 10, new Span(1, 2), new Span(), new Span(3, 4));
    }
    List<Future<Destructor.Outcome>> outcomes = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int each = 0; each < 3; each++) {
        Destructor destructor = destructor(CONFIG);
        for (int i = 0; i < 20; i++) {
          long id = FILE + 256L * i;
          outcomes.add(threads.submit(() -> destruct(destructor, id)));
        }
      }
    }
    for (Future<Destructor.Outcome> outcome : outcomes) {
      assertEquals(Destructor.Outcome.DESTROYED, outcome.get());
    }
    assertEquals(List.of(), cluster.transientIds());
  }

  @Test
  void oneServiceErasesOnlySoManyBlocksAtOnce() throws Exception {
    Destructor destructor = destructor(new DestructConfig(0, 2, ShardWork.DEFAULT));
    cluster.setFault(
        request -> {
          if (request instanceof FakeCluster.Erase) {
            try {
              Thread.sleep(2);
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
          }
        });
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 20; i++) {
        long id = FILE + 256L * i;
        cluster.addTransient(id, 10, new Span(1));
        threads.submit(() -> destruct(destructor, id));
      }
    }
    assertEquals(20, cluster.erased().size());
    assertTrue(cluster.erasesAtOnceMax() <= 2, "at once " + cluster.erasesAtOnceMax());
  }

  @Test
  void aCycleTakesWhatIsExpiredAndIsolatesFailures() throws Exception {
    for (int i = 0; i < 12; i++) {
      cluster.addTransient(FILE + 256L * i, i == 3 ? Long.MAX_VALUE : 10, new Span(1, 2));
    }
    long bad = FILE + 256L * 5;
    cluster.setFault(
        request -> {
          if (request instanceof RemoveSpanInitiateRequest r && r.fileId() == bad) {
            throw new EggsException(ErrorCode.BAD_COOKIE);
          }
        });
    BitSet shards = new BitSet();
    shards.set(SHARD);
    Map<Long, Exception> failed = new ConcurrentHashMap<>();
    OneShot.destruct(cluster, CONFIG, counters, shards, Cursors.inMemory(), failed::put);
    assertEquals(Set.of(bad), failed.keySet());
    assertEquals(List.of(FILE + 256L * 3, bad), cluster.transientIds());
    assertEquals(1, counters.values().get("skipped_files"));
    assertEquals(1, counters.values().get("failed_files"));
  }

  @Test
  void aClockThatIsAheadDestroysNothing() {
    cluster.addTransient(FILE, 10, new Span(1));
    cluster.setLastSeen(org.eggsfs.gc.WallClock.nanos() - TimeUnit.MINUTES.toNanos(10));
    BitSet shards = new BitSet();
    shards.set(SHARD);
    IOException e =
        assertThrows(
            IOException.class,
            () ->
                OneShot.destruct(
                    cluster, CONFIG, counters, shards, Cursors.inMemory(), (id, failure) -> {}));
    assertTrue(e.getMessage().contains("clock"), e.getMessage());
    assertEquals(List.of(FILE), cluster.transientIds());
  }
}
