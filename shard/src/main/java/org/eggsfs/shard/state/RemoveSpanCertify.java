package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.RemoveSpanCertifyRequest;
import org.eggsfs.protocol.shard.RemoveSpanCertifyResponse;

/** RemoveSpanCertify (shard.md section 10): the blocks of the condemned last span are erased. */
final class RemoveSpanCertify {
  private RemoveSpanCertify() {}

  static Operation prepare(Preparing preparing, RemoveSpanCertifyRequest request)
      throws EggsException {
    Checks.fileOrSymlink(request.fileId());
    preparing.shard(request.fileId());
    preparing.cookie(request.fileId(), request.cookie());
    PrepareContext context = preparing.context();
    Span span =
        SpansTable.get(context.view(), preparing.shard(), request.fileId(), request.byteOffset());
    return Proofs.judge(
        request, 0, request.proofs(), span, Proofs.Kind.ERASE, context.blockServices());
  }

  static ApplyResult apply(
      Transaction tx, RemoveSpanCertifyRequest request, Operation.Certify certify)
      throws EggsException {
    TransientTable.Row file = tx.touchTransientPastDeadline(request.fileId());
    Span span = SpansTable.get(tx.view, tx.shard, file.id, request.byteOffset());
    if (span != null) {
      Checks.require(!span.isInline(), ErrorCode.CANNOT_CERTIFY_BLOCKLESS_SPAN);
      // Only the last span can be condemned; an earlier one would leave a hole.
      Checks.require(
          file.lastSpanState == SpanState.CONDEMNED
              && file.size == request.byteOffset() + span.size(),
          ErrorCode.SPAN_NOT_FOUND);
      int accepted = 0;
      for (Span.Location location : span.locations()) {
        Checks.require(
            request.proofs().size() - accepted >= location.count(),
            ErrorCode.BAD_NUMBER_OF_BLOCKS_PROOFS);
        Proofs.require(certify, request.proofs(), accepted, location);
        accepted += location.count();
      }
      Checks.require(request.proofs().size() == accepted, ErrorCode.BAD_NUMBER_OF_BLOCKS_PROOFS);
      tx.countBlocks(file.id, span, -1);
      tx.delete(SpansTable.key(tx.shard, file.id, request.byteOffset()));
      file.size = request.byteOffset();
      file.lastSpanState = SpanState.CLEAN;
    }
    tx.put(file);
    return ApplyResult.ok(new RemoveSpanCertifyResponse());
  }
}
