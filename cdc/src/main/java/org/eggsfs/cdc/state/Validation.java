package org.eggsfs.cdc.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Names;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcSnapshotRequest;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeNewDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceRequest;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RestoreDirectoryRequest;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;

/**
 * What is refused on arrival, without a transaction (cdc.md section 13.2): in this order ids that
 * are null, owners that are no directories, names that cannot be made, and the start checks of
 * chapter 6. Names of edges that should exist are not checked; they will not be found.
 */
final class Validation {
  private Validation() {}

  /** The error to answer, or null. */
  static ErrorCode check(CdcRequest request) {
    return switch (request) {
      case MakeDirectoryRequest r -> make(r.ownerId(), r.name());
      case MakeNewDirectoryRequest r -> make(r.ownerId(), r.name());
      case RenameFileRequest r ->
          renameFile(r.targetId(), r.oldOwnerId(), r.newOwnerId(), r.newName());
      case RenameFileNoReplaceRequest r ->
          renameFile(r.targetId(), r.oldOwnerId(), r.newOwnerId(), r.newName());
      case RenameDirectoryRequest r -> {
        ErrorCode error = rename(r.targetId(), r.oldOwnerId(), r.newOwnerId(), r.newName());
        yield error == null && !InodeIds.isDirectory(r.targetId())
            ? ErrorCode.TYPE_IS_NOT_DIRECTORY
            : orSameDirectories(error, r.oldOwnerId(), r.newOwnerId());
      }
      case SoftUnlinkDirectoryRequest r -> directories(r.ownerId(), r.targetId());
      case HardUnlinkDirectoryRequest r -> {
        ErrorCode error = directories(r.dirId());
        yield error == null && r.dirId() == InodeIds.ROOT
            ? ErrorCode.CANNOT_REMOVE_ROOT_DIRECTORY
            : error;
      }
      case CrossShardHardUnlinkFileRequest r -> crossShardHardUnlinkFile(r);
      case RestoreDirectoryRequest r -> restore(r);
      case CdcSnapshotRequest _ -> null;
    };
  }

  private static ErrorCode directories(long... ids) {
    for (long id : ids) {
      if (id == InodeIds.NULL) {
        return ErrorCode.MALFORMED_REQUEST;
      }
    }
    for (long id : ids) {
      if (!InodeIds.isDirectory(id)) {
        return ErrorCode.TYPE_IS_NOT_DIRECTORY;
      }
    }
    return null;
  }

  private static ErrorCode newName(byte[] name) {
    return Names.isValid(name) ? null : ErrorCode.BAD_NAME;
  }

  private static ErrorCode make(long owner, byte[] name) {
    ErrorCode error = directories(owner);
    return error == null ? newName(name) : error;
  }

  private static ErrorCode renameFile(long target, long oldOwner, long newOwner, byte[] newName) {
    ErrorCode error = rename(target, oldOwner, newOwner, newName);
    // Sic: the number that clients know for it.
    return error == null && InodeIds.isDirectory(target)
        ? ErrorCode.TYPE_IS_NOT_DIRECTORY
        : orSameDirectories(error, oldOwner, newOwner);
  }

  private static ErrorCode rename(long target, long oldOwner, long newOwner, byte[] newName) {
    if (target == InodeIds.NULL) {
      return ErrorCode.MALFORMED_REQUEST;
    }
    ErrorCode error = directories(oldOwner, newOwner);
    return error == null ? newName(newName) : error;
  }

  private static ErrorCode orSameDirectories(ErrorCode error, long oldOwner, long newOwner) {
    return error == null && oldOwner == newOwner ? ErrorCode.SAME_DIRECTORIES : error;
  }

  private static ErrorCode restore(RestoreDirectoryRequest request) {
    ErrorCode error = directories(request.targetId(), request.ownerId());
    if (error != null) {
      return error;
    }
    if (request.targetId() == InodeIds.ROOT || request.targetId() == request.ownerId()) {
      return ErrorCode.LOOP_IN_DIRECTORY_RENAME;
    }
    return newName(request.name());
  }

  private static ErrorCode crossShardHardUnlinkFile(CrossShardHardUnlinkFileRequest request) {
    if (request.targetId() == InodeIds.NULL) {
      return ErrorCode.MALFORMED_REQUEST;
    }
    ErrorCode error = directories(request.ownerId());
    if (error != null) {
      return error;
    }
    if (InodeIds.shard(request.ownerId()) == InodeIds.shard(request.targetId())) {
      return ErrorCode.SAME_SHARD;
    }
    return InodeIds.isDirectory(request.targetId()) ? ErrorCode.TYPE_IS_DIRECTORY : null;
  }
}
