package org.eggsfs.gc.collect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.SnapshotPolicy;
import org.junit.jupiter.api.Test;

/**
 * Goal: the decision what to give up is that of gc.md section 3 with our difference. Method: the
 * examples of that section; any history against a reference that states the rules edge by edge, and
 * against TernFS's own rule; and what must hold of any decision.
 */
class CollectPolicyTest {
  private static final long HOUR = 3_600_000_000_000L;
  private static final long DAY = 24 * HOUR;
  private static final long FILE = InodeIds.of(InodeIds.FILE, 7, 3);

  private static Edge edge(char kind, long time) {
    byte[] name = "f".getBytes(StandardCharsets.UTF_8);
    return switch (kind) {
      case 'D' -> new Edge(false, InodeIds.NULL, 1, name, time);
      case 'o' -> new Edge(false, InodeIds.withExtra(FILE, true), 1, name, time);
      case 'n' -> new Edge(false, FILE, 1, name, time);
      case '*' -> new Edge(true, FILE, 1, name, time);
      default -> throw new IllegalArgumentException("kind " + kind);
    };
  }

  /** A history such as {@code o1 D3}: kind and day; a time in minutes is written {@code o1m}. */
  private static List<Edge> history(String text) {
    List<Edge> edges = new ArrayList<>();
    for (String word : text.split(" ", -1)) {
      edges.add(edge(word.charAt(0), Long.parseLong(word.substring(1)) * DAY));
    }
    return edges;
  }

  private static SnapshotPolicy policy(long time, int versions) {
    return new SnapshotPolicy(
        time < 0 ? 0 : time | Long.MIN_VALUE, versions < 0 ? 0 : versions | 1 << 15);
  }

  private static final SnapshotPolicy NONE = policy(-1, -1);

  private static void check(int count, String history, SnapshotPolicy policy, int day) {
    assertEquals(count, CollectPolicy.removable(policy, history(history), day * DAY, 0), history);
  }

  @Test
  void examplesOfTheSpecification() {
    check(2, "n1 D2", policy(-1, 0), 3);
    check(2, "n1 D2", policy(0, -1), 3);
    String four = "n1 n3 D5 n7";
    check(0, four, policy(-1, 10), 100);
    check(1, four, policy(-1, 2), 100);
    check(3, four, policy(-1, 1), 100);
    check(0, "o1 D3", policy(2 * DAY, -1), 4);
    check(2, "o1 D3", policy(2 * DAY, -1), 10);
    check(0, "o1 *3", policy(2 * DAY, -1), 4);
    check(1, "o1 *3", policy(2 * DAY, -1), 10);
    check(1, "n1", policy(2 * DAY, -1), 4);
    check(0, "*1", policy(HOUR, -1), 5);
    check(2, "o1 D3 o20 D30", policy(5 * DAY, -1), 31);
    check(1, "o1 o3 *9", policy(5 * DAY, 1), 10);
    check(1, "D1 *2", NONE, 3);
    check(0, "o1 o3 D9", NONE, 1_000);
    check(0, "o1 o3 *9", policy(2_000 * DAY, 32_767), 1_000);
  }

  @Test
  void theMinimumAgeCountsFromWhenTheEdgeBecamePast() {
    long now = 100 * DAY;
    long minute = HOUR / 60;
    List<Edge> deletedNow = List.of(edge('o', now - 90 * DAY), edge('D', now - minute));
    // TernFS gives up all of these.
    assertEquals(0, CollectPolicy.removable(policy(-1, 0), deletedNow, now, HOUR));
    List<Edge> deletedSoon = List.of(edge('o', now - 90 * DAY), edge('D', now - 30 * minute));
    assertEquals(0, CollectPolicy.removable(policy(10 * minute, -1), deletedSoon, now, HOUR));
    List<Edge> replacedNow = List.of(edge('o', now - 90 * DAY), edge('*', now - minute));
    assertEquals(0, CollectPolicy.removable(policy(0, 0), replacedNow, now, HOUR));
    // And so it is when the hour is over.
    assertEquals(2, CollectPolicy.removable(policy(-1, 0), deletedNow, now + HOUR, HOUR));
    assertEquals(2, CollectPolicy.removable(policy(0, -1), deletedSoon, now + HOUR, HOUR));
    assertEquals(1, CollectPolicy.removable(policy(0, 0), replacedNow, now + HOUR, HOUR));
    // A young version in TernFS's sense.
    List<Edge> young = List.of(edge('o', now - 30 * minute), edge('D', now - minute));
    assertEquals(0, CollectPolicy.removable(policy(-1, 0), young, now, HOUR));
  }

