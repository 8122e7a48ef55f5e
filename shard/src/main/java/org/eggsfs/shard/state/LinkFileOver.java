package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LinkFileOverRequest;
import org.eggsfs.protocol.shard.LinkFileOverResponse;

/**
 * LinkFileOver, a message of our own: a complete transient file takes the place of a file, if the
 * name still has the edge that the writer has seen. A copy of a file that is laid out anew can so
 * neither bring back a name that was removed or renamed meanwhile nor hide a newer version
 * (LinkFile would do both), and it has the times of the original.
 *
 * <p>The file that is replaced becomes an owned snapshot, as under LinkFile.
 */
final class LinkFileOver {
  private LinkFileOver() {}

  static Operation prepare(Preparing preparing, LinkFileOverRequest request) throws EggsException {
    LinkFile.checkNaming(
        preparing, request.ownerId(), request.fileId(), request.cookie(), request.name());
    Checks.fileOrSymlink(request.replacedId());
    // SetTime has 63 bits for a time, too.
    Checks.require(request.mtime() >= 0 && request.atime() >= 0, ErrorCode.MALFORMED_REQUEST);
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, LinkFileOverRequest request) throws EggsException {
    TransientTable.Row file = TransientTable.get(tx.view, tx.shard, request.fileId());
    if (file == null || tx.time > file.deadline) {
      long creationTime =
          LinkFile.linkedBefore(tx, request.ownerId(), request.name(), request.fileId());
      return ApplyResult.ok(new LinkFileOverResponse(creationTime));
    }
    Checks.require(file.lastSpanState == SpanState.CLEAN, ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
    long creationTime =
        tx.replaceEdge(
            request.ownerId(),
            request.name(),
            request.replacedId(),
            request.replacedCreationTime(),
            file.id);
    tx.delete(TransientTable.key(tx.shard, file.id));
    FilesTable.put(tx, tx.shard, file.id, timed(tx, file.size, request));
    return ApplyResult.ok(new LinkFileOverResponse(creationTime));
  }

  /**
   * The row with the times of the file that is replaced: what they are now if this shard has that
   * file, else what the writer has read in the shard that has it.
   */
  private static FilesTable.Row timed(Transaction tx, long size, LinkFileOverRequest request) {
    FilesTable.Row replaced =
        InodeIds.shard(request.replacedId()) == tx.shard
            ? FilesTable.get(tx.view, tx.shard, request.replacedId())
            : null;
    return replaced == null
        ? new FilesTable.Row(size, request.mtime(), request.atime())
        : new FilesTable.Row(size, replaced.mtime(), replaced.atime());
  }
}
