package org.eggsfs.shuckle.state;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;
import org.junit.jupiter.api.Test;

/** The assignment (shuckle.md section 7): legal, even, and changed as little as possible. */
class AssignerTest {
  private static final int SHARDS = 256;

  private static FullBlockServiceInfo row(
      long id, int domain, int storageClass, long available, int flags) {
    RegisterBlockServiceInfo r =
        TestRows.registration(id, 0, "domain" + domain, storageClass, available);
    return new FullBlockServiceInfo(
        id,
        0,
        r.addrs(),
        storageClass,
        r.failureDomain(),
        r.secretKey(),
        flags,
        r.capacityBytes(),
        available,
        0,
        1,
        1,
        1,
        false,
        r.path());
  }

  private static List<FullBlockServiceInfo> cluster(int domains, int perDomain) {
    List<FullBlockServiceInfo> rows = new ArrayList<>();
    for (int domain = 0; domain < domains; domain++) {
      for (int disk = 0; disk < perDomain; disk++) {
        long id = domain * 100L + disk + 1;
        rows.add(row(id, domain, StorageClass.HDD, 1500 + (id * 7919) % 400, 0));
      }
    }
    return rows;
  }

  private static Assignment compute(List<FullBlockServiceInfo> rows, Assignment previous) {
    return Assigner.compute(rows, previous, -1, 28, 42).assignment();
  }

  private static Map<Long, Integer> loads(Assignment assignment) {
    Map<Long, Integer> loads = new HashMap<>();
    for (long[] ids : assignment.services()) {
      for (long id : ids) {
        loads.merge(id, 1, Integer::sum);
      }
    }
    return loads;
  }

  private static void assertLegal(
      Assignment assignment, List<FullBlockServiceInfo> rows, int expectedPerShard) {
    Map<Long, FullBlockServiceInfo> byId = new HashMap<>();
    rows.forEach(row -> byId.put(row.id(), row));
    for (long[] ids : assignment.services()) {
      assertEquals(expectedPerShard, ids.length);
      Set<FailureDomain> domains = new HashSet<>();
      for (long id : ids) {
        FullBlockServiceInfo row = byId.get(id);
        assertEquals(0, row.flags());
        assertTrue(row.availableBytes() != 0);
        assertTrue(domains.add(row.failureDomain()), "one service per failure domain");
      }
    }
  }

  private static void assertEven(Assignment assignment, int services) {
    Map<Long, Integer> loads = loads(assignment);
    assertEquals(services, loads.size(), "every service is used");
    int most = loads.values().stream().max(Integer::compare).orElseThrow();
    int least = loads.values().stream().min(Integer::compare).orElseThrow();
    assertTrue(most - least <= 1, least + " to " + most);
  }

  private static int differences(Assignment a, Assignment b) {
    int count = 0;
    for (int shard = 0; shard < SHARDS; shard++) {
      Set<Long> old = new HashSet<>(Arrays.stream(a.services()[shard]).boxed().toList());
      for (long id : b.services()[shard]) {
        if (!old.contains(id)) {
          count++;
        }
      }
    }
    return count;
  }

  @Test
  void everyDomainIsUsedWhileThereAreFew() {
    List<FullBlockServiceInfo> rows = cluster(18, 10);
    Assignment assignment = compute(rows, Assignment.EMPTY);
    assertLegal(assignment, rows, 18);
    assertEven(assignment, 180);
  }

  @Test
  void atMostTwentyEightAreHandedOutAndAllDomainsAreUsedEvenly() {
    List<FullBlockServiceInfo> rows = cluster(60, 3);
    Assignment assignment = compute(rows, Assignment.EMPTY);
    assertLegal(assignment, rows, 28);
    assertEven(assignment, 180);
  }

  @Test
  void smallClustersGetWhatThereIs() {
    List<FullBlockServiceInfo> rows = cluster(1, 3);
    assertLegal(compute(rows, Assignment.EMPTY), rows, 1);
    assertEven(compute(rows, Assignment.EMPTY), 3);
    assertEquals(Assignment.EMPTY, compute(List.of(), Assignment.EMPTY));
    Assigner.Outcome outcome = Assigner.compute(rows, Assignment.EMPTY, -1, 28, 1);
    assertEquals(Map.of(new Assigner.Pool(0, StorageClass.HDD), 1), outcome.domains());
  }

