package org.eggsfs.cdc.state;

import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RenameFileResponse;

/** RENAME_FILE (cdc.md section 6.2). A file that holds the new name is replaced. */
final class RenameFile extends Rename {
  RenameFile(long id, ClientRequest client, RenameFileRequest request) {
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
    return nameLocks().build();
  }

  @Override
  boolean changesOwner() {
    return false;
  }

  @Override
  ErrorCode newDirectoryMissing() {
    return ErrorCode.NEW_DIRECTORY_NOT_FOUND;
  }

  @Override
  void done(long creationTime) {
    succeed(new RenameFileResponse(creationTime));
  }
}
