package org.eggsfs.gc.collect;

import java.util.Arrays;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.SnapshotPolicy;

/**
 * Which past edges of a name a snapshot policy gives up (gc.md section 3). Pure.
 *
 * <p>An edge is <em>past</em> since the moment when the next edge of the name was made; a deletion
 * is past from its own beginning. An edge goes when it has been past for longer than a rule of the
 * policy wants it kept, and for longer than the minimum age. The rules:
 *
 * <ul>
 *   <li>time T: an edge goes when it has been past for longer than T;
 *   <li>versions N: of the edges that are no deletions and not current the newest N stay.
 * </ul>
 *
 * <p>When either rule gives an edge up, so it does all older ones. A deletion that would become the
 * first edge of its name goes too, whatever its age.
 *
 * <p>This differs from TernFS, which measures the minimum age of a version from when it was
 * written: there a file that was deleted a minute ago may be collected at once. Ours only ever
 * keeps more.
 *
 * <p>A later time never gives up less, so several collectors may decide at the same time.
 */
public final class CollectPolicy {
  private static final long TIME_ACTIVE = Long.MIN_VALUE;
  private static final int VERSIONS_ACTIVE = 1 << 15;

  /** The age of what is not past: no rule gives it up. */
  private static final long NOT_PAST = Long.MIN_VALUE;

  private CollectPolicy() {}

  private static boolean hasTime(SnapshotPolicy policy) {
    return (policy.deleteAfterTime() & TIME_ACTIVE) != 0;
  }

  private static boolean hasVersions(SnapshotPolicy policy) {
    return (policy.deleteAfterVersions() & VERSIONS_ACTIVE) != 0;
  }

  /**
   * How many edges go, counted from the oldest.
   *
   * @param edges all edges of one name by ascending creation time; only the last may be current
   * @param nowNanos the time
   * @param minAgeNanos for how long an edge must have been past at least
   * @throws IllegalArgumentException if these are not the edges of one name in order
   */
  public static int removable(
      SnapshotPolicy policy, List<Edge> edges, long nowNanos, long minAgeNanos) {
    check(edges);
    int count = 0;
    if (hasTime(policy)) {
      long keepNanos = Math.max(policy.deleteAfterTime() & ~TIME_ACTIVE, minAgeNanos);
      count = expired(edges, nowNanos, keepNanos);
    }
    if (hasVersions(policy)) {
      int versions = policy.deleteAfterVersions() & (VERSIONS_ACTIVE - 1);
      count = Math.max(count, surplus(edges, nowNanos, versions, minAgeNanos));
    }
    // What was deleted is gone, so that it was deleted says nothing any more.
    return count < edges.size() && isDeletion(edges.get(count)) ? count + 1 : count;
  }

  private static int expired(List<Edge> edges, long nowNanos, long keepNanos) {
    int i = snapshots(edges);
    while (i > 0 && !(pastFor(edges, i - 1, nowNanos) > keepNanos)) {
      i--;
    }
    return i;
  }

  private static int surplus(List<Edge> edges, long nowNanos, int versions, long minAgeNanos) {
    int kept = 0;
    for (int i = snapshots(edges) - 1; i >= 0; i--) {
      if (!isDeletion(edges.get(i))) {
        if (kept >= versions && pastFor(edges, i, nowNanos) > minAgeNanos) {
          return i + 1;
        }
        kept++;
      }
    }
    return 0;
  }

  /** How many edges are not current. */
  private static int snapshots(List<Edge> edges) {
    return !edges.isEmpty() && edges.getLast().current() ? edges.size() - 1 : edges.size();
  }

  /** For how long an edge has been past. */
  private static long pastFor(List<Edge> edges, int index, long nowNanos) {
    Edge edge = edges.get(index);
    if (isDeletion(edge)) {
      return nowNanos - edge.creationTime();
    }
    if (index + 1 < edges.size()) {
      return nowNanos - edges.get(index + 1).creationTime();
    }
    // What owned its file always has an edge after it: we are reading while the name changes.
    return isOwned(edge) ? NOT_PAST : nowNanos - edge.creationTime();
  }

  static boolean isDeletion(Edge edge) {
    return !edge.current() && InodeIds.withoutExtra(edge.targetId()) == InodeIds.NULL;
  }

  /** Whether a snapshot edge keeps its file alive. */
  static boolean isOwned(Edge edge) {
    return !edge.current() && InodeIds.extra(edge.targetId());
  }

  private static void check(List<Edge> edges) {
    for (int i = 1; i < edges.size(); i++) {
      Edge before = edges.get(i - 1);
      Edge edge = edges.get(i);
      if (before.current()) {
        throw new IllegalArgumentException("an edge follows the current edge of its name");
      }
      if (!Arrays.equals(before.name(), edge.name())) {
        throw new IllegalArgumentException("edges of two names");
      }
      if (before.creationTime() > edge.creationTime()) {
        throw new IllegalArgumentException("edges of a name are not in the order of their times");
      }
    }
  }
}
