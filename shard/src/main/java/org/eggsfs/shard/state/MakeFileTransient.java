package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.MakeFileTransientRequest;
import org.eggsfs.protocol.shard.MakeFileTransientResponse;

/** MakeFileTransient (shard.md section 10a): a file without an owning edge goes to destruction. */
final class MakeFileTransient {
  private MakeFileTransient() {}

  static Operation prepare(Preparing preparing, MakeFileTransientRequest request)
      throws EggsException {
    Checks.fileOrSymlink(request.id());
    preparing.shard(request.id());
    return preparing.expiring(request);
  }

  static ApplyResult apply(Transaction tx, MakeFileTransientRequest request, long deadline)
      throws EggsException {
    FilesTable.Row file = FilesTable.get(tx.view, tx.shard, request.id());
    if (file == null) {
      Checks.require(
          TransientTable.get(tx.view, tx.shard, request.id()) != null, ErrorCode.FILE_NOT_FOUND);
    } else {
      tx.makeTransient(request.id(), file, deadline, request.note());
    }
    return ApplyResult.ok(new MakeFileTransientResponse());
  }
}
