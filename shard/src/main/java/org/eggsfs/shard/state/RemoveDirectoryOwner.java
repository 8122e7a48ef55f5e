package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.RemoveDirectoryOwnerRequest;
import org.eggsfs.protocol.shard.RemoveDirectoryOwnerResponse;
import org.eggsfs.store.Cursor;

/**
 * RemoveDirectoryOwner (shard.md section 10a): an empty directory becomes a snapshot directory. It
 * no longer inherits, so it gets its resolved policies.
 */
final class RemoveDirectoryOwner {
  private RemoveDirectoryOwner() {}

  static Operation prepare(Preparing preparing, RemoveDirectoryOwnerRequest request)
      throws EggsException {
    Checks.directory(request.dirId());
    preparing.shard(request.dirId());
    Checks.require(request.dirId() != InodeIds.ROOT, ErrorCode.CANNOT_REMOVE_ROOT_DIRECTORY);
    Policies.check(request.info(), true);
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, RemoveDirectoryOwnerRequest request)
      throws EggsException {
    DirectoriesTable.Row row = tx.touchDirectory(request.dirId(), true);
    if (row.owner() != InodeIds.NULL) {
      Checks.require(!hasCurrentEdge(tx, request.dirId()), ErrorCode.DIRECTORY_NOT_EMPTY);
      DirectoriesTable.put(
          tx,
          tx.shard,
          new DirectoriesTable.Row(request.dirId(), InodeIds.NULL, tx.time, request.info()));
    }
    return ApplyResult.ok(new RemoveDirectoryOwnerResponse());
  }

  private static boolean hasCurrentEdge(Transaction tx, long directory) {
    byte[] prefix = EdgesTable.directoryKey(tx.shard, directory);
    try (Cursor cursor = tx.view.cursor(prefix)) {
      // Current edges are the last ones of their directory.
      cursor.seek(EdgesTable.hashKey(tx.shard, directory, EdgesTable.CURRENT, 0));
      return cursor.isValid() && EdgesTable.isOf(cursor.key(), prefix);
    }
  }
}
