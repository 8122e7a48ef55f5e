package org.eggsfs.shard.state;

import java.util.Arrays;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.SwapSpansRequest;
import org.eggsfs.protocol.shard.SwapSpansResponse;

/**
 * SwapSpans (shard.md section 10): exchanges two equal spans with all their locations;
 * defragmentation puts a better laid out copy into a file that way.
 */
final class SwapSpans {
  private SwapSpans() {}

  static Operation prepare(Preparing preparing, SwapSpansRequest request) throws EggsException {
    Swaps.check(preparing, request.fileId1(), request.fileId2());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, SwapSpansRequest request) throws EggsException {
    long file1 = request.fileId1();
    long file2 = request.fileId2();
    Span span1 = Swaps.span(tx, file1, request.byteOffset1());
    Span span2 = Swaps.span(tx, file2, request.byteOffset2());
    Checks.require(!span1.isInline() && !span2.isInline(), ErrorCode.SWAP_SPANS_INLINE_STORAGE);
    Checks.require(span1.size() == span2.size(), ErrorCode.SWAP_SPANS_MISMATCHING_SIZE);
    Checks.require(span1.crc() == span2.crc(), ErrorCode.SWAP_SPANS_MISMATCHING_CRC);
    Checks.require(
        tx.spanState(file1, request.byteOffset1() + span1.size()) == SpanState.CLEAN
            && tx.spanState(file2, request.byteOffset2() + span2.size()) == SpanState.CLEAN,
        ErrorCode.SWAP_SPANS_NOT_CLEAN);
    long[] blocks1 = span1.blockIds();
    long[] blocks2 = span2.blockIds();
    if (Arrays.equals(blocks1, request.blocks2()) && Arrays.equals(blocks2, request.blocks1())) {
      return ApplyResult.ok(new SwapSpansResponse());
    }
    Checks.require(
        Arrays.equals(blocks1, request.blocks1()) && Arrays.equals(blocks2, request.blocks2()),
        ErrorCode.SWAP_SPANS_MISMATCHING_BLOCKS);
    // Else one file would silently lose a site's copy (W25).
    Checks.require(
        Arrays.equals(locationIds(span1), locationIds(span2)),
        ErrorCode.SWAP_SPANS_MISMATCHING_BLOCKS);
    SpansTable.put(tx, tx.shard, file1, request.byteOffset1(), span2);
    SpansTable.put(tx, tx.shard, file2, request.byteOffset2(), span1);
    tx.countBlocks(file1, span1, -1);
    tx.countBlocks(file1, span2, 1);
    tx.countBlocks(file2, span2, -1);
    tx.countBlocks(file2, span1, 1);
    return ApplyResult.ok(new SwapSpansResponse());
  }

  private static int[] locationIds(Span span) {
    return span.locations().stream().mapToInt(Span.Location::locationId).sorted().toArray();
  }
}
