package org.eggsfs.gc.repair;

import java.time.Duration;
import org.eggsfs.core.SpanLayout;

/**
 * How blocks are replaced.
 *
 * @param memoryBytes of buffers; repairs wait for each other at this limit, oldest first
 * @param scratchLifetime after which a scratch file is given up for a new one, so that the replaced
 *     blocks in it are destroyed
 */
public record RepairSettings(long memoryBytes, Duration scratchLifetime) {
  /** Enough for six spans of the default policy that are rebuilt at the same time. */
  public static final RepairSettings DEFAULT = new RepairSettings(256L << 20, Duration.ofHours(3));

  /**
   * A rebuild needs one whole block beside its reading windows; a smaller budget could not repair
   * every span.
   */
  public static final long MEMORY_BYTES_MIN = SpanLayout.BLOCK_SIZE_MAX + Rebuild.WINDOW_BYTES_MAX;

  /** Checks the values. */
  public RepairSettings {
    if (memoryBytes < MEMORY_BYTES_MIN) {
      throw new IllegalArgumentException(
          "repairs need at least " + MEMORY_BYTES_MIN + " bytes of memory");
    }
    if (scratchLifetime.isNegative() || scratchLifetime.isZero()) {
      throw new IllegalArgumentException("the lifetime of scratch files is not positive");
    }
  }
}
