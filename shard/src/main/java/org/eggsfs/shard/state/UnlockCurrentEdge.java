package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.UnlockCurrentEdgeRequest;
import org.eggsfs.protocol.shard.UnlockCurrentEdgeResponse;

/** UnlockCurrentEdge (shard.md section 10a): the edge is free again, or was moved away. */
final class UnlockCurrentEdge {
  private UnlockCurrentEdge() {}

  static Operation prepare(Preparing preparing, UnlockCurrentEdgeRequest request)
      throws EggsException {
    Checks.directory(request.dirId());
    preparing.shard(request.dirId());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, UnlockCurrentEdgeRequest request) throws EggsException {
    long directory = request.dirId();
    tx.touchDirectory(directory, false);
    EdgesTable.Current edge = EdgesTable.current(tx.view, tx.shard, directory, request.name());
    Checks.require(edge != null, ErrorCode.EDGE_NOT_FOUND);
    Checks.require(
        edge.creationTime() == request.creationTime(), ErrorCode.MISMATCHING_CREATION_TIME);
    Checks.require(edge.target() == request.targetId(), ErrorCode.MISMATCHING_TARGET);
    if (request.wasMoved()) {
      tx.retireEdge(directory, request.name(), edge.creationTime(), edge.target(), false);
    } else {
      EdgesTable.putCurrent(
          tx,
          tx.shard,
          directory,
          request.name(),
          new EdgesTable.Current(edge.target(), false, edge.creationTime()));
    }
    return ApplyResult.ok(new UnlockCurrentEdgeResponse());
  }
}
