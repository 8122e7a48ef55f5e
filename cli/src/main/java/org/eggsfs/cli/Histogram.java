package org.eggsfs.cli;

import java.io.PrintStream;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Files sorted into bins of growing size (cli.md section 2.3): each bound is the one before times
 * the growth, rounded up, and at least one more. What is larger than all bounds is in the last bin.
 * Any thread may add.
 */
final class Histogram {
  private static final int BINS = 256;

  private final long[] bounds = new long[BINS];
  private final AtomicLongArray files = new AtomicLongArray(BINS);
  private final AtomicLongArray logical = new AtomicLongArray(BINS);
  private final AtomicLongArray physical = new AtomicLongArray(BINS);

  Histogram(long first, double growth) {
    double bound = first;
    for (int i = 0; i < BINS; i++) {
      long rounded = bound >= Long.MAX_VALUE ? Long.MAX_VALUE : (long) Math.ceil(bound);
      bounds[i] = i == 0 ? rounded : Math.max(rounded, bounds[i - 1] + 1);
      if (bounds[i] < 0) {
        bounds[i] = Long.MAX_VALUE;
      }
      bound *= growth;
    }
  }

  void add(long size, long physicalSize) {
    int bin = java.util.Arrays.binarySearch(bounds, size);
    bin = Math.min(bin < 0 ? -bin - 1 : bin, BINS - 1);
    files.incrementAndGet(bin);
    logical.addAndGet(bin, size);
    physical.addAndGet(bin, physicalSize);
  }

  long bound(int bin) {
    return bounds[bin];
  }

  long files(int bin) {
    return files.get(bin);
  }

  long bytes(int bin) {
    return logical.get(bin);
  }

  int bins() {
    return BINS;
  }

  /** As CSV with a heading; bins in which nothing is are left out. */
  void writeCsv(PrintStream out, boolean withPhysical) {
    out.println(
        withPhysical
            ? "logical_upper_bound,file_count,total_logical_size,total_physical_size"
            : "upper_bound,file_count,total_size");
    for (int i = 0; i < BINS; i++) {
      if (files.get(i) > 0) {
        out.println(
            bounds[i]
                + ","
                + files.get(i)
                + ","
                + logical.get(i)
                + (withPhysical ? "," + physical.get(i) : ""));
      }
    }
  }
}
