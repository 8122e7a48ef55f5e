package org.eggsfs.cdc.state;

import org.eggsfs.protocol.cdc.RenameFileNoReplaceRequest;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceResponse;

/**
 * RENAME_FILE_NO_REPLACE, our own: like {@link RenameFile}, but a name that is taken is an error.
 * Between looking and making the new edge nobody can take it unseen, since the edge is made only if
 * the newest one of the name is still the one looked at.
 */
final class RenameFileNoReplace extends RenameFile {
  RenameFileNoReplace(long id, ClientRequest client, RenameFileNoReplaceRequest request) {
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
  boolean replaces() {
    return false;
  }

  @Override
  void done(long creationTime) {
    succeed(new RenameFileNoReplaceResponse(creationTime));
  }
}
