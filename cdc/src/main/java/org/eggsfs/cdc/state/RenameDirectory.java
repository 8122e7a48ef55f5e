package org.eggsfs.cdc.state;

import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameDirectoryResponse;

/**
 * RENAME_DIRECTORY (cdc.md section 6.4). It replaces nothing, not even an empty directory. Before
 * it starts, {@link RenameAdmission} makes sure that it closes no loop.
 */
final class RenameDirectory extends Rename {
  RenameDirectory(long id, ClientRequest client, RenameDirectoryRequest request) {
    super(
        id,
        client,
        new Move(
            request.targetId(),
            request.oldOwnerId(),
            request.oldName(),
            request.oldCreationTime(),
            request.newOwnerId(),
            request.newName()));
  }

  @Override
  Locks wantedLocks() {
    // As soon as the new name is unlocked the directory can be renamed again or removed; neither
    // may touch its owner before we are done with it.
    return nameLocks().exclusive(LockKey.parent(move().target())).build();
  }

  @Override
  boolean changesOwner() {
    return true;
  }

  @Override
  ErrorCode newDirectoryMissing() {
    return ErrorCode.DIRECTORY_NOT_FOUND;
  }

  @Override
  void done(long creationTime) {
    succeed(new RenameDirectoryResponse(creationTime));
  }

  @Override
  void updateParents(Effects effects) {
    ParentsTable.put(effects.target, move().target(), move().newOwner());
  }
}
