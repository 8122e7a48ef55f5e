package org.eggsfs.shard.state;

import java.util.Arrays;
import org.eggsfs.core.Crc32c;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddInlineSpanRequest;
import org.eggsfs.protocol.shard.AddInlineSpanResponse;

/**
 * AddInlineSpan (shard.md section 8): bytes that the shard stores itself, or, with class EMPTY, a
 * sign of life that adds nothing. The class decides which, not the body (W18).
 */
final class AddInlineSpan {
  private AddInlineSpan() {}

  static Operation prepare(Preparing preparing, AddInlineSpanRequest request) throws EggsException {
    Checks.fileOrSymlink(request.fileId());
    preparing.shard(request.fileId());
    preparing.cookie(request.fileId(), request.cookie());
    int length = request.body().length;
    switch (request.storageClass()) {
      case StorageClass.EMPTY -> Checks.spanBody(request.size() == 0 && length == 0);
      case StorageClass.INLINE -> Checks.spanBody(request.size() > 0 && request.size() >= length);
      default -> Checks.spanBody(false);
    }
    Checks.spanBody(request.byteOffset() % ProtocolConstants.PAGE_SIZE == 0);
    Checks.spanBody(request.byteOffset() >= 0 && request.byteOffset() + request.size() >= 0);
    int bodyCrc = Crc32c.sum(0, request.body(), 0, length);
    Checks.spanBody(Crc32c.zeroExtend(bodyCrc, request.size() - length) == request.crc());
    return preparing.prolonging(request);
  }

  static ApplyResult apply(Transaction tx, AddInlineSpanRequest request, long deadline)
      throws EggsException {
    TransientTable.Row file = tx.touchTransient(request.fileId(), deadline);
    long end = request.byteOffset() + request.size();
    if (request.storageClass() != StorageClass.EMPTY) {
      if (file.size != request.byteOffset()) {
        Checks.require(file.size == end && isThere(tx, request), ErrorCode.SPAN_NOT_FOUND);
      } else {
        Checks.require(file.lastSpanState == SpanState.CLEAN, ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
        file.size = end;
        Span span = Span.inline(request.size(), request.crc(), request.body());
        SpansTable.put(tx, tx.shard, file.id, request.byteOffset(), span);
      }
    }
    tx.put(file);
    return ApplyResult.ok(new AddInlineSpanResponse());
  }

  /** Whether an earlier execution of the same request added the span. */
  private static boolean isThere(Transaction tx, AddInlineSpanRequest request) {
    Span span = SpansTable.get(tx.view, tx.shard, request.fileId(), request.byteOffset());
    return span != null
        && span.isInline()
        && span.size() == request.size()
        && span.crc() == request.crc()
        && Arrays.equals(span.body(), request.body());
  }
}
