package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.SetTimeRequest;
import org.eggsfs.protocol.shard.SetTimeResponse;

/** SetTime (shard.md section 8): bit 63 of each time says whether to set it. */
final class SetTime {
  private SetTime() {}

  static Operation prepare(Preparing preparing, SetTimeRequest request) throws EggsException {
    Checks.notDirectory(request.id());
    preparing.shard(request.id());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, SetTimeRequest request) throws EggsException {
    FilesTable.Row file = Lookups.file(tx.view, tx.shard, request.id());
    FilesTable.Row updated =
        new FilesTable.Row(
            file.size(),
            updated(file.mtime(), request.mtime()),
            updated(file.atime(), request.atime()));
    FilesTable.put(tx, tx.shard, request.id(), updated);
    return ApplyResult.ok(new SetTimeResponse());
  }

  /** The new time if the update's bit 63 is set, else the one from before. */
  static long updated(long before, long update) {
    return update < 0 ? update & Long.MAX_VALUE : before;
  }
}
