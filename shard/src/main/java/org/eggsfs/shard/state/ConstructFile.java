package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;

/** ConstructFile (shard.md section 8): a new transient file. A repeat makes another one. */
final class ConstructFile {
  private static final long ID_STEP = 0x100;

  private ConstructFile() {}

  static Operation prepare(Preparing preparing, ConstructFileRequest request) throws EggsException {
    // The type alone, in the bits of an id where the common check looks for it.
    Checks.fileOrSymlink(request.type() > 3 ? InodeIds.NULL : InodeIds.of(request.type(), 0, 0));
    return preparing.prolonging(request);
  }

  static ApplyResult apply(Transaction tx, ConstructFileRequest request, long deadline) {
    long id = MetaTable.lastInode(tx.view, tx.shard, request.type()) + ID_STEP;
    MetaTable.putLastInode(tx, tx.shard, request.type(), id);
    tx.put(new TransientTable.Row(id, 0, tx.time, deadline, SpanState.CLEAN, request.note()));
    return ApplyResult.ok(new ConstructFileResponse(id, tx.cookie(id)));
  }
}
