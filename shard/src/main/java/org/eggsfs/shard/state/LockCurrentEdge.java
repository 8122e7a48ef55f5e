package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LockCurrentEdgeRequest;
import org.eggsfs.protocol.shard.LockCurrentEdgeResponse;

/**
 * LockCurrentEdge (shard.md section 10a). The target is compared, never overwritten (W28); the
 * error is the one that the CDC passes on.
 */
final class LockCurrentEdge {
  private LockCurrentEdge() {}

  static Operation prepare(Preparing preparing, LockCurrentEdgeRequest request)
      throws EggsException {
    Checks.directory(request.dirId());
    preparing.shard(request.dirId());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, LockCurrentEdgeRequest request) throws EggsException {
    tx.touchDirectory(request.dirId(), false);
    EdgesTable.Current edge =
        EdgesTable.current(tx.view, tx.shard, request.dirId(), request.name());
    Checks.require(edge != null, ErrorCode.EDGE_NOT_FOUND);
    Checks.require(
        edge.creationTime() == request.creationTime() && edge.target() == request.targetId(),
        ErrorCode.MISMATCHING_CREATION_TIME);
    EdgesTable.putCurrent(
        tx,
        tx.shard,
        request.dirId(),
        request.name(),
        new EdgesTable.Current(edge.target(), true, edge.creationTime()));
    return ApplyResult.ok(new LockCurrentEdgeResponse());
  }
}
