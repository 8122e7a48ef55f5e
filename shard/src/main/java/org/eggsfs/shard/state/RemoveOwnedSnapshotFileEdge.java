package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.RemoveOwnedSnapshotFileEdgeRequest;
import org.eggsfs.protocol.shard.RemoveOwnedSnapshotFileEdgeResponse;

/**
 * RemoveOwnedSnapshotFileEdge (shard.md section 10a): first half of destroying a file of another
 * shard for TernFS's CDC, last step for ours, whose edges are condemned ({@link CondemnEdge}). An
 * edge that is not what the request says stays (W29), and an operator hears of it: the CDC knows no
 * error for that.
 */
final class RemoveOwnedSnapshotFileEdge {
  private RemoveOwnedSnapshotFileEdge() {}

  static Operation prepare(Preparing preparing, RemoveOwnedSnapshotFileEdgeRequest request)
      throws EggsException {
    Checks.directory(request.ownerId());
    preparing.shard(request.ownerId());
    Checks.fileOrSymlink(request.targetId());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, RemoveOwnedSnapshotFileEdgeRequest request)
      throws EggsException {
    RemoveOwnedSnapshotFileEdgeResponse response = new RemoveOwnedSnapshotFileEdgeResponse();
    tx.touchDirectory(request.ownerId(), true);
    EdgesTable.Snapshot edge =
        EdgesTable.snapshot(
            tx.view, tx.shard, request.ownerId(), request.name(), request.creationTime());
    if (edge == null) {
      return ApplyResult.ok(response);
    }
    if (!edge.owned() || edge.target() != request.targetId()) {
      return ApplyResult.alert(
          response,
          "kept an edge that does not match its removal: directory "
              + InodeIds.format(request.ownerId())
              + " creation time "
              + request.creationTime()
              + " target "
              + InodeIds.format(edge.target())
              + (edge.owned() ? " owned" : " not owned")
              + ", asked for target "
              + InodeIds.format(request.targetId()));
    }
    tx.delete(
        EdgesTable.snapshotKey(
            tx.shard, request.ownerId(), request.name(), request.creationTime()));
    return ApplyResult.ok(response);
  }
}
