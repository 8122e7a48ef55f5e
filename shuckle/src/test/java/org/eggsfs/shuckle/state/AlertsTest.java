package org.eggsfs.shuckle.state;

import static org.eggsfs.protocol.BlockServiceFlags.DECOMMISSIONED;
import static org.eggsfs.protocol.BlockServiceFlags.NO_WRITE;
import static org.eggsfs.protocol.BlockServiceFlags.STALE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;
import org.junit.jupiter.api.Test;

/** Goal: operators hear of what matters, and of nothing else. */
class AlertsTest {
  private static final long NOW = 1_000_000 * Harness.HOUR;
  private static final long CAPACITY = 2L << 40;

  private final List<FullBlockServiceInfo> rows = new ArrayList<>();

  private void add(long id, int domain, int flags, boolean hasFiles, long available, long changed) {
    RegisterBlockServiceInfo r =
        TestRows.registration(id, 0, "d" + domain, StorageClass.HDD, available);
    rows.add(
        new FullBlockServiceInfo(
            id,
            0,
            r.addrs(),
            StorageClass.HDD,
            r.failureDomain(),
            r.secretKey(),
            flags,
            r.capacityBytes(),
            available,
            0,
            1,
            1,
            changed,
            hasFiles,
            r.path()));
  }

  private Set<Alerts.Alert> alerts(Long... avoided) {
    return Alerts.of(rows, Set.of(avoided), 3, NOW);
  }

  private Alerts.Alert only(Long... avoided) {
    Set<Alerts.Alert> all = alerts(avoided);
    assertEquals(1, all.size(), all.toString());
    return all.iterator().next();
  }

  @Test
  void aHealthyClusterIsQuiet() {
    for (int i = 1; i <= 20; i++) {
      add(i, i, 0, true, CAPACITY / 2, NOW);
    }
    // What operators do is no news to them, and a dead disk without files no danger.
    add(30, 30, NO_WRITE, true, CAPACITY / 2, NOW);
    add(31, 31, STALE, false, CAPACITY / 2, NOW);
    add(32, 32, DECOMMISSIONED, false, 0, 1);
    assertEquals(Set.of(), alerts());
  }

  @Test
  void unreadableDomainsAreUrgentFromALimitOn() {
    add(1, 1, STALE, true, CAPACITY, NOW);
    add(2, 1, DECOMMISSIONED, true, CAPACITY, NOW);
    add(3, 2, STALE, true, CAPACITY, NOW);
    Alerts.Alert two = only();
    assertFalse(two.isUrgent());
    assertTrue(two.text().contains("2 failure domains"), two.text());
    add(4, 3, STALE, true, CAPACITY, NOW);
    Alerts.Alert three = only();
    assertTrue(three.isUrgent());
    assertTrue(three.text().contains("d1, d2, d3"), three.text());
  }

  @Test
  void unwellDisksAreNamed() {
    add(7, 1, NO_WRITE, true, CAPACITY, NOW);
    assertTrue(only(7L).text().contains("0x0000000000000007"));
  }

  @Test
  void decommissionedDisksAreExpectedToBeEmptied() {
    add(1, 1, DECOMMISSIONED, true, CAPACITY, NOW - Alerts.EMPTY_AFTER_NANOS);
    assertEquals(1, alerts().size(), "only that its domain is unreadable");
    rows.clear();
    add(1, 1, DECOMMISSIONED, true, CAPACITY, NOW - Alerts.EMPTY_AFTER_NANOS - 1);
    assertEquals(2, alerts().size());
    assertTrue(alerts().stream().anyMatch(alert -> alert.text().contains("36 h")));
  }

  @Test
  void twoLivingServicesAtOnePath() {
    add(1, 1, 0, true, CAPACITY, NOW);
    rows.add(rows.getFirst());
    assertTrue(only().text().contains("host:/disk1"));
    rows.clear();
    add(1, 1, 0, true, CAPACITY, NOW);
    add(1, 1, STALE, false, CAPACITY, NOW);
    assertEquals(Set.of(), alerts());
  }

  @Test
  void tightSpaceIsCountedWhereItCanBeUsed() {
    add(1, 1, 0, true, CAPACITY / 20, NOW);
    assertTrue(only().text().contains("HDD"));
    // A disk nobody may write to helps nobody.
    add(2, 2, NO_WRITE, true, CAPACITY, NOW);
    assertEquals(1, alerts().size());
    add(3, 3, 0, true, CAPACITY / 4, NOW);
    assertEquals(Set.of(), alerts());
  }
}