  @Test
  void classesAreDealtSeparately() {
    List<FullBlockServiceInfo> rows = new ArrayList<>(cluster(5, 2));
    for (int domain = 0; domain < 5; domain++) {
      rows.add(row(1000 + domain, domain, StorageClass.FLASH, 10, 0));
    }
    Assignment assignment = compute(rows, Assignment.EMPTY);
    for (long[] ids : assignment.services()) {
      assertEquals(10, ids.length);
      assertEquals(5, Arrays.stream(ids).filter(id -> id >= 1000).count());
    }
  }

  @Test
  void unwritableFullAndRecentlyChangedServicesAreLeftOut() {
    List<FullBlockServiceInfo> rows =
        List.of(
            row(1, 1, StorageClass.HDD, 5, 0),
            row(2, 2, StorageClass.HDD, 5, 1),
            row(3, 3, StorageClass.HDD, 5, 4),
            row(4, 4, StorageClass.HDD, 5, 8),
            row(5, 5, StorageClass.HDD, 0, 0),
            row(6, 6, StorageClass.HDD, 5, 2));
    assertEquals(Set.of(1L, 6L), loads(compute(rows, Assignment.EMPTY)).keySet());
    assertEquals(Assignment.EMPTY, Assigner.compute(rows, Assignment.EMPTY, 0, 28, 1).assignment());
  }

  /** Jobs that make the same few directories each time write to every n-th shard only. */
  @Test
  void everyNthShardHoldsItsShareOfEachDisk() {
    for (Assignment previous :
        List.of(Assignment.EMPTY, compute(cluster(14, 1), Assignment.EMPTY))) {
      Assignment assignment = compute(cluster(16, 2), previous);
      for (int step : new int[] {2, 3, 4, 8}) {
        for (int first = 0; first < step; first++) {
          Map<Long, Integer> loads = new HashMap<>();
          for (int shard = first; shard < SHARDS; shard += step) {
            for (long id : assignment.services()[shard]) {
              loads.merge(id, 1, Integer::sum);
            }
          }
          assertEquals(32, loads.size(), "every " + step + ". shard from " + first);
          // Half of them hold it; four standard deviations of such a choice.
          int shards = (SHARDS - first + step - 1) / step;
          double half = shards / 2.0;
          double off = 4 * Math.sqrt(shards) / 2;
          loads.forEach((id, load) -> assertEquals(half, load, off, "service " + id));
        }
      }
    }
  }

  /** Else a job in a few directories might use half of all disks only. */
  @Test
  void disksOfDifferentDomainsAreNotInStep() {
    for (int domains = 14; domains <= 20; domains++) {
      List<FullBlockServiceInfo> rows = new ArrayList<>();
      for (FullBlockServiceInfo row : cluster(domains, 2)) {
        rows.add(row(row.id(), (int) (row.id() / 100), StorageClass.HDD, 1000, 0));
      }
      for (Assignment previous :
          List.of(Assignment.EMPTY, compute(cluster(domains, 1), Assignment.EMPTY))) {
        Assignment assignment = compute(rows, previous);
        assertLegal(assignment, rows, domains);
        assertEven(assignment, 2 * domains);
        Set<Set<Long>> different = new HashSet<>();
        for (long[] ids : assignment.services()) {
          different.add(new HashSet<>(Arrays.stream(ids).boxed().toList()));
        }
        assertTrue(different.size() > 200, domains + " domains: " + different.size() + " sets");
      }
    }
  }

  @Test
  void theEmptiestDisksComeFirst() {
    List<FullBlockServiceInfo> rows = new ArrayList<>();
    for (int domain = 0; domain < 40; domain++) {
      for (int disk = 0; disk < 300; disk++) {
        long id = domain * 1000L + disk + 1;
        rows.add(row(id, domain, StorageClass.HDD, disk + 1, 0));
      }
    }
    // 12,000 disks for 7,168 places: the fullest of each domain stay unused.
    Map<Long, Integer> loads = loads(compute(rows, Assignment.EMPTY));
    for (int domain = 0; domain < 40; domain++) {
      assertTrue(loads.containsKey(domain * 1000L + 300));
      assertTrue(!loads.containsKey(domain * 1000L + 1));
    }
  }

