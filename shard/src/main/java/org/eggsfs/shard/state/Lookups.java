package org.eggsfs.shard.state;

import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.store.View;

/** Row look-ups with their errors, shared by reads and writes (shard.md section 5). */
final class Lookups {
  private Lookups() {}

  /** GetDir. */
  static DirectoriesTable.Row directory(View view, int shard, long id, boolean allowSnapshot)
      throws EggsException {
    Checks.directory(id);
    DirectoriesTable.Row row = DirectoriesTable.get(view, shard, id);
    if (row == null || (!allowSnapshot && row.isSnapshot())) {
      throw new EggsException(ErrorCode.DIRECTORY_NOT_FOUND);
    }
    return row;
  }

  /** GetFile. */
  static FilesTable.Row file(View view, int shard, long id) throws EggsException {
    Checks.fileOrSymlink(id);
    FilesTable.Row row = FilesTable.get(view, shard, id);
    if (row == null) {
      throw new EggsException(ErrorCode.FILE_NOT_FOUND);
    }
    return row;
  }
}
