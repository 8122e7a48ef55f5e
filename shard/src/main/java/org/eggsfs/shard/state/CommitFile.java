package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.CommitFileRequest;
import org.eggsfs.protocol.shard.CommitFileResponse;

/**
 * CommitFile, a message of our own: AddSpanCertify of the last span, LinkFile and SetTime in one
 * entry. Either all of it happens or nothing, and a writer waits once instead of three times. A
 * name that must be new is looked at in the same step, so that of several writers one gets it.
 *
 * <p>Without proofs the last span has to be certified already. A repeated request finds its own
 * edge, as a repeated LinkFile does.
 */
final class CommitFile {
  private CommitFile() {}

  static Operation prepare(Preparing preparing, CommitFileRequest request) throws EggsException {
    LinkFile.checkNaming(
        preparing, request.ownerId(), request.fileId(), request.cookie(), request.name());
    PrepareContext context = preparing.context();
    Span span =
        request.proofs().isEmpty()
            ? null
            : SpansTable.get(
                context.view(), preparing.shard(), request.fileId(), request.byteOffset());
    return Proofs.judge(
        request,
        preparing.deadline(),
        request.proofs(),
        span,
        Proofs.Kind.WRITE,
        context.blockServices());
  }

  static ApplyResult apply(Transaction tx, CommitFileRequest request, Operation.Certify certify)
      throws EggsException {
    TransientTable.Row file = TransientTable.get(tx.view, tx.shard, request.fileId());
    if (file == null || tx.time > file.deadline) {
      long creationTime =
          LinkFile.linkedBefore(tx, request.ownerId(), request.name(), request.fileId());
      return ApplyResult.ok(new CommitFileResponse(creationTime));
    }
    if (!request.proofs().isEmpty()) {
      AddSpanCertify.certify(tx, file, request.byteOffset(), request.proofs(), certify);
    }
    Checks.require(file.lastSpanState == SpanState.CLEAN, ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
    if (request.mustBeNew()) {
      EdgesTable.Current there =
          EdgesTable.current(tx.view, tx.shard, request.ownerId(), request.name());
      // Of one that is locked nobody knows yet whether it stays; the writer has to come back.
      Checks.require(there == null || there.locked(), ErrorCode.CANNOT_OVERRIDE_NAME);
    }
    tx.delete(TransientTable.key(tx.shard, file.id));
    FilesTable.put(
        tx,
        tx.shard,
        file.id,
        new FilesTable.Row(
            file.size,
            SetTime.updated(tx.time, request.mtime()),
            SetTime.updated(tx.time, request.atime())));
    long creationTime = tx.createEdge(request.ownerId(), request.name(), file.id);
    return ApplyResult.ok(new CommitFileResponse(creationTime));
  }
}
