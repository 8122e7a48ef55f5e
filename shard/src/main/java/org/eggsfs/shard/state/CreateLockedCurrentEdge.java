package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.CreateLockedCurrentEdgeRequest;
import org.eggsfs.protocol.shard.CreateLockedCurrentEdgeResponse;

/** CreateLockedCurrentEdge (shard.md section 10a): a name that nobody else may touch yet. */
final class CreateLockedCurrentEdge {
  private CreateLockedCurrentEdge() {}

  static Operation prepare(Preparing preparing, CreateLockedCurrentEdgeRequest request)
      throws EggsException {
    Checks.directory(request.dirId());
    preparing.shard(request.dirId());
    Checks.name(request.name());
    Checks.require(request.targetId() != InodeIds.NULL, ErrorCode.MALFORMED_REQUEST);
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, CreateLockedCurrentEdgeRequest request)
      throws EggsException {
    long creationTime =
        tx.createLockedEdge(
            request.dirId(), request.name(), request.targetId(), request.oldCreationTime());
    return ApplyResult.ok(new CreateLockedCurrentEdgeResponse(creationTime));
  }
}
