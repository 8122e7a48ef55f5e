package org.eggsfs.client.span;

import java.util.concurrent.TimeUnit;
import org.eggsfs.protocol.StorageClass;

/**
 * When a fetch is slow enough to ask a parity block as well (client.md section 8.3.3): after twice
 * the recent 95th percentile of fetches of like size from like media, and at least a floor. The
 * percentile is followed by small steps up and down; races between updates only lose a step.
 */
final class LatencyEstimate {
  private static final long FLASH_FLOOR_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final long HDD_FLOOR_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final int FACTOR = 2;

  /** Share of fetches that may be slower than the estimate. */
  private static final double TAIL = 0.05;

  /** Step as a share of the estimate. */
  private static final double STEP = 0.2;

  private static final int SIZES = 5;

  private final double[] flash = new double[SIZES];
  private final double[] other = new double[SIZES];

  /** 16 KiB, 128 KiB, 1 MiB, 8 MiB and above. */
  private static int sizeBucket(int bytes) {
    int log = 31 - Integer.numberOfLeadingZeros(Math.max(1, bytes - 1) >>> 14 | 1);
    return Math.min(SIZES - 1, (log + 2) / 3);
  }

  private double[] of(int storageClass) {
    return storageClass == StorageClass.FLASH ? flash : other;
  }

  void record(int storageClass, int bytes, long nanos) {
    double[] estimates = of(storageClass);
    int bucket = sizeBucket(bytes);
    double estimate = Math.max(estimates[bucket], 1000);
    estimates[bucket] =
        nanos > estimate
            ? Math.min((double) nanos, estimate * (1 + STEP))
            : estimate * (1 - STEP * TAIL / (1 - TAIL));
  }

  long hedgeNanos(int storageClass, int bytes) {
    long floor = storageClass == StorageClass.FLASH ? FLASH_FLOOR_NANOS : HDD_FLOOR_NANOS;
    return Math.max(floor, (long) (FACTOR * of(storageClass)[sizeBucket(bytes)]));
  }
}
