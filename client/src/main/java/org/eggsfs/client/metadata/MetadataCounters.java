package org.eggsfs.client.metadata;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * What the metadata channel did, per request kind (client.md section 12): answers, attempts, time
 * from the first packet to the answer as a histogram, timeouts. Merged over shards.
 */
public final class MetadataCounters {
  private static final int KINDS = 256;
  private static final int BINS = 40;
  private static final double GROWTH_LOG = Math.log(1.5);

  /** One kind's numbers. */
  public static final class Kind {
    private final LongAdder answers = new LongAdder();
    private final LongAdder attempts = new LongAdder();
    private final LongAdder totalNanos = new LongAdder();
    private final LongAdder timeouts = new LongAdder();
    private final AtomicLongArray bins = new AtomicLongArray(BINS);
    private final double firstBoundNanos;

    private Kind(double firstBoundNanos) {
      this.firstBoundNanos = firstBoundNanos;
    }

    /** Requests answered, errors included. */
    public long answers() {
      return answers.sum();
    }

    /** Packets sent for them; more than answers means loss. */
    public long attempts() {
      return attempts.sum();
    }

    /** Requests given up. */
    public long timeouts() {
      return timeouts.sum();
    }

    /** Mean time to an answer. */
    public long meanNanos() {
      long count = answers.sum();
      return count == 0 ? 0 : totalNanos.sum() / count;
    }

    /** Upper bound of the bin in which the quantile 0..1 lies. */
    public long quantileNanos(double quantile) {
      long total = 0;
      for (int i = 0; i < BINS; i++) {
        total += bins.get(i);
      }
      long seen = 0;
      for (int i = 0; i < BINS; i++) {
        seen += bins.get(i);
        if (total > 0 && seen >= quantile * total) {
          return (long) (firstBoundNanos * Math.exp(i * GROWTH_LOG));
        }
      }
      return 0;
    }

    void record(long nanos, int attemptCount) {
      answers.increment();
      attempts.add(attemptCount);
      totalNanos.add(nanos);
      double ratio = Math.max(1, nanos / firstBoundNanos);
      bins.incrementAndGet(Math.min(BINS - 1, (int) Math.ceil(Math.log(ratio) / GROWTH_LOG)));
    }

    void recordTimeout(int attemptCount) {
      timeouts.increment();
      attempts.add(attemptCount);
    }
  }

  private static final double SHARD_FIRST_BOUND_NANOS = 10_000;
  private static final double CDC_FIRST_BOUND_NANOS = 1_000_000;

  private final AtomicReferenceArray<Kind> shard = new AtomicReferenceArray<>(KINDS);
  private final AtomicReferenceArray<Kind> cdc = new AtomicReferenceArray<>(KINDS);
  private final LongAdder strayAnswers = new LongAdder();
  private final LongAdder sendFailures = new LongAdder();

  /** Numbers of one shard request kind. */
  public Kind shard(int kind) {
    return get(shard, kind, SHARD_FIRST_BOUND_NANOS);
  }

  /** Numbers of one CDC request kind. */
  public Kind cdc(int kind) {
    return get(cdc, kind, CDC_FIRST_BOUND_NANOS);
  }

  Kind of(int target, int kind) {
    return target == AddressBook.CDC ? cdc(kind) : shard(kind);
  }

  private static Kind get(AtomicReferenceArray<Kind> kinds, int kind, double firstBoundNanos) {
    Kind present = kinds.get(kind);
    if (present != null) {
      return present;
    }
    kinds.compareAndSet(kind, null, new Kind(firstBoundNanos));
    return kinds.get(kind);
  }

  void countStray() {
    strayAnswers.increment();
  }

  void countSendFailure() {
    sendFailures.increment();
  }

  /** Packets that belong to no request that is waiting: second answers, or not from our servers. */
  public long strayAnswers() {
    return strayAnswers.sum();
  }

  /** Packets the operating system refused to send; they count as lost. */
  public long sendFailures() {
    return sendFailures.sum();
  }
}