  @Test
  void borders() {
    // Exactly as old as wanted is not older.
    assertEquals(0, CollectPolicy.removable(policy(DAY, -1), history("o1 D2"), 3 * DAY, 0));
    assertEquals(2, CollectPolicy.removable(policy(DAY, -1), history("o1 D2"), 3 * DAY + 1, 0));
    assertEquals(0, CollectPolicy.removable(policy(-1, 0), history("o1 D2"), 3 * DAY, DAY));
    assertEquals(0, CollectPolicy.removable(policy(0, 0), List.of(), DAY, 0));
    // What was made in our future, as when clocks differ, stays.
    assertEquals(0, CollectPolicy.removable(policy(0, 0), history("o5 D6"), 3 * DAY, 0));
    // The longest time there is means for ever.
    assertEquals(
        0, CollectPolicy.removable(policy(Long.MAX_VALUE, -1), history("o1 D2"), 90 * DAY, 0));
    // What owned its file but seems to have nothing after it is being changed while we read.
    assertEquals(0, CollectPolicy.removable(policy(0, 0), history("o1"), 90 * DAY, 0));
    assertEquals(1, CollectPolicy.removable(policy(0, 0), history("o1 o2"), 90 * DAY, 0));
  }

  @Test
  void whatIsNoHistoryOfOneNameIsRefused() {
    assertThrows(
        IllegalArgumentException.class,
        () -> CollectPolicy.removable(NONE, history("*1 o2"), DAY, 0));
    assertThrows(
        IllegalArgumentException.class,
        () -> CollectPolicy.removable(NONE, history("o3 D2"), DAY, 0));
    List<Edge> twoNames = List.of(edge('o', 1), new Edge(false, 0, 2, new byte[] {'g'}, 2));
    assertThrows(
        IllegalArgumentException.class, () -> CollectPolicy.removable(NONE, twoNames, DAY, 0));
  }

  /**
   * Histories as shards make them: times ascend, each deletion follows something, an owned edge is
   * followed by another one.
   */
  @Provide
  Arbitrary<List<Edge>> histories() {
    Arbitrary<Integer> gaps = Arbitraries.of(1, 1, 2, 3, 10, 40);
    Arbitrary<Character> kinds = Arbitraries.of('o', 'o', 'n', 'D');
    Arbitrary<Character> ends = Arbitraries.of('*', 'D', '-');
    return Combinators.combine(
            Combinators.combine(kinds, gaps)
                .as((kind, gap) -> kind + ":" + gap)
                .list()
                .ofMaxSize(9),
            ends)
        .as(CollectPolicyTest::make);
  }

  private static List<Edge> make(List<String> steps, char end) {
    List<Edge> edges = new ArrayList<>();
    long time = 0;
    char last = 'D';
    for (String step : steps) {
      time += Integer.parseInt(step.substring(2)) * HOUR;
      char kind = step.charAt(0);
      if (kind == 'D' && last == 'D') {
        kind = 'n';
      }
      edges.add(edge(kind, time));
      last = kind;
    }
    if (end == '*' || (last == 'o' && end == '-')) {
      edges.add(edge('*', time + HOUR));
    } else if (end == 'D' && last != 'D') {
      edges.add(edge('D', time + HOUR));
    }
    return edges;
  }

  @Provide
  Arbitrary<SnapshotPolicy> policies() {
    return Combinators.combine(
            Arbitraries.of(-1L, 0L, HOUR, 5 * HOUR, 30 * HOUR), Arbitraries.of(-1, 0, 1, 2, 5))
        .as(CollectPolicyTest::policy);
  }

  /** The rules, said of each edge by itself. */
  private static int reference(SnapshotPolicy policy, List<Edge> edges, long now, long minAge) {
    long wantedNanos = policy.deleteAfterTime() & Long.MAX_VALUE;
    int wantedVersions = policy.deleteAfterVersions() & 0x7fff;
    boolean[] goes = new boolean[edges.size()];
    for (int i = 0; i < edges.size(); i++) {
      Edge edge = edges.get(i);
      if (edge.current()) {
        continue;
      }
      boolean deletion = edge.targetId() == 0;
      boolean owned = edge.targetId() < 0;
      boolean last = i + 1 == edges.size();
      if (last && owned) {
        continue;
      }
      long pastSince = deletion || last ? edge.creationTime() : edges.get(i + 1).creationTime();
      boolean old = now - pastSince > minAge;
      long newerVersions =
          edges.subList(i + 1, edges.size()).stream()
              .filter(e -> !e.current() && e.targetId() != 0)
              .count();
      boolean byTime = policy.deleteAfterTime() < 0 && now - pastSince > wantedNanos;
      boolean byVersions =
          policy.deleteAfterVersions() >= 1 << 15 && !deletion && newerVersions >= wantedVersions;
      goes[i] = old && (byTime || byVersions);
    }
    int count =
        IntStream.range(0, goes.length).filter(i -> goes[i]).map(i -> i + 1).max().orElse(0);
    boolean danglingDeletion = count < edges.size() && edges.get(count).targetId() == 0;
    return danglingDeletion ? count + 1 : count;
  }

