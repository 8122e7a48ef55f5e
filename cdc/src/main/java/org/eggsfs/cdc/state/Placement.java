package org.eggsfs.cdc.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.RestoreDirectoryRequest;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.store.View;

/**
 * What the parent map tells about a request that wants a directory for itself (cdc.md section
 * 13.4). A client may name any directory as the target, with an owner whose shard does not answer;
 * all who work in that directory would wait for it, in the root everybody. So an owner that is not
 * the target's is refused before locks are asked for, with the error that the owner's shard would
 * give.
 */
final class Placement {
  private Placement() {}

  /** The error to answer, or null. */
  static ErrorCode check(View view, LockTable locks, CdcRequest request) {
    return switch (request) {
      case SoftUnlinkDirectoryRequest r ->
          isElsewhere(view, locks, r.targetId(), r.ownerId()) ? noEdge(view, r.ownerId()) : null;
      case RestoreDirectoryRequest r ->
          isElsewhere(view, locks, r.targetId(), r.ownerId())
              ? ErrorCode.DIRECTORY_HAS_OWNER
              : null;
      default -> null;
    };
  }

  /**
   * Whether a directory certainly has another owner. Not so if it may get one from a transaction
   * before us, or if it has none or is unknown: then nobody works in it, and its shard decides.
   */
  private static boolean isElsewhere(View view, LockTable locks, long directory, long owner) {
    if (directory == InodeIds.ROOT) {
      return true;
    }
    long actual = ParentsTable.get(view, directory);
    return actual != InodeIds.NULL && actual != owner && !locks.isWanted(LockKey.parent(directory));
  }

  private static ErrorCode noEdge(View view, long owner) {
    boolean exists = owner == InodeIds.ROOT || ParentsTable.get(view, owner) != InodeIds.NULL;
    return exists ? ErrorCode.EDGE_NOT_FOUND : ErrorCode.DIRECTORY_NOT_FOUND;
  }
}
