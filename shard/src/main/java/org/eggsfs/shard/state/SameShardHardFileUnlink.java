package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.SameShardHardFileUnlinkRequest;
import org.eggsfs.protocol.shard.SameShardHardFileUnlinkResponse;

/**
 * SameShardHardFileUnlink (shard.md section 10): collection drops the owned snapshot edge of a file
 * in this shard and makes the file transient.
 */
final class SameShardHardFileUnlink {
  private SameShardHardFileUnlink() {}

  static Operation prepare(Preparing preparing, SameShardHardFileUnlinkRequest request)
      throws EggsException {
    Checks.directory(request.ownerId());
    Checks.fileOrSymlink(request.targetId());
    preparing.shard(request.ownerId());
    preparing.shard(request.targetId());
    return preparing.expiring(request);
  }

  static ApplyResult apply(Transaction tx, SameShardHardFileUnlinkRequest request, long deadline)
      throws EggsException {
    FilesTable.Row file = FilesTable.get(tx.view, tx.shard, request.targetId());
    if (file == null) {
      Checks.require(
          TransientTable.get(tx.view, tx.shard, request.targetId()) != null,
          ErrorCode.FILE_NOT_FOUND);
      return ApplyResult.ok(new SameShardHardFileUnlinkResponse());
    }
    tx.touchDirectory(request.ownerId(), true);
    EdgesTable.Snapshot edge =
        EdgesTable.snapshot(
            tx.view, tx.shard, request.ownerId(), request.name(), request.creationTime());
    Checks.require(edge != null && edge.owned(), ErrorCode.EDGE_NOT_FOUND);
    // Else the file would be freed while another edge still owns it (W23).
    Checks.require(edge.target() == request.targetId(), ErrorCode.MISMATCHING_TARGET);
    tx.delete(
        EdgesTable.snapshotKey(
            tx.shard, request.ownerId(), request.name(), request.creationTime()));
    tx.makeTransient(request.targetId(), file, deadline, request.name());
    return ApplyResult.ok(new SameShardHardFileUnlinkResponse());
  }
}
