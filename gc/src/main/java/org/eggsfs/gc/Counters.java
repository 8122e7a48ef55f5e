package org.eggsfs.gc;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What a job did since its process started, by the names of gc.md section 10. Counters are made by
 * the job's constructor and then changed by any thread.
 */
public class Counters {
  private final String job;
  private final Map<String, Counter> counters = new LinkedHashMap<>();
  private final List<Counter> failures = new ArrayList<>();

  /** No counters so far. */
  public Counters(String job) {
    this.job = job;
  }

  /** A number that only grows, or one that is set. */
  public static final class Counter {
    private final AtomicLong value = new AtomicLong();

    private Counter() {}

    /** Adds one. */
    public void increment() {
      value.incrementAndGet();
    }

    /** Adds, or with a negative number takes away. */
    public void add(long count) {
      value.addAndGet(count);
    }

    /** Replaces the value. */
    public void set(long newValue) {
      value.set(newValue);
    }

    /** The value. */
    public long get() {
      return value.get();
    }
  }

  /** Makes a counter; each name once. */
  public final synchronized Counter counter(String name) {
    Counter counter = new Counter();
    if (counters.put(name, counter) != null) {
      throw new IllegalArgumentException("two counters are called " + name);
    }
    return counter;
  }

  /** Makes a counter of what went wrong: a run in which it is not 0 has failed in part. */
  public final synchronized Counter failureCounter(String name) {
    Counter counter = counter(name);
    failures.add(counter);
    return counter;
  }

  /** Whether anything went wrong. */
  public final synchronized boolean hasFailures() {
    return failures.stream().anyMatch(counter -> counter.get() != 0);
  }

  /** The job that counts. */
  public final String job() {
    return job;
  }

  /** All values, in the order in which the counters were made. */
  public final synchronized Map<String, Long> values() {
    Map<String, Long> values = new LinkedHashMap<>();
    counters.forEach((name, counter) -> values.put(name, counter.get()));
    return values;
  }
}
