package org.eggsfs.gc.scrub;

import java.util.List;
import org.eggsfs.gc.repair.ReplacedBlock;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.protocol.ErrorCode;

/**
 * What a look at one file found and did.
 *
 * @param spans with blocks and without
 * @param checkedBlocks blocks that were checked, good and bad
 * @param checkedBytes their bytes
 * @param bad blocks that were bad
 * @param unchecked blocks that could not be checked
 * @param wrongSpans spans that do not match their CRC
 * @param repaired blocks that were replaced
 */
public record FileHealth(
    long spans,
    long checkedBlocks,
    long checkedBytes,
    List<BadBlock> bad,
    List<UncheckedBlock> unchecked,
    List<StoredSpan> wrongSpans,
    List<ReplacedBlock> repaired) {
  /** A bad block and what its block service says. */
  public record BadBlock(StoredBlock block, ErrorCode verdict) {}

  /** A block that could not be checked, and why. */
  public record UncheckedBlock(StoredBlock block, String reason) {}

  /** Whether everything was checked and found good, or replaced. */
  public boolean isGood() {
    return unchecked.isEmpty() && wrongSpans.isEmpty() && bad.size() <= repaired.size();
  }
}
