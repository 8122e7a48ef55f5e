package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeRequest;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeResponse;

/** RemoveNonOwnedEdge (shard.md section 10): collection forgets a past name that keeps no file. */
final class RemoveNonOwnedEdge {
  private RemoveNonOwnedEdge() {}

  static Operation prepare(Preparing preparing, RemoveNonOwnedEdgeRequest request)
      throws EggsException {
    Checks.directory(request.dirId());
    preparing.shard(request.dirId());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, RemoveNonOwnedEdgeRequest request) throws EggsException {
    tx.touchDirectory(request.dirId(), true);
    EdgesTable.Snapshot edge =
        EdgesTable.snapshot(
            tx.view, tx.shard, request.dirId(), request.name(), request.creationTime());
    if (edge != null) {
      Checks.require(!edge.owned(), ErrorCode.EDGE_NOT_FOUND);
      tx.delete(
          EdgesTable.snapshotKey(
              tx.shard, request.dirId(), request.name(), request.creationTime()));
    }
    return ApplyResult.ok(new RemoveNonOwnedEdgeResponse());
  }
}
