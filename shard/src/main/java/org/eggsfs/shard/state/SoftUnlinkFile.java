package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.eggsfs.protocol.shard.SoftUnlinkFileResponse;

/** SoftUnlinkFile (shard.md section 9): the name goes into the past and keeps the file. */
final class SoftUnlinkFile {
  private SoftUnlinkFile() {}

  static Operation prepare(Preparing preparing, SoftUnlinkFileRequest request)
      throws EggsException {
    Checks.directory(request.ownerId());
    Checks.fileOrSymlink(request.fileId());
    preparing.shard(request.ownerId());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, SoftUnlinkFileRequest request) throws EggsException {
    tx.softUnlink(
        request.ownerId(), request.name(), request.creationTime(), request.fileId(), true);
    return ApplyResult.ok(new SoftUnlinkFileResponse(tx.time));
  }
}
