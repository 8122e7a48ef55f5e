package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.shard.ScrapTransientFileResponse;

/** ScrapTransientFile (shard.md section 8): its writer gives a file up. */
final class ScrapTransientFile {
  private ScrapTransientFile() {}

  static Operation prepare(Preparing preparing, ScrapTransientFileRequest request)
      throws EggsException {
    Checks.require(InodeIds.isFile(request.id()), ErrorCode.FILE_IS_NOT_TRANSIENT);
    preparing.shard(request.id());
    preparing.cookie(request.id(), request.cookie());
    return preparing.expiring(request);
  }

  static ApplyResult apply(Transaction tx, ScrapTransientFileRequest request, long deadline)
      throws EggsException {
    TransientTable.Row file = tx.getTransient(request.id(), true);
    file.deadline = deadline;
    tx.put(file);
    return ApplyResult.ok(new ScrapTransientFileResponse());
  }
}
