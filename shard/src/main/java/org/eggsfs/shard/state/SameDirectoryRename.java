package org.eggsfs.shard.state;

import java.util.Arrays;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameResponse;

/** SameDirectoryRename (shard.md section 9): a new name in the same directory. */
final class SameDirectoryRename {
  private SameDirectoryRename() {}

  static Operation prepare(Preparing preparing, SameDirectoryRenameRequest request)
      throws EggsException {
    Checks.directory(request.dirId());
    Checks.require(
        !Arrays.equals(request.oldName(), request.newName()),
        ErrorCode.SAME_SOURCE_AND_DESTINATION);
    Checks.name(request.newName());
    preparing.shard(request.dirId());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, SameDirectoryRenameRequest request)
      throws EggsException {
    tx.softUnlink(
        request.dirId(), request.oldName(), request.oldCreationTime(), request.targetId(), false);
    long creationTime = tx.createEdge(request.dirId(), request.newName(), request.targetId());
    return ApplyResult.ok(new SameDirectoryRenameResponse(creationTime));
  }
}
