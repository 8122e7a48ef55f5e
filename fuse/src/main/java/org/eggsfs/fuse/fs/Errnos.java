package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.io.InterruptedIOException;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.protocol.EggsException;

/** Error numbers for what servers and the network say (mount.md sections 1 and 5). */
final class Errnos {
  private Errnos() {}

  /** The error number of a failure; EIO where nothing better is known. */
  static int of(Throwable failure) {
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (at instanceof ErrnoException e) {
        return e.errno();
      }
      if (at instanceof EggsException e) {
        return of(e);
      }
      if (at instanceof InterruptedIOException || at instanceof InterruptedException) {
        return Errno.EINTR;
      }
    }
    return Errno.EIO;
  }

  /** Whether the failure is one that an operator should hear of. */
  static boolean isTrouble(Throwable failure) {
    int errno = of(failure);
    return errno == Errno.EIO || errno == Errno.ETIMEDOUT || errno == Errno.ENOSPC;
  }

  private static int of(EggsException e) {
    return switch (e.code()) {
      case TIMEOUT -> Errno.ETIMEDOUT;
      case NOT_AUTHORISED, BAD_COOKIE -> Errno.EACCES;
      case FILE_NOT_FOUND,
          DIRECTORY_NOT_FOUND,
          NAME_NOT_FOUND,
          EDGE_NOT_FOUND,
          OLD_DIRECTORY_NOT_FOUND,
          NEW_DIRECTORY_NOT_FOUND ->
          Errno.ENOENT;
      case TYPE_IS_DIRECTORY -> Errno.EISDIR;
      case TYPE_IS_NOT_DIRECTORY -> Errno.ENOTDIR;
      case CANNOT_OVERRIDE_NAME -> Errno.EEXIST;
      case DIRECTORY_NOT_EMPTY -> Errno.ENOTEMPTY;
      case LOOP_IN_DIRECTORY_RENAME,
          BAD_NAME,
          MISMATCHING_TARGET,
          MISMATCHING_OWNER,
          MISMATCHING_CREATION_TIME ->
          Errno.EINVAL;
      case NAME_IS_LOCKED,
          EDGE_IS_LOCKED,
          MTIME_IS_TOO_RECENT,
          MORE_RECENT_CURRENT_EDGE,
          MORE_RECENT_SNAPSHOT_EDGE,
          FILE_IS_TRANSIENT,
          LAST_SPAN_STATE_NOT_CLEAN,
          CANNOT_REMOVE_ROOT_DIRECTORY ->
          Errno.EBUSY;
      case COULD_NOT_PICK_BLOCK_SERVICES -> Errno.ENOSPC;
      default -> Errno.EIO;
    };
  }

  /** The failure as one that callers of streams understand. */
  static IOException asIo(Throwable failure) {
    return failure instanceof IOException io ? io : new IOException(failure.getMessage(), failure);
  }
}
