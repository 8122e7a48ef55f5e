package org.eggsfs.gc.repair;

/**
 * What came of the repair of one file or span.
 *
 * @param replacedBlocks how many blocks the file has new
 * @param replacedBytes their bytes
 * @param skipped whether the file is not linked (any more), so that nothing was done
 */
public record RepairResult(int replacedBlocks, long replacedBytes, boolean skipped) {
  static final RepairResult SKIPPED = new RepairResult(0, 0, true);

  static final RepairResult NOTHING = new RepairResult(0, 0, false);

  RepairResult plus(RepairResult other) {
    return new RepairResult(
        replacedBlocks + other.replacedBlocks,
        replacedBytes + other.replacedBytes,
        skipped || other.skipped);
  }
}
