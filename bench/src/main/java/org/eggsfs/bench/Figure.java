package org.eggsfs.bench;

/**
 * One measured line.
 *
 * @param name what was done
 * @param workers how many at the same time
 * @param count how many operations
 * @param seconds how long altogether
 * @param rate the figure of interest
 * @param unit of the rate
 * @param p50Nanos median duration of an operation; 0 where it means nothing
 * @param p99Nanos duration that one in a hundred exceeds
 */
record Figure(
    String name,
    int workers,
    long count,
    double seconds,
    double rate,
    String unit,
    long p50Nanos,
    long p99Nanos) {
  /** Operations per second. */
  static Figure operations(String name, int workers, double seconds, long[] ascending) {
    return new Figure(
        name,
        workers,
        ascending.length,
        seconds,
        ascending.length / seconds,
        "ops/s",
        Latencies.percentile(ascending, 0.5),
        Latencies.percentile(ascending, 0.99));
  }

  /** MiB per second. */
  static Figure bytes(String name, int workers, long bytes, double seconds) {
    return new Figure(name, workers, bytes, seconds, bytes / seconds / (1 << 20), "MiB/s", 0, 0);
  }
}
