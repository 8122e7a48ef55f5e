package org.eggsfs.cdc.state;

import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RenameFileResponse;

/** RENAME_FILE (cdc.md section 6.2). A file that holds the new name is replaced. */
class RenameFile extends Rename {
  RenameFile(long id, ClientRequest client, RenameFileRequest request) {
    this(
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

  /** For a request of another kind with the same fields. */
  RenameFile(long id, ClientRequest client, Move move) {
    super(id, client, move);
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
