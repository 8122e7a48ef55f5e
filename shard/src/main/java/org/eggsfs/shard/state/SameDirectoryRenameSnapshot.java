package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotResponse;

/** SameDirectoryRenameSnapshot (shard.md section 9): an owned snapshot edge comes back to life. */
final class SameDirectoryRenameSnapshot {
  private SameDirectoryRenameSnapshot() {}

  static Operation prepare(Preparing preparing, SameDirectoryRenameSnapshotRequest request)
      throws EggsException {
    Checks.directory(request.dirId());
    Checks.name(request.newName());
    preparing.shard(request.dirId());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, SameDirectoryRenameSnapshotRequest request)
      throws EggsException {
    long directory = request.dirId();
    tx.touchDirectory(directory, false);
    EdgesTable.Snapshot old =
        EdgesTable.snapshot(
            tx.view, tx.shard, directory, request.oldName(), request.oldCreationTime());
    Checks.require(old != null, ErrorCode.EDGE_NOT_FOUND);
    Checks.require(old.target() == request.targetId(), ErrorCode.MISMATCHING_TARGET);
    Checks.require(old.owned(), ErrorCode.EDGE_NOT_OWNED);
    // The file cannot be kept any more, and in a moment the edge will not be there.
    Checks.require(!old.condemned(), ErrorCode.EDGE_NOT_FOUND);
    EdgesTable.putSnapshot(
        tx,
        tx.shard,
        directory,
        request.oldName(),
        request.oldCreationTime(),
        new EdgesTable.Snapshot(old.target(), false));
    long creationTime = tx.createEdge(directory, request.newName(), request.targetId());
    return ApplyResult.ok(new SameDirectoryRenameSnapshotResponse(creationTime));
  }
}
