package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Names;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;

/** Checks on request fields alone; names as in shard.md section 7. */
final class Checks {
  private Checks() {}

  /** FS. */
  static void fileOrSymlink(long id) throws EggsException {
    int type = InodeIds.type(id);
    if (type != InodeIds.FILE && type != InodeIds.SYMLINK) {
      throw new EggsException(ErrorCode.TYPE_IS_DIRECTORY);
    }
  }

  /** Only a directory is refused; the null id passes. */
  static void notDirectory(long id) throws EggsException {
    if (InodeIds.isDirectory(id)) {
      throw new EggsException(ErrorCode.TYPE_IS_DIRECTORY);
    }
  }

  /** DIR. */
  static void directory(long id) throws EggsException {
    if (!InodeIds.isDirectory(id)) {
      throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
    }
  }

  static void name(byte[] name) throws EggsException {
    if (!Names.isValid(name)) {
      throw new EggsException(ErrorCode.BAD_NAME);
    }
  }

  static void spanBody(boolean good) throws EggsException {
    require(good, ErrorCode.BAD_SPAN_BODY);
  }

  static void require(boolean good, ErrorCode error) throws EggsException {
    if (!good) {
      throw new EggsException(error);
    }
  }
}
