package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.SetDirectoryOwnerRequest;
import org.eggsfs.protocol.shard.SetDirectoryOwnerResponse;

/** SetDirectoryOwner (shard.md section 10a): the parent changes, or a removal is undone. */
final class SetDirectoryOwner {
  private SetDirectoryOwner() {}

  static Operation prepare(Preparing preparing, SetDirectoryOwnerRequest request)
      throws EggsException {
    Checks.directory(request.dirId());
    preparing.shard(request.dirId());
    Checks.directory(request.ownerId());
    // The root has no parent; one would make the tree a loop.
    Checks.require(request.dirId() != InodeIds.ROOT, ErrorCode.CANNOT_REMOVE_ROOT_DIRECTORY);
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, SetDirectoryOwnerRequest request) throws EggsException {
    DirectoriesTable.Row row = tx.touchDirectory(request.dirId(), true);
    DirectoriesTable.put(tx, tx.shard, row.withOwner(request.ownerId()));
    return ApplyResult.ok(new SetDirectoryOwnerResponse());
  }
}
