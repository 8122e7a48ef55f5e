package org.eggsfs.shard.state;

import java.util.Arrays;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.SameDirectoryRenameNoReplaceRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameNoReplaceResponse;

/**
 * SameDirectoryRenameNoReplace, our own: like {@link SameDirectoryRename}, but a name that is taken
 * is an error. The old name is looked at first: a repeated request then fails like a repeated
 * SameDirectoryRename, which clients know how to read, and not because of its own new name.
 */
final class SameDirectoryRenameNoReplace {
  private SameDirectoryRenameNoReplace() {}

  static Operation prepare(Preparing preparing, SameDirectoryRenameNoReplaceRequest request)
      throws EggsException {
    Checks.directory(request.dirId());
    Checks.require(
        !Arrays.equals(request.oldName(), request.newName()),
        ErrorCode.SAME_SOURCE_AND_DESTINATION);
    Checks.name(request.newName());
    preparing.shard(request.dirId());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, SameDirectoryRenameNoReplaceRequest request)
      throws EggsException {
    tx.softUnlink(
        request.dirId(), request.oldName(), request.oldCreationTime(), request.targetId(), false);
    Checks.require(
        EdgesTable.current(tx.view, tx.shard, request.dirId(), request.newName()) == null,
        ErrorCode.CANNOT_OVERRIDE_NAME);
    long creationTime = tx.createEdge(request.dirId(), request.newName(), request.targetId());
    return ApplyResult.ok(new SameDirectoryRenameNoReplaceResponse(creationTime));
  }
}
