package org.eggsfs.gc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.gc.defrag.DefragCounters;
import org.eggsfs.gc.scrub.ScrubCounters;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: the daemon outlives the errors of its jobs, ends when it is told to, and finds its place
 * again.
 */
class GcDaemonTest {
  private static final long PATIENCE_NANOS = 60_000_000_000L;

  @TempDir private Path folder;
  private final Alerts alerts = new Alerts();

  private interface Body {
    void run() throws InterruptedException;
  }

  private static GcJob job(Counters counters, Body body) {
    return new GcJob() {
      @Override
      public String name() {
        return counters.job();
      }

      @Override
      public Counters counters() {
        return counters;
      }

      @Override
      public void run() throws InterruptedException {
        body.run();
      }
    };
  }

  @Test
  void aJobThatFailsLeavesTheOthersAlone() throws Exception {
    Counters counters = new Counters("good");
    Counters.Counter done = counters.counter("done");
    CountDownLatch worked = new CountDownLatch(1);
    GcJob bad =
        job(
            new Counters("bad"),
            () -> {
              throw new IllegalStateException("broken \"job\"");
            });
    GcJob good =
        job(
            counters,
            () -> {
              done.add(7);
              worked.countDown();
              TimeUnit.DAYS.sleep(1);
            });
    GcDaemon daemon = new GcDaemon(folder, Cursors.inMemory(), alerts, List.of(bad, good));
    daemon.start();
    worked.await();
    long end = System.nanoTime() + PATIENCE_NANOS;
    while (alerts.active().isEmpty() && System.nanoTime() < end) {
      Thread.sleep(5);
    }
    assertTrue(alerts.active().containsKey("bad-failed"), alerts.active().toString());
    assertFalse(daemon.hasEnded());
    daemon.close();
    assertTrue(daemon.hasEnded());
    String status = Files.readString(folder.resolve("status.json"));
    assertTrue(status.contains("\"good\": {\"done\": 7}"), status);
    assertTrue(status.contains("broken \\\"job\\\""), status);
    assertTrue(status.contains("\"alerts_active\": 1"), status);
  }

  @Test
  void cursorsSurviveAStop() throws Exception {
    BitSet shards = new BitSet();
    shards.set(3);
    shards.set(255);
    Cursors cursors = GcDaemon.cursors(folder);
    Counters counters = new Counters("visit");
    CountDownLatch reached = new CountDownLatch(2);
    ShardCycles cycles =
        cycles(
            counters,
            shards,
            false,
            cursors,
            (shard, begin, position) -> {
              position.accept(0x2000_0000_0000_0000L + shard);
              reached.countDown();
              TimeUnit.DAYS.sleep(1);
            });
    GcDaemon daemon = new GcDaemon(folder, cursors, alerts, List.of(job(counters, cycles::run)));
    daemon.start();
    reached.await();
    daemon.close();

    Cursors again = GcDaemon.cursors(folder);
    assertEquals(0x2000_0000_0000_00ffL, again.of("visit").get(255));
    assertEquals(0, again.of("visit").get(4));
    assertEquals(0, again.of("other").get(3));
    // The next run goes on there, and a finished cycle begins anew.
    cycles(
            new Counters("visit"),
            shards,
            true,
            again,
            (shard, begin, position) ->
                assertEquals(0x2000_0000_0000_0000L + shard, begin, "shard " + shard))
        .run();
    assertEquals(0, again.of("visit").get(3));
  }

  private ShardCycles cycles(
      Counters counters, BitSet shards, boolean single, Cursors cursors, ShardCycles.Cycle cycle) {
    return new ShardCycles(
        counters,
        new ShardCycles.Schedule(shards, 1, single),
        cycle,
        cursors,
        new ClockCheck(new FakeCluster(), () -> 0, alerts),
        alerts);
  }

  @Test
  void damagedCursorsCountAsNone() throws IOException {
    Files.writeString(
        folder.resolve("cursors"), "visit 7 2000000000000007\nvisit 256 1\nnonsense\nx y z\n\n");
    Cursors cursors = GcDaemon.cursors(folder);
    assertEquals(0x2000_0000_0000_0007L, cursors.of("visit").get(7));
    cursors.save();
    assertEquals("visit 7 2000000000000007\n", Files.readString(folder.resolve("cursors")));
  }

  @Test
  void aCursorFileIsNotKeptWhenTheCycleHasEnded() throws IOException {
    Path file = folder.resolve("cursors");
    Files.writeString(file, "visit 7 2000000000000007\n");
    Cursors cursors = GcDaemon.cursors(folder);
    cursors.of("visit").set(7, 0);
    cursors.save();
    assertEquals("", Files.readString(file));
    assertEquals(0, GcDaemon.cursors(folder).of("visit").get(7));
  }

