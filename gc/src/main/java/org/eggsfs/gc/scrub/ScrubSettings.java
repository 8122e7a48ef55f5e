package org.eggsfs.gc.scrub;

import org.eggsfs.gc.repair.RepairSettings;

/**
 * What a scrub may take of the cluster. A pace of 0 is no limit.
 *
 * @param filesAtOnce files in work at the same time
 * @param blocksPerSecond blocks checked by this process
 * @param bytesPerSecond bytes checked by this process
 * @param serviceBlocksPerSecond blocks checked on one block service
 * @param serviceBytesPerSecond bytes checked on one block service
 * @param serviceChecksAtOnce checks that one block service works on at the same time
 * @param spanSample share of spans, 0 to 1, that are also read and compared with the span's CRC
 * @param repair how bad blocks are replaced
 */
public record ScrubSettings(
    int filesAtOnce,
    double blocksPerSecond,
    double bytesPerSecond,
    double serviceBlocksPerSecond,
    double serviceBytesPerSecond,
    int serviceChecksAtOnce,
    double spanSample,
    RepairSettings repair) {
  /** Quiet work in the background: a disk of 20 TB takes a month. */
  public static final ScrubSettings DEFAULT =
      new ScrubSettings(64, 100_000, 0, 0, 8 << 20, 2, 0, RepairSettings.DEFAULT);

  /** As fast as it goes, for an operator who waits for it. */
  public static final ScrubSettings UNLIMITED =
      new ScrubSettings(64, 0, 0, 0, 0, 4, 0, RepairSettings.DEFAULT);

  private static final int FILES_AT_ONCE_MAX = 10_000;

  /** Checks the values. */
  public ScrubSettings {
    require(filesAtOnce >= 1 && filesAtOnce <= FILES_AT_ONCE_MAX, "files at once");
    require(serviceChecksAtOnce >= 1, "checks at once");
    require(
        blocksPerSecond >= 0
            && bytesPerSecond >= 0
            && serviceBlocksPerSecond >= 0
            && serviceBytesPerSecond >= 0,
        "pace");
    require(spanSample >= 0 && spanSample <= 1, "sample");
  }

  private static void require(boolean condition, String what) {
    if (!condition) {
      throw new IllegalArgumentException("scrub: illegal " + what);
    }
  }
}