  @Test
  void sharesFollowTheFreeSpaceWithinLimits() {
    List<FullBlockServiceInfo> rows = new ArrayList<>();
    for (int domain = 0; domain < 20; domain++) {
      for (int disk = 0; disk < 10; disk++) {
        rows.add(row(domain * 100L + disk + 1, domain, StorageClass.HDD, 1000, 0));
      }
      rows.add(row(domain * 100L + 50, domain, StorageClass.HDD, 2000, 0));
      rows.add(row(domain * 100L + 51, domain, StorageClass.HDD, 500, 0));
      rows.add(row(domain * 100L + 52, domain, StorageClass.HDD, 1, 0));
    }
    Assignment assignment = compute(rows, Assignment.EMPTY);
    assertLegal(assignment, rows, 20);
    Map<Long, Integer> loads = loads(assignment);
    double share = SHARDS / (10 + 2 + 0.5 + 0.25);
    for (int domain = 0; domain < 20; domain++) {
      assertEquals(share, loads.get(domain * 100L + 1), 2);
      assertEquals(2 * share, loads.get(domain * 100L + 50), 2);
      assertEquals(share / 2, loads.get(domain * 100L + 51), 2);
      assertEquals(share / 4, loads.get(domain * 100L + 52), 2);
    }
    // What was written meanwhile does not move anything while it is little.
    List<FullBlockServiceInfo> later = new ArrayList<>();
    for (FullBlockServiceInfo row : rows) {
      int domain = Integer.parseInt(new String(row.failureDomain().name(), 6, 2, UTF_8).trim());
      later.add(
          row(row.id(), domain, StorageClass.HDD, Math.max(1, row.availableBytes() * 95 / 100), 0));
    }
    assertEquals(assignment, compute(later, assignment));
  }

  @Test
  void shardsMoveToDisksThatGotSpaceAndOnlyAsManyAsNeeded() {
    List<FullBlockServiceInfo> rows = cluster(18, 10);
    Assignment first = compute(rows, Assignment.EMPTY);
    List<FullBlockServiceInfo> emptied =
        rows.stream()
            .map(row -> row.id() == 301 ? row(301, 3, StorageClass.HDD, 50_000, 0) : row)
            .toList();
    Assignment second = compute(emptied, first);
    assertLegal(second, emptied, 18);
    int moved = loads(second).get(301L) - loads(first).get(301L);
    assertTrue(moved > 2 * loads(first).get(301L), moved + " of " + loads(first).get(301L));
    assertEquals(moved, differences(first, second));
  }

  @Test
  void unchangedCandidatesKeepTheAssignment() {
    List<FullBlockServiceInfo> rows = cluster(40, 5);
    Assignment first = compute(rows, Assignment.EMPTY);
    assertEquals(first, Assigner.compute(rows, first, -1, 28, 7).assignment());
  }

  @Test
  void aLostDiskChangesOnlyItsOwnEntries() {
    List<FullBlockServiceInfo> rows = cluster(40, 5);
    Assignment first = compute(rows, Assignment.EMPTY);
    int load = loads(first).get(1L);
    List<FullBlockServiceInfo> fewer = rows.stream().filter(row -> row.id() != 1).toList();
    Assignment second = compute(fewer, first);
    assertLegal(second, fewer, 28);
    assertEven(second, 199);
    assertTrue(differences(first, second) <= 2 * load, "" + differences(first, second));
  }

  @Test
  void aNewDiskTakesItsShareAndNoMore() {
    List<FullBlockServiceInfo> rows = cluster(18, 10);
    Assignment first = compute(rows, Assignment.EMPTY);
    List<FullBlockServiceInfo> more = new ArrayList<>(rows);
    more.add(row(5000, 3, StorageClass.HDD, 1700, 0));
    Assignment second = compute(more, first);
    assertLegal(second, more, 18);
    int share = loads(second).get(5000L);
    assertTrue(share >= SHARDS / 11 - 1 && share <= SHARDS / 11 + 1, "" + share);
    assertTrue(differences(first, second) <= share + 2);
  }

  @Property(tries = 200)
  void isLegalWhateverCameBefore(
      @ForAll @IntRange(min = 0, max = 45) int domainsBefore,
      @ForAll @IntRange(min = 1, max = 45) int domains,
      @ForAll @IntRange(min = 1, max = 6) int perDomain,
      @ForAll @IntRange(min = 1, max = 30) int max,
      @ForAll long seed) {
    Assignment before = compute(cluster(domainsBefore, 3), Assignment.EMPTY);
    List<FullBlockServiceInfo> rows = cluster(domains, perDomain);
    Assignment after = Assigner.compute(rows, before, -1, max, seed).assignment();
    assertLegal(after, rows, Math.min(max, domains));
    // Evenly: no domain is bigger than another here.
    assertEven(after, Math.min(domains * perDomain, SHARDS * Math.min(max, domains)));
  }
}
