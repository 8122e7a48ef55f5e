package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.RemoveInodeRequest;
import org.eggsfs.protocol.shard.RemoveInodeResponse;
import org.eggsfs.store.Cursor;

/**
 * RemoveInode (shard.md section 10): the last step of destroying a file, or of removing a
 * directory; the latter only over the signed channel.
 */
final class RemoveInode {
  private RemoveInode() {}

  static Operation prepare(Preparing preparing, RemoveInodeRequest request) throws EggsException {
    preparing.shard(request.id());
    Checks.require(request.id() != InodeIds.ROOT, ErrorCode.CANNOT_REMOVE_ROOT_DIRECTORY);
    Checks.require(
        !InodeIds.isDirectory(request.id()) || preparing.context().signedChannel(),
        ErrorCode.NOT_AUTHORISED);
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, RemoveInodeRequest request) throws EggsException {
    if (InodeIds.isDirectory(request.id())) {
      removeDirectory(tx, request.id());
    } else {
      removeFile(tx, request.id());
    }
    return ApplyResult.ok(new RemoveInodeResponse());
  }

  private static void removeFile(Transaction tx, long id) throws EggsException {
    TransientTable.Row file = TransientTable.get(tx.view, tx.shard, id);
    if (file == null) {
      Checks.require(
          FilesTable.get(tx.view, tx.shard, id) == null, ErrorCode.FILE_IS_NOT_TRANSIENT);
      return;
    }
    Checks.require(file.deadline < tx.time, ErrorCode.DEADLINE_NOT_PASSED);
    Checks.require(!SpansTable.hasAny(tx.view, tx.shard, id), ErrorCode.FILE_NOT_EMPTY);
    tx.delete(TransientTable.key(tx.shard, id));
  }

  private static void removeDirectory(Transaction tx, long id) throws EggsException {
    if (DirectoriesTable.get(tx.view, tx.shard, id) == null) {
      return;
    }
    DirectoriesTable.Row row = tx.checkTouchDirectory(id, true);
    Checks.require(row.owner() == InodeIds.NULL, ErrorCode.DIRECTORY_HAS_OWNER);
    byte[] edges = EdgesTable.directoryKey(tx.shard, id);
    try (Cursor cursor = tx.view.cursor(edges)) {
      cursor.seek(edges);
      Checks.require(
          !cursor.isValid() || !EdgesTable.isOf(cursor.key(), edges),
          ErrorCode.DIRECTORY_NOT_EMPTY);
    }
    tx.delete(DirectoriesTable.key(tx.shard, id));
  }
}