  @Test
  void bytesThatAreNoTextCountAsNone() throws IOException {
    Path file = folder.resolve("cursors");
    byte[] bytes = "visit 7 2000000000000007\nvisit 8 9\n".getBytes(StandardCharsets.UTF_8);
    bytes[bytes.length - 2] = (byte) 0xfe;
    Files.write(file, bytes);
    Cursors cursors = GcDaemon.cursors(folder);
    assertEquals(0x2000_0000_0000_0007L, cursors.of("visit").get(7));
    assertEquals(0, cursors.of("visit").get(8));
    cursors.save();
    assertEquals("visit 7 2000000000000007\n", Files.readString(file));
  }

  @Test
  void shardsHaveCyclesOfTheirOwn() throws Exception {
    BitSet shards = new BitSet();
    shards.set(0, 3);
    Counters counters = new Counters("visit");
    AtomicInteger good = new AtomicInteger();
    CountDownLatch often = new CountDownLatch(20);
    ShardCycles cycles =
        cycles(
            counters,
            shards,
            false,
            Cursors.inMemory(),
            (shard, begin, position) -> {
              if (shard == 1) {
                throw new IOException("no answer");
              }
              good.incrementAndGet();
              often.countDown();
            });
    Thread thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    cycles.run();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
    often.await();
    long end = System.nanoTime() + PATIENCE_NANOS;
    while (counters.values().get("failed_cycles") == 0 && System.nanoTime() < end) {
      Thread.sleep(5);
    }
    thread.interrupt();
    thread.join();
    assertEquals(1, counters.values().get("failed_cycles"));
    assertTrue(counters.values().get("cycles") >= 20);
  }

  @Test
  void alertsBeginAndEndOnceAndAreBounded() {
    alerts.raise("a", "one");
    alerts.raise("a", "two");
    assertEquals(Map.of("a", "two"), alerts.active());
    alerts.clear("a");
    alerts.clear("a");
    assertEquals(Map.of(), alerts.active());
    for (int i = 0; i < 100; i++) {
      alerts.raise("key" + i, "text");
    }
    assertEquals(20, alerts.active().size());
  }

  @Test
  void alertsOfOneKindLeaveRoomForOthers() {
    for (int i = 0; i < 100; i++) {
      alerts.raise("block-service-" + i, "text");
      alerts.raise("visit-shard-" + i, "text");
    }
    assertEquals(10, alerts.active().size());
    alerts.raise("clock-disagrees", "text");
    assertTrue(alerts.active().containsKey("clock-disagrees"));
    alerts.clear("block-service-0");
    alerts.raise("block-service-99", "text");
    assertTrue(alerts.active().containsKey("block-service-99"));
  }

  @Test
  void countersHaveOneNameEach() {
    Counters counters = new Counters("job");
    counters.counter("b").add(2);
    counters.counter("a").increment();
    assertEquals("{b=2, a=1}", counters.values().toString());
    assertThrows(IllegalArgumentException.class, () -> counters.counter("a"));
  }

  @Test
  void whatWentWrongIsAFailureWhateverItIsCalled() {
    DefragCounters defrag = new DefragCounters();
    assertFalse(defrag.hasFailures());
    defrag.analyzedFiles.increment();
    assertFalse(defrag.hasFailures());
    defrag.failedFiles.increment();
    assertTrue(defrag.hasFailures());
    DefragCounters walk = new DefragCounters();
    walk.failedWalks.increment();
    assertTrue(walk.hasFailures());
    ScrubCounters scrub = new ScrubCounters();
    scrub.wrongSpans.increment();
    assertTrue(scrub.hasFailures());
    Counters counters = new Counters("visit");
    GcDaemon daemon =
        new GcDaemon(null, Cursors.inMemory(), alerts, List.of(job(counters, () -> {})));
    Counters.Counter failed = counters.failureCounter("lost");
    assertFalse(daemon.hasFailures());
    failed.increment();
    assertTrue(daemon.hasFailures());
  }

  @Test
  void partitionsCoverAllShardsOnce() {
    BitSet all = new BitSet();
    for (int i = 0; i < 3; i++) {
      BitSet part = GcConfig.partition(i, 3);
      assertFalse(part.intersects(all));
      all.or(part);
    }
    assertEquals(GcConfig.allShards(), all);
    assertEquals(256, all.cardinality());
    assertThrows(IllegalArgumentException.class, () -> GcConfig.partition(3, 3));
    assertThrows(IllegalArgumentException.class, () -> GcConfig.partition(0, 0));
  }
}
