package org.eggsfs.sim.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.TreeMap;

/**
 * Virtual time: what is due when. Events of the same moment run in the order in which they were
 * made, so a run depends on the seed alone. One thread.
 */
public final class Scheduler {
  private record Event(long at, long number, Runnable action) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(at, other.at);
      return byTime != 0 ? byTime : Long.compare(number, other.number);
    }
  }

  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private final TreeMap<Long, List<Runnable>> byCount = new TreeMap<>();
  private long nowNanos;
  private long made;
  private long done;

  /** Nanoseconds since the run began. */
  public long nowNanos() {
    return nowNanos;
  }

  /** Events that have run. */
  public long eventCount() {
    return done;
  }

  /** Runs {@code action} that much later. */
  public void after(long nanos, Runnable action) {
    made++;
    events.add(new Event(nowNanos + Math.max(0, nanos), made, action));
  }

  /** Runs {@code action} after that many more events: between any two steps of anything. */
  public void afterEvents(long count, Runnable action) {
    byCount.computeIfAbsent(done + count, at -> new ArrayList<>()).add(action);
  }

  /** Runs the next event. Returns false if there is none. */
  public boolean step() {
    Event event = events.poll();
    if (event == null) {
      return false;
    }
    nowNanos = event.at;
    event.action.run();
    done++;
    while (!byCount.isEmpty() && byCount.firstKey() <= done) {
      byCount.pollFirstEntry().getValue().forEach(Runnable::run);
    }
    return true;
  }
}
