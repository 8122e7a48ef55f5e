package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.MoveSpanRequest;
import org.eggsfs.protocol.shard.MoveSpanResponse;

/**
 * MoveSpan (shard.md section 8): the dirty last span of file 1 becomes the dirty last span of file
 * 2, so that a writer can go on elsewhere after a failed block write.
 */
final class MoveSpan {
  private MoveSpan() {}

  static Operation prepare(Preparing preparing, MoveSpanRequest request) throws EggsException {
    Checks.notDirectory(request.fileId1());
    Checks.notDirectory(request.fileId2());
    preparing.shard(request.fileId1());
    preparing.shard(request.fileId2());
    preparing.cookie(request.fileId1(), request.cookie1());
    preparing.cookie(request.fileId2(), request.cookie2());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, MoveSpanRequest request) throws EggsException {
    TransientTable.Row from = tx.touchTransientPastDeadline(request.fileId1());
    TransientTable.Row to = tx.touchTransientPastDeadline(request.fileId2());
    long offset1 = request.byteOffset1();
    long offset2 = request.byteOffset2();
    long size = request.spanSize();
    boolean moved =
        from.size == offset1
            && from.lastSpanState == SpanState.CLEAN
            && to.size == offset2 + size
            && to.lastSpanState == SpanState.DIRTY;
    if (!moved) {
      // Alignment: after a short last span nothing can follow.
      boolean possible =
          from.lastSpanState == SpanState.DIRTY
              && from.size == offset1 + size
              && to.lastSpanState == SpanState.CLEAN
              && to.size == offset2
              && offset2 % ProtocolConstants.PAGE_SIZE == 0;
      Checks.require(possible, ErrorCode.SPAN_NOT_FOUND);
      Span span = SpansTable.get(tx.view, tx.shard, from.id, offset1);
      Checks.require(span != null && span.size() == size, ErrorCode.SPAN_NOT_FOUND);
      tx.delete(SpansTable.key(tx.shard, from.id, offset1));
      SpansTable.put(tx, tx.shard, to.id, offset2, span);
      tx.countBlocks(from.id, span, -1);
      tx.countBlocks(to.id, span, 1);
      from.size -= size;
      from.lastSpanState = SpanState.CLEAN;
      to.size += size;
      to.lastSpanState = SpanState.DIRTY;
    }
    tx.put(from);
    tx.put(to);
    return ApplyResult.ok(new MoveSpanResponse());
  }
}
