package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;

/** What SwapBlocks, SwapSpans and AddSpanLocation share. */
final class Swaps {
  private Swaps() {}

  /** P-checks of shard.md section 10; one file with itself is an error, not a crash (W16). */
  static void check(Preparing preparing, long file1, long file2) throws EggsException {
    Checks.notDirectory(file1);
    Checks.notDirectory(file2);
    preparing.shard(file1);
    preparing.shard(file2);
    Checks.require(file1 != file2, ErrorCode.SAME_SOURCE_AND_DESTINATION);
  }

  /** The span at that offset. */
  static Span span(Transaction tx, long file, long offset) throws EggsException {
    Span span = SpansTable.get(tx.view, tx.shard, file, offset);
    Checks.require(span != null, ErrorCode.SPAN_NOT_FOUND);
    return span;
  }
}
