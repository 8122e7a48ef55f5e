package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.CondemnEdgeRequest;
import org.eggsfs.protocol.shard.CondemnEdgeResponse;

/**
 * CondemnEdge, our own (docs/protocol.md): the first step of destroying a file of another shard.
 * From here on nobody brings the file back, and the edge is there until the file is given up. So
 * the CDC can tell whether the file is its to destroy however often it asks: an edge that is not
 * there was taken away by somebody else, or all is done.
 *
 * <p>The kind is below 0x80, since none above is free for us; it needs the signed channel all the
 * same.
 */
final class CondemnEdge {
  private CondemnEdge() {}

  static Operation prepare(Preparing preparing, CondemnEdgeRequest request) throws EggsException {
    Checks.require(preparing.context().signedChannel(), ErrorCode.NOT_AUTHORISED);
    Checks.directory(request.ownerId());
    preparing.shard(request.ownerId());
    Checks.fileOrSymlink(request.targetId());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, CondemnEdgeRequest request) throws EggsException {
    tx.touchDirectory(request.ownerId(), true);
    EdgesTable.Snapshot edge =
        EdgesTable.snapshot(
            tx.view, tx.shard, request.ownerId(), request.name(), request.creationTime());
    Checks.require(edge != null, ErrorCode.EDGE_NOT_FOUND);
    Checks.require(edge.target() == request.targetId(), ErrorCode.MISMATCHING_TARGET);
    Checks.require(edge.owned(), ErrorCode.EDGE_NOT_OWNED);
    EdgesTable.putSnapshot(
        tx,
        tx.shard,
        request.ownerId(),
        request.name(),
        request.creationTime(),
        edge.asCondemned());
    return ApplyResult.ok(new CondemnEdgeResponse());
  }
}
