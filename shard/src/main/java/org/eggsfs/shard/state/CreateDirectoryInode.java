package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.CreateDirectoryInodeRequest;
import org.eggsfs.protocol.shard.CreateDirectoryInodeResponse;

/** CreateDirectoryInode (shard.md section 10a): first step of making a directory. */
final class CreateDirectoryInode {
  private CreateDirectoryInode() {}

  static Operation prepare(Preparing preparing, CreateDirectoryInodeRequest request)
      throws EggsException {
    preparing.shard(request.id());
    Checks.directory(request.id());
    Checks.directory(request.ownerId());
    Policies.check(request.info(), false);
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, CreateDirectoryInodeRequest request)
      throws EggsException {
    DirectoriesTable.Row existing = DirectoriesTable.get(tx.view, tx.shard, request.id());
    if (existing != null) {
      // A removed directory counts as another owner's: ids are never reused, so this is a delayed
      // duplicate and must not bring the directory back.
      Checks.require(existing.owner() == request.ownerId(), ErrorCode.MISMATCHING_OWNER);
      return ApplyResult.ok(new CreateDirectoryInodeResponse(existing.mtime()));
    }
    DirectoriesTable.put(
        tx,
        tx.shard,
        new DirectoriesTable.Row(request.id(), request.ownerId(), tx.time, request.info()));
    return ApplyResult.ok(new CreateDirectoryInodeResponse(tx.time));
  }
}
