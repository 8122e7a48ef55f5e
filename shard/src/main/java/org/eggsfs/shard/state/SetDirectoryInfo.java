package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.SetDirectoryInfoRequest;
import org.eggsfs.protocol.shard.SetDirectoryInfoResponse;

/** SetDirectoryInfo (shard.md sections 8, 12.1): replaces a directory's policies. */
final class SetDirectoryInfo {
  private SetDirectoryInfo() {}

  static Operation prepare(Preparing preparing, SetDirectoryInfoRequest request)
      throws EggsException {
    Checks.directory(request.id());
    preparing.shard(request.id());
    Policies.check(request.info(), request.id() == InodeIds.ROOT);
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, SetDirectoryInfoRequest request) throws EggsException {
    DirectoriesTable.Row row = tx.touchDirectory(request.id(), true);
    // Nobody inherits for a directory without an owner.
    Checks.require(
        !row.isSnapshot() || Policies.isComplete(request.info()), ErrorCode.BAD_DIRECTORY_INFO);
    DirectoriesTable.put(tx, tx.shard, row.withInfo(request.info()));
    return ApplyResult.ok(new SetDirectoryInfoResponse());
  }
}
