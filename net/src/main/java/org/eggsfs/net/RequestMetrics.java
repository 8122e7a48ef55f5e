package org.eggsfs.net;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.IntFunction;
import org.eggsfs.protocol.ErrorCode;

/**
 * Counts answered requests by kind, with errors and latencies. Any thread may count: it costs a few
 * additions to memory that one kind's requests share, allocates nothing and never waits. A server
 * with several busy threads gives each its own and adds them up when they are asked for.
 *
 * <p>All numbers only grow, so a measurement that is lost loses nothing.
 */
public final class RequestMetrics {
  private static final int KINDS = 256;

  /** Latencies are counted as within these; what is above all is in the count only. */
  private static final long[] BOUNDS_NANOS = {
    100_000L, 1_000_000L, 10_000_000L, 100_000_000L, 1_000_000_000L
  };

  private static final String[] BOUND_NAMES = {
    "within_100us", "within_1ms", "within_10ms", "within_100ms", "within_1s"
  };

  // Numbers of one kind; as many as fill a line of the processor's cache.
  private static final int COUNT = 0;
  private static final int ERRORS = 1;
  private static final int NANOS = 2;
  private static final int WITHIN = 3;
  private static final int STRIDE = WITHIN + BOUNDS_NANOS.length;

  private static final int CODE_MAX =
      Arrays.stream(ErrorCode.values()).mapToInt(ErrorCode::code).max().orElseThrow();

  private final AtomicLongArray byKind = new AtomicLongArray(KINDS * STRIDE);
  private final AtomicLongArray byError = new AtomicLongArray(CODE_MAX + 1);

  /**
   * A request was answered.
   *
   * @param kind 0 to 255
   * @param error null after success
   * @param nanos from its arrival to its answer
   */
  public void answered(int kind, ErrorCode error, long nanos) {
    int at = kind * STRIDE;
    byKind.getAndIncrement(at + COUNT);
    byKind.getAndAdd(at + NANOS, nanos);
    if (error != null) {
      byKind.getAndIncrement(at + ERRORS);
      byError.getAndIncrement(error.code());
    }
    for (int i = 0; i < BOUNDS_NANOS.length; i++) {
      if (nanos <= BOUNDS_NANOS[i]) {
        // Summed up when they are told, so that counting touches one of them.
        byKind.getAndIncrement(at + WITHIN + i);
        return;
      }
    }
  }

  /** Requests of a kind that were answered, with errors too. */
  public long count(int kind) {
    return byKind.get(kind * STRIDE + COUNT);
  }

  /**
   * What some of these have counted together: for each kind that was asked for {@code
   * NAME_requests} with the tag {@code kind} and the fields {@code count}, {@code errors}, {@code
   * latency_ns} (the sum) and {@code within_…} (how many took no longer); for each error {@code
   * NAME_errors} with the tag {@code error} and the field {@code count}.
   *
   * @param name what the measurements' names begin with
   * @param tags of all of them, applied to each
   */
  public static List<Measurement> measurements(
      String name, Tags tags, IntFunction<String> kindName, List<RequestMetrics> parts) {
    List<Measurement> all = new ArrayList<>();
    for (int kind = 0; kind < KINDS; kind++) {
      long[] sums = new long[STRIDE];
      for (RequestMetrics part : parts) {
        for (int i = 0; i < STRIDE; i++) {
          sums[i] += part.byKind.get(kind * STRIDE + i);
        }
      }
      if (sums[COUNT] == 0) {
        continue;
      }
      Measurement measurement =
          tags.on(new Measurement(name + "_requests"))
              .tag("kind", kindName.apply(kind))
              .field("count", sums[COUNT])
              .field("errors", sums[ERRORS])
              .field("latency_ns", sums[NANOS]);
      long within = 0;
      for (int i = 0; i < BOUNDS_NANOS.length; i++) {
        within += sums[WITHIN + i];
        measurement.field(BOUND_NAMES[i], within);
      }
      all.add(measurement);
    }
    for (ErrorCode code : ErrorCode.values()) {
      long count = 0;
      for (RequestMetrics part : parts) {
        count += part.byError.get(code.code());
      }
      if (count > 0) {
        all.add(
            tags.on(new Measurement(name + "_errors"))
                .tag("error", code.name())
                .field("count", count));
      }
    }
    return all;
  }

  /** Puts tags on a measurement. */
  @FunctionalInterface
  public interface Tags {
    /** Returns the same measurement. */
    Measurement on(Measurement measurement);
  }
}
