package org.eggsfs.gc.defrag;

import java.time.Duration;
import org.eggsfs.core.SpanLayout;

/**
 * What defragmentation touches and takes.
 *
 * @param filesAtOnce files in work at the same time
 * @param spanSizeMin smaller spans stay as they are
 * @param storageClass only spans that are stored there now; 0 for all
 * @param fromTime only files whose name was made then or later, in nanoseconds since 1970
 * @param bytesPerSecond of rewritten spans; 0 for no limit
 * @param memoryBytes of buffers
 * @param scratchLifetime of scratch files
 */
public record DefragSettings(
    int filesAtOnce,
    long spanSizeMin,
    int storageClass,
    long fromTime,
    double bytesPerSecond,
    long memoryBytes,
    Duration scratchLifetime) {
  /** All spans, as fast as it goes. */
  public static final DefragSettings DEFAULT =
      new DefragSettings(8, 0, 0, 0, 0, 256L << 20, Duration.ofHours(3));

  private static final int FILES_AT_ONCE_MAX = 1000;

  /** Checks the values. */
  public DefragSettings {
    if (filesAtOnce < 1 || filesAtOnce > FILES_AT_ONCE_MAX) {
      throw new IllegalArgumentException("1 to " + FILES_AT_ONCE_MAX + " files at once");
    }
    if (spanSizeMin < 0 || !(bytesPerSecond >= 0)) {
      throw new IllegalArgumentException("span sizes and paces are not negative");
    }
    if (memoryBytes < SpanLayout.BLOCK_SIZE_MAX) {
      throw new IllegalArgumentException(
          "defragmentation needs at least " + SpanLayout.BLOCK_SIZE_MAX + " bytes of memory");
    }
  }
}
