package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LinkFileResponse;

/** LinkFile (shard.md section 8): a complete transient file gets its name. */
final class LinkFile {
  private LinkFile() {}

  static Operation prepare(Preparing preparing, LinkFileRequest request) throws EggsException {
    Checks.directory(request.ownerId());
    preparing.shard(request.ownerId());
    preparing.shard(request.fileId());
    Checks.fileOrSymlink(request.fileId());
    preparing.cookie(request.fileId(), request.cookie());
    Checks.name(request.name());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, LinkFileRequest request) throws EggsException {
    TransientTable.Row file = TransientTable.get(tx.view, tx.shard, request.fileId());
    if (file == null || tx.time > file.deadline) {
      return ApplyResult.ok(new LinkFileResponse(linkedBefore(tx, request)));
    }
    Checks.require(file.lastSpanState == SpanState.CLEAN, ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
    tx.delete(TransientTable.key(tx.shard, file.id));
    FilesTable.put(tx, tx.shard, file.id, new FilesTable.Row(file.size, tx.time, tx.time));
    long creationTime = tx.createEdge(request.ownerId(), request.name(), file.id);
    return ApplyResult.ok(new LinkFileResponse(creationTime));
  }

  /** The creation time of the edge that an earlier execution of the same request made. */
  private static long linkedBefore(Transaction tx, LinkFileRequest request) throws EggsException {
    DirectoriesTable.Row owner = DirectoriesTable.get(tx.view, tx.shard, request.ownerId());
    EdgesTable.Current edge =
        owner == null || owner.isSnapshot()
            ? null
            : EdgesTable.current(tx.view, tx.shard, request.ownerId(), request.name());
    Checks.require(edge != null && edge.target() == request.fileId(), ErrorCode.FILE_NOT_FOUND);
    return edge.creationTime();
  }
}
