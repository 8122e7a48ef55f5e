package org.eggsfs.tests.check;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.tests.scenario.Failure;

/**
 * Judges whether what clients saw of one directory's names is linearizable.
 *
 * <p>Every change tells the time of its edge, and times of one directory only grow: so there is one
 * order that the changes claim to have had, and no search for it is needed. The order must (1)
 * respect real time: what ended before another began is before it; (2) be legal: each change finds
 * the edge that it refers to; (3) be exactly what the directory remembers afterwards, nothing
 * twice, nothing unexplained; (4) explain each lookup and each refusal by a state that existed
 * while it ran.
 */
public final class NameHistory {
  private final List<Call> calls = new ArrayList<>();
  private int changes;
  private int lookups;
  private int refusals;
  private int assumed;

  /** An edge that a change made; the null inode is a deletion. */
  public record Made(String name, long target) {}

  /** An edge that a change needed. */
  public record Used(String name, long target, long creationTime) {}

  private record Version(long from, long target) {}

  /** Something begins; tell the result when it has ended. Thread-safe. */
  public Call begin() {
    return new Call(System.nanoTime());
  }

  /** One operation of a client. */
  public final class Call {
    private final long beginNanos;
    private long endNanos;
    private long time;
    private List<Used> used = List.of();
    private List<Made> made = List.of();
    private Used looked;
    private boolean isRefusal;
    private ErrorCode error;

    private Call(long beginNanos) {
      this.beginNanos = beginNanos;
    }

    private void end() {
      endNanos = System.nanoTime();
      synchronized (calls) {
        calls.add(this);
      }
    }

    /** A change succeeded; all its edges have this time. */
    public void changed(long edgeTime, List<Used> needed, List<Made> results) {
      time = edgeTime;
      used = needed;
      made = results;
      end();
    }

    /** A lookup found this, or nothing: the null inode. */
    public void saw(String name, long target, long creationTime) {
      looked = new Used(name, target, creationTime);
      end();
    }

    /** A change failed since the edge was another one. */
    public void refused(ErrorCode code, String name, long target, long creationTime) {
      error = code;
      isRefusal = true;
      looked = new Used(name, target, creationTime);
      end();
    }
  }

  /** How many operations of each kind were judged. */
  public Map<String, Integer> verdictCounts() {
    return new TreeMap<>(
        Map.of("changes", changes, "lookups", lookups, "refusals", refusals, "assumed", assumed));
  }

  /** Judges, comparing with what the directory remembers. */
  public void check(EggsClient client, long directory) throws IOException, EggsException, Failure {
    check(History.read(client, directory).edges());
  }

  void check(List<Edge> edges) throws Failure {
    List<Call> ordered = calls.stream().filter(call -> !call.made.isEmpty()).toList();
    ordered = new ArrayList<>(ordered);
    ordered.sort((a, b) -> Long.compareUnsigned(a.time, b.time));
    removeAssumed(ordered);
    changes = ordered.size();
    checkRealTime(ordered);
    Map<String, List<Version>> versions = replay(ordered);
    checkRemembered(edges, versions);
    checkSeen(ordered, versions);
  }

  /**
   * A client whose answer was lost, and whose edge is gone when it asks again, takes that for its
   * own doing (client.md section 2.3), also when another client's identical request did it, perhaps
   * before this one began. The effect must still be there once. Of the two, the call that began
   * first is certain to have run when it happened.
   */
  private void removeAssumed(List<Call> ordered) {
    for (int i = ordered.size() - 1; i > 0; i--) {
      Call later = ordered.get(i);
      Call earlier = ordered.get(i - 1);
      if (later.time == earlier.time
          && !later.used.isEmpty()
          && later.used.equals(earlier.used)
          && later.made.equals(earlier.made)) {
        ordered.remove(later.beginNanos < earlier.beginNanos ? i - 1 : i);
        assumed++;
      }
    }
  }

  private static void checkRealTime(List<Call> ordered) throws Failure {
    long latestBegin = Long.MIN_VALUE;
    for (int i = 0; i < ordered.size(); i++) {
      Call call = ordered.get(i);
      Failure.unless(
          i == 0 || ordered.get(i - 1).time != call.time, "two changes have the time " + call.time);
      Failure.unless(
          call.endNanos >= latestBegin || i == 0,
          "the change of time " + call.time + " ended before one began that is said to be earlier");
      latestBegin = i == 0 ? call.beginNanos : Math.max(latestBegin, call.beginNanos);
    }
  }

