package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LinkFileResponse;

/** LinkFile (shard.md section 8): a complete transient file gets its name. */
final class LinkFile {
  private LinkFile() {}

  static Operation prepare(Preparing preparing, LinkFileRequest request) throws EggsException {
    checkNaming(preparing, request.ownerId(), request.fileId(), request.cookie(), request.name());
    return Preparing.plain(request);
  }

  /** What every request that gives a transient file a name has to fulfil, in this order. */
  static void checkNaming(Preparing preparing, long owner, long file, long cookie, byte[] name)
      throws EggsException {
    Checks.directory(owner);
    preparing.shard(owner);
    preparing.shard(file);
    Checks.fileOrSymlink(file);
    preparing.cookie(file, cookie);
    Checks.name(name);
  }

  static ApplyResult apply(Transaction tx, LinkFileRequest request) throws EggsException {
    TransientTable.Row file = TransientTable.get(tx.view, tx.shard, request.fileId());
    if (file == null || tx.time > file.deadline) {
      long creationTime = linkedBefore(tx, request.ownerId(), request.name(), request.fileId());
      return ApplyResult.ok(new LinkFileResponse(creationTime));
    }
    Checks.require(file.lastSpanState == SpanState.CLEAN, ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
    tx.delete(TransientTable.key(tx.shard, file.id));
    FilesTable.put(tx, tx.shard, file.id, new FilesTable.Row(file.size, tx.time, tx.time));
    long creationTime = tx.createEdge(request.ownerId(), request.name(), file.id);
    return ApplyResult.ok(new LinkFileResponse(creationTime));
  }

  /**
   * The creation time of the edge that an earlier execution of the same request made, of whichever
   * request that links a file.
   */
  static long linkedBefore(Transaction tx, long owner, byte[] name, long file)
      throws EggsException {
    DirectoriesTable.Row directory = DirectoriesTable.get(tx.view, tx.shard, owner);
    EdgesTable.Current edge =
        directory == null || directory.isSnapshot()
            ? null
            : EdgesTable.current(tx.view, tx.shard, owner, name);
    Checks.require(edge != null && edge.target() == file, ErrorCode.FILE_NOT_FOUND);
    return edge.creationTime();
  }
}
