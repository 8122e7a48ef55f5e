package org.eggsfs.cdc.state;

import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.shard.CondemnEdgeRequest;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.struct.Edge;

/** What several transactions ask shards, and how they read the answers. */
public final class ShardRequests {
  private ShardRequests() {}

  /**
   * Whether an error only says that a shard's clock has not moved on. Such an answer changes
   * nothing, so it need not enter the log: the request is repeated after a pause (cdc.md section
   * 13.6).
   */
  public static boolean isTransient(ErrorCode error) {
    return error == ErrorCode.MTIME_IS_TOO_RECENT
        || error == ErrorCode.MORE_RECENT_SNAPSHOT_EDGE
        || error == ErrorCode.MORE_RECENT_CURRENT_EDGE;
  }

  /**
   * Whether a shard of TernFS does not know the request. Such a shard never answers, so silence
   * that lasts has to enter the log as {@link ErrorCode#TIMEOUT}; the transaction knows another
   * way.
   */
  public static boolean mayBeUnknown(ShardRequest request) {
    return request instanceof CondemnEdgeRequest;
  }

  /** Whether an edge is not, or no longer, what a request took it for. */
  static boolean isGone(ErrorCode error) {
    return error == ErrorCode.EDGE_NOT_FOUND
        || error == ErrorCode.MISMATCHING_CREATION_TIME
        || error == ErrorCode.MISMATCHING_TARGET
        || error == ErrorCode.DIRECTORY_NOT_FOUND;
  }

  /** Asks for the newest edge of a name: the current one, else the newest snapshot (1.2). */
  static FullReadDirRequest newestEdge(long directory, byte[] name) {
    return new FullReadDirRequest(
        directory,
        FullReadDirFlags.CURRENT | FullReadDirFlags.BACKWARDS | FullReadDirFlags.SAME_NAME,
        name,
        0,
        1,
        0);
  }

  /** Asks for the newest snapshot edge of a name that is not younger than a time. */
  static FullReadDirRequest snapshotEdge(long directory, byte[] name, long creationTime) {
    return new FullReadDirRequest(
        directory,
        FullReadDirFlags.BACKWARDS | FullReadDirFlags.SAME_NAME,
        name,
        creationTime,
        1,
        0);
  }

  /** The only edge of the answer, or null. */
  static Edge edge(ShardResponse response) {
    FullReadDirResponse listing = (FullReadDirResponse) response;
    return listing.results().isEmpty() ? null : listing.results().getFirst();
  }
}