  private static Map<String, List<Version>> replay(List<Call> ordered) throws Failure {
    Map<String, List<Version>> versions = new HashMap<>();
    for (Call call : ordered) {
      for (Used used : call.used) {
        List<Version> own = versions.getOrDefault(used.name(), List.of());
        Failure.unless(
            !own.isEmpty()
                && own.getLast().target() == used.target()
                && own.getLast().from() == used.creationTime(),
            "the change of time "
                + call.time
                + " replaced an edge "
                + used.name()
                + " that was not there any more");
      }
      for (Made made : call.made) {
        versions
            .computeIfAbsent(made.name(), _ -> new ArrayList<>())
            .add(new Version(call.time, made.target()));
      }
    }
    return versions;
  }

  private static void checkRemembered(List<Edge> edges, Map<String, List<Version>> versions)
      throws Failure {
    Map<String, List<Version>> remembered = new HashMap<>();
    for (Edge edge : edges) {
      remembered
          .computeIfAbsent(History.text(edge.name()), _ -> new ArrayList<>())
          .add(new Version(edge.creationTime(), InodeIds.withoutExtra(edge.targetId())));
    }
    for (Map.Entry<String, List<Version>> entry : versions.entrySet()) {
      List<Version> found = remembered.remove(entry.getKey());
      Failure.unless(found != null, entry.getKey() + " is forgotten");
      found.sort(Comparator.comparingLong(Version::from));
      if (!found.equals(entry.getValue())) {
        throw new Failure(
            entry.getKey()
                + ": the directory remembers "
                + found.size()
                + " versions, the clients made "
                + entry.getValue().size()
                + "; first difference: "
                + firstDifference(found, entry.getValue()));
      }
    }
    Failure.unless(remembered.isEmpty(), "nobody made " + remembered.keySet());
  }

  private static String firstDifference(List<Version> found, List<Version> made) {
    int at = Arrays.mismatch(found.toArray(), made.toArray());
    return (at < found.size() ? found.get(at) : "nothing")
        + " remembered, "
        + (at < made.size() ? made.get(at) : "nothing")
        + " made";
  }

  private void checkSeen(List<Call> ordered, Map<String, List<Version>> versions) throws Failure {
    // Latest time of a change that had ended, by end; earliest of one that had not begun, by begin.
    long[] ends = ordered.stream().mapToLong(call -> call.endNanos).sorted().toArray();
    long[] newestByEnd = new long[ends.length];
    List<Call> byEnd = new ArrayList<>(ordered);
    byEnd.sort(Comparator.comparingLong(call -> call.endNanos));
    long newest = 0;
    for (int i = 0; i < ends.length; i++) {
      newest = Math.max(newest, byEnd.get(i).time);
      newestByEnd[i] = newest;
    }
    List<Call> byBegin = new ArrayList<>(ordered);
    byBegin.sort(Comparator.comparingLong(call -> call.beginNanos));
    long[] begins = byBegin.stream().mapToLong(call -> call.beginNanos).toArray();
    long[] oldestByBegin = new long[begins.length];
    long oldest = Long.MAX_VALUE;
    for (int i = begins.length - 1; i >= 0; i--) {
      oldest = Math.min(oldest, byBegin.get(i).time);
      oldestByBegin[i] = oldest;
    }
    for (Call call : calls) {
      if (call.looked == null) {
        continue;
      }
      int ended = countBelow(ends, call.beginNanos);
      long from = ended == 0 ? 0 : newestByEnd[ended - 1];
      int begun = countBelow(begins, call.endNanos);
      long to = begun == begins.length ? Long.MAX_VALUE : oldestByBegin[begun];
      checkSeen(call, versions.getOrDefault(call.looked.name(), List.of()), from, to);
    }
  }

  private static int countBelow(long[] sorted, long limit) {
    int at = Arrays.binarySearch(sorted, limit);
    int count = at < 0 ? -at - 1 : at;
    while (count > 0 && sorted[count - 1] >= limit) {
      count--;
    }
    return count;
  }

  /** Some state between {@code from}, inclusive, and {@code to} must explain it. */
  private void checkSeen(Call call, List<Version> own, long from, long to) throws Failure {
    boolean explained = false;
    Version before = new Version(0, InodeIds.NULL);
    for (int i = -1; i < own.size() && !explained; i++) {
      Version version = i < 0 ? before : own.get(i);
      long until = i + 1 < own.size() ? own.get(i + 1).from() : Long.MAX_VALUE;
      if (until > from && version.from() < to) {
        boolean same =
            version.target() == call.looked.target()
                && (version.target() == InodeIds.NULL
                    || version.from() == call.looked.creationTime());
        explained = call.isRefusal != same;
      }
    }
    if (call.isRefusal) {
      refusals++;
      Failure.unless(
          explained,
          "a change of " + call.looked.name() + " was refused (" + call.error + ") without reason");
    } else {
      lookups++;
      Failure.unless(
          explained,
          "a lookup of "
              + call.looked.name()
              + " saw "
              + InodeIds.format(call.looked.target())
              + " of "
              + call.looked.creationTime()
              + ", which no state between "
              + from
              + " and "
              + to
              + " had");
    }
  }
}
