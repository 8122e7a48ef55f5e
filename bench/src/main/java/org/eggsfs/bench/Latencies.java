package org.eggsfs.bench;

import java.util.Arrays;

/** Durations of operations, all of them: percentiles are exact. One thread adds. */
final class Latencies {
  private long[] nanos = new long[1024];
  private int count;

  void add(long duration) {
    if (count == nanos.length) {
      nanos = Arrays.copyOf(nanos, count * 2);
    }
    nanos[count++] = duration;
  }

  int count() {
    return count;
  }

  /** All durations of several threads, ascending. */
  static long[] merge(Latencies... parts) {
    int total = 0;
    for (Latencies part : parts) {
      total += part.count;
    }
    long[] all = new long[total];
    int end = 0;
    for (Latencies part : parts) {
      System.arraycopy(part.nanos, 0, all, end, part.count);
      end += part.count;
    }
    Arrays.sort(all);
    return all;
  }

  /** The smallest value that at least {@code fraction} of all do not exceed. */
  static long percentile(long[] ascending, double fraction) {
    if (ascending.length == 0) {
      return 0;
    }
    int index = (int) Math.ceil(fraction * ascending.length) - 1;
    return ascending[Math.clamp(index, 0, ascending.length - 1)];
  }
}