  /** TernFS's rule, step by step as gc.md section 3 has it. */
  private static int ternFs(SnapshotPolicy policy, List<Edge> edges, long now, long minAge) {
    int last = edges.size() - 1;
    if (last >= 0 && edges.get(last).current()) {
      last--;
    }
    int byVersions = 0;
    if (policy.deleteAfterVersions() >= 1 << 15) {
      int versions = 0;
      for (int i = last; i >= 0 && byVersions == 0; i--) {
        if (edges.get(i).targetId() == 0) {
          continue;
        }
        if (versions >= (policy.deleteAfterVersions() & 0x7fff)
            && now - edges.get(i).creationTime() > minAge) {
          byVersions = i + 1;
        }
        versions++;
      }
    }
    int byTime = 0;
    if (policy.deleteAfterTime() < 0) {
      long wanted = policy.deleteAfterTime() & Long.MAX_VALUE;
      int i = last;
      while (i >= 0 && now - edges.get(i).creationTime() <= Math.max(wanted, minAge)) {
        i--;
      }
      if (i >= 0) {
        Edge edge = edges.get(i);
        boolean ended = edge.targetId() < 0 || (edge.targetId() != 0 && i + 1 < edges.size());
        boolean endedLongAgo = ended && now - edges.get(i + 1).creationTime() > wanted;
        byTime = !ended || endedLongAgo ? i + 1 : i;
      }
    }
    int count = Math.max(byVersions, byTime);
    return count < edges.size() && !edges.get(count).current() && edges.get(count).targetId() == 0
        ? count + 1
        : count;
  }

  @Property(tries = 4000)
  void decisionsAreThoseOfTheRules(
      @ForAll("histories") List<Edge> edges,
      @ForAll("policies") SnapshotPolicy policy,
      @ForAll @IntRange(max = 150) int nowHours,
      @ForAll @IntRange(max = 20) int minAgeHours) {
    long now = nowHours * HOUR + 1;
    long minAge = minAgeHours * HOUR;
    int count = CollectPolicy.removable(policy, edges, now, minAge);
    assertEquals(
        reference(policy, edges, now, minAge),
        count,
        () -> String.format(Locale.ROOT, "%s %s now %d min %d", edges, policy, now, minAge));
    // Ours only ever keeps more than TernFS, and as much when there is no minimum age.
    int theirs = ternFs(policy, edges, now, minAge);
    assertTrue(count <= theirs, () -> count + " instead of " + theirs);
    boolean everythingIsPast = edges.isEmpty() || edges.getLast().creationTime() < now;
    if (minAge == 0 && everythingIsPast) {
      assertEquals(theirs, count);
    }
  }

  @Property(tries = 2000)
  void whatRemainsIsAHistoryAndStays(
      @ForAll("histories") List<Edge> edges,
      @ForAll("policies") SnapshotPolicy policy,
      @ForAll @IntRange(max = 150) int nowHours,
      @ForAll @IntRange(max = 20) int minAgeHours) {
    long now = nowHours * HOUR;
    int count = CollectPolicy.removable(policy, edges, now, minAgeHours * HOUR);
    assertTrue(edges.subList(0, count).stream().noneMatch(Edge::current));
    List<Edge> rest = edges.subList(count, edges.size());
    if (!rest.isEmpty()) {
      assertFalse(CollectPolicy.isDeletion(rest.getFirst()));
    }
    // A second collector that sees what the first has left agrees with it.
    assertEquals(0, CollectPolicy.removable(policy, rest, now, minAgeHours * HOUR));
  }

  @Property(tries = 2000)
  void laterNeverGivesUpLess(
      @ForAll("histories") List<Edge> edges,
      @ForAll("policies") SnapshotPolicy policy,
      @ForAll @IntRange(max = 150) int nowHours,
      @ForAll @IntRange(max = 50) int laterHours,
      @ForAll @IntRange(max = 20) int minAgeHours) {
    long minAge = minAgeHours * HOUR;
    int now = CollectPolicy.removable(policy, edges, nowHours * HOUR, minAge);
    int later = CollectPolicy.removable(policy, edges, (nowHours + laterHours) * HOUR, minAge);
    assertTrue(now <= later, () -> now + " and later " + later);
  }
}
