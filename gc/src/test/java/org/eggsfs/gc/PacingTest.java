package org.eggsfs.gc;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.gc.housekeeping.CountJob;
import org.eggsfs.gc.housekeeping.ZeroBlockServiceFilesJob;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.shard.RemoveZeroBlockServiceFilesRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.junit.jupiter.api.Test;

/** Goal: what keeps jobs from working too fast, too early or too often does just that. */
class PacingTest {
  private static final long SECOND = 1_000_000_000L;

  @Test
  void aPaceIsKeptAndPausesAreNotMadeUpFor() {
    Pace pace = new Pace(100);
    long now = System.nanoTime() + 10 * SECOND;
    assertTrue(pace.reserve(now, 100) <= 0);
    assertEquals(SECOND / 2, pace.reserve(now, 50));
    assertEquals(SECOND, pace.reserve(now, 50));
    // After a long pause only a second's worth is there at once.
    long later = now + 1_000 * SECOND;
    assertTrue(pace.reserve(later, 100) <= 0);
    assertEquals(SECOND / 100, pace.reserve(later, 1));
    assertThrows(IllegalArgumentException.class, () -> new Pace(-1));
    assertThrows(IllegalArgumentException.class, () -> new Pace(Double.NaN));
  }

  @Test
  void backoffDoublesUpToItsLimitAndForgets() {
    Backoff backoff = new Backoff(10, 35, 2);
    assertFalse(backoff.isWaiting(1, 0));
    assertEquals(1, backoff.failed(1, 0));
    assertTrue(backoff.isWaiting(1, 9));
    assertFalse(backoff.isWaiting(1, 10));
    assertTrue(backoff.isFailing(1));
    assertEquals(2, backoff.failed(1, 100));
    assertTrue(backoff.isWaiting(1, 119));
    assertFalse(backoff.isWaiting(1, 120));
    for (int i = 3; i < 100; i++) {
      assertEquals(i, backoff.failed(1, 200));
    }
    assertTrue(backoff.isWaiting(1, 234));
    assertFalse(backoff.isWaiting(1, 235));
    backoff.succeeded(1);
    assertFalse(backoff.isFailing(1));
    for (int key = 0; key < 5; key++) {
      backoff.failed(key, 0);
    }
    assertEquals(2, backoff.size());
    assertTrue(backoff.isFailing(4));
  }

  @Test
  void aClockThatIsAheadIsNotTrusted() throws Exception {
    FakeCluster cluster = new FakeCluster();
    Alerts alerts = new Alerts();
    AtomicLong clock = new AtomicLong(1_000 * SECOND);
    long tolerance = ClockCheck.TOLERANCE.toNanos();
    cluster.setLastSeen(clock.get() - tolerance);
    ClockCheck good = new ClockCheck(cluster, clock::get, alerts);
    good.require();
    good.awaitTrust();
    good.require();
    // The answer is believed for a while.
    assertEquals(1, cluster.requests(AllBlockServicesDeprecatedRequest.class).size());

    cluster.setLastSeen(clock.get() - tolerance - 1);
    IOException ahead =
        assertThrows(
            IOException.class, () -> new ClockCheck(cluster, clock::get, alerts).require());
    assertTrue(ahead.getMessage().contains("300 s ahead"), ahead.getMessage());
    assertTrue(alerts.active().isEmpty());

    cluster.setLastSeen(clock.get() + tolerance + SECOND);
    assertDoesNotThrow(() -> new ClockCheck(cluster, clock::get, alerts).require());
    assertTrue(alerts.active().get("clock-disagrees").contains("301 s behind"));

    cluster.setFault(
        request -> {
          throw new IOException("no shuckle");
        });
    IOException unknown =
        assertThrows(
            IOException.class, () -> new ClockCheck(cluster, clock::get, alerts).require());
    assertTrue(unknown.getMessage().contains("no shuckle"), unknown.getMessage());
  }

  @Test
  void aTimeThatIsWrongHidesNoClockThatIsAhead() {
    FakeCluster cluster = new FakeCluster();
    long now = 1_000_000 * SECOND;
    long future = now + 1_000_000 * SECOND;
    long wrong = now + 2 * ClockCheck.TOLERANCE.toNanos();
    // The shuckle's clock was ahead once: what has died since, retired or not, keeps that time.
    cluster.setServices(
        List.of(
            FakeCluster.service(BlockServiceFlags.DECOMMISSIONED, future),
            FakeCluster.service(BlockServiceFlags.DECOMMISSIONED, future),
            FakeCluster.service(BlockServiceFlags.STALE, future),
            FakeCluster.service(BlockServiceFlags.STALE, future),
            FakeCluster.service(0, future),
            FakeCluster.service(0, now - 60 * SECOND),
            FakeCluster.service(BlockServiceFlags.NO_WRITE, now)));
    Alerts alerts = new Alerts();
    assertDoesNotThrow(() -> new ClockCheck(cluster, () -> now, alerts).require());
    assertEquals(Map.of(), alerts.active());
    assertThrows(IOException.class, () -> new ClockCheck(cluster, () -> wrong, alerts).require());

    // With nobody left to compare with, what is old is no reason for trust.
    cluster.setServices(List.of(FakeCluster.service(BlockServiceFlags.STALE, now)));
    assertThrows(IOException.class, () -> new ClockCheck(cluster, () -> wrong, alerts).require());
  }

  @Test
  void housekeepingVisitsItsShards() throws Exception {
    FakeCluster cluster = new FakeCluster();
    Alerts alerts = new Alerts();
    BitSet shards = new BitSet();
    shards.set(2, 4);
    cluster.addDirectory(0x2000_0000_0000_0102L, 0, null);
    for (int i = 1; i < 6; i++) {
      cluster.addTransient(0x4000_0000_0000_0003L + 256L * i, 1);
    }
    CountJob count = new CountJob(cluster, shards, true, alerts);
    count.run();
    assertEquals(new CountJob.Counts(1, 1, 0), count.counts(2));
    assertEquals(new CountJob.Counts(1, 0, 5), count.counts(3));
    assertEquals(
        "{files=2, directories=1, transient_files=5, cycles=1, failed_cycles=0}",
        count.counters().values().toString());

    ZeroBlockServiceFilesJob zero = new ZeroBlockServiceFilesJob(cluster, shards, true, alerts);
    zero.run();
    assertEquals(6, cluster.requests(RemoveZeroBlockServiceFilesRequest.class).size());
    assertEquals(12, zero.counters().values().get("zero_block_service_files_removed"));
    cluster.setFault(
        request -> {
          throw new IOException("down");
        });
    zero.run();
    count.run();
    assertEquals(1, zero.counters().values().get("failed_cycles"));
    assertEquals(5, count.counters().values().get("transient_files"));
    assertEquals(2, alerts.active().size());
  }
}
