package org.eggsfs.shard.state;

import java.util.List;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;
import org.eggsfs.protocol.shard.AddSpanCertifyResponse;
import org.eggsfs.protocol.struct.BlockProof;

/** AddSpanCertify (shard.md section 8): the blocks of the last span are written. */
final class AddSpanCertify {
  private AddSpanCertify() {}

  static Operation prepare(Preparing preparing, AddSpanCertifyRequest request)
      throws EggsException {
    Checks.fileOrSymlink(request.fileId());
    preparing.shard(request.fileId());
    preparing.cookie(request.fileId(), request.cookie());
    PrepareContext context = preparing.context();
    Span span =
        SpansTable.get(context.view(), preparing.shard(), request.fileId(), request.byteOffset());
    return Proofs.judge(
        request,
        preparing.deadline(),
        request.proofs(),
        span,
        Proofs.Kind.WRITE,
        context.blockServices());
  }

  static ApplyResult apply(Transaction tx, AddSpanCertifyRequest request, Operation.Certify certify)
      throws EggsException {
    TransientTable.Row file = tx.touchTransient(request.fileId(), certify.deadline());
    certify(tx, file, request.byteOffset(), request.proofs(), certify);
    tx.put(file);
    return ApplyResult.ok(new AddSpanCertifyResponse());
  }

  /** Makes the last span clean in the row, which the caller stores; nothing for an earlier span. */
  static void certify(
      Transaction tx,
      TransientTable.Row file,
      long byteOffset,
      List<BlockProof> proofs,
      Operation.Certify certify)
      throws EggsException {
    Span span = SpansTable.get(tx.view, tx.shard, file.id, byteOffset);
    Checks.require(span != null, ErrorCode.SPAN_NOT_FOUND);
    // A later span exists only if this one was certified.
    boolean isLast = file.size <= byteOffset + span.size();
    if (isLast && file.lastSpanState != SpanState.CLEAN) {
      Checks.require(file.lastSpanState != SpanState.CONDEMNED, ErrorCode.SPAN_NOT_FOUND);
      Checks.require(!span.isInline(), ErrorCode.CANNOT_CERTIFY_BLOCKLESS_SPAN);
      // A dirty span has exactly one location.
      Span.Location location = span.locations().getFirst();
      Checks.require(proofs.size() == location.count(), ErrorCode.BAD_NUMBER_OF_BLOCKS_PROOFS);
      Proofs.require(certify, proofs, 0, location);
      file.lastSpanState = SpanState.CLEAN;
    }
  }
}
