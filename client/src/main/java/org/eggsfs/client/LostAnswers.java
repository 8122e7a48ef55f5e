package org.eggsfs.client;

import java.io.IOException;
import java.util.List;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceRequest;
import org.eggsfs.protocol.cdc.RenameFileNoReplaceResponse;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RenameFileResponse;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryResponse;
import org.eggsfs.protocol.shard.CommitFileRequest;
import org.eggsfs.protocol.shard.CommitFileResponse;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.LinkFileOverRequest;
import org.eggsfs.protocol.shard.LinkFileOverResponse;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameNoReplaceRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameNoReplaceResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.eggsfs.protocol.shard.SoftUnlinkFileResponse;
import org.eggsfs.protocol.struct.Edge;

/**
 * Requests that are not idempotent on the server (client.md section 2.3). When such a request was
 * sent more than once and fails because its edge is gone, an earlier attempt may have succeeded and
 * its answer may be lost. The directory's history tells: the name then shows the very snapshot and
 * deletion that the request makes, and the request is taken to have succeeded.
 *
 * <p>A false positive needs somebody else to remove the same edge in between; accepted.
 */
public final class LostAnswers {
  private final ShardCaller shards;

  /** Asks shards about the history of names. */
  public LostAnswers(ShardCaller shards) {
    this.shards = shards;
  }

  /**
   * The answer that was lost, or null when the error stands.
   *
   * @param attempts how many packets the request took
   */
  public ShardResponse resolve(ShardRequest request, EggsException error, int attempts)
      throws IOException {
    if (attempts < 2) {
      return null;
    }
    try {
      if (error.code() == ErrorCode.EDGE_NOT_FOUND) {
        return switch (request) {
          case SameDirectoryRenameRequest r -> {
            long created =
                renamedWithin(
                    r.dirId(), r.oldName(), r.oldCreationTime(), r.targetId(), r.newName());
            yield created == 0 ? null : new SameDirectoryRenameResponse(created);
          }
          case SameDirectoryRenameNoReplaceRequest r -> {
            long created =
                renamedWithin(
                    r.dirId(), r.oldName(), r.oldCreationTime(), r.targetId(), r.newName());
            yield created == 0 ? null : new SameDirectoryRenameNoReplaceResponse(created);
          }
          case SoftUnlinkFileRequest r -> {
            long deleted = deleted(r.ownerId(), r.name(), r.creationTime(), r.fileId(), true);
            yield deleted == 0 ? null : new SoftUnlinkFileResponse(deleted);
          }
          default -> null;
        };
      }
      if (error.code() == ErrorCode.EDGE_NOT_OWNED
          && request instanceof SameDirectoryRenameSnapshotRequest r) {
        long created = lookup(r.dirId(), r.newName(), r.targetId());
        return created == 0 ? null : new SameDirectoryRenameSnapshotResponse(created);
      }
      if (error.code() == ErrorCode.FILE_NOT_FOUND && request instanceof LinkFileOverRequest r) {
        // It has been linked, and replaced since; else the name never had it.
        long created = hadOnce(r.ownerId(), r.name(), r.fileId());
        return created == 0 ? null : new LinkFileOverResponse(created);
      }
      if (error.code() == ErrorCode.FILE_NOT_FOUND && request instanceof CommitFileRequest r) {
        long created = hadOnce(r.ownerId(), r.name(), r.fileId());
        return created == 0 ? null : new CommitFileResponse(created);
      }
      return null;
    } catch (EggsException e) {
      // Whatever keeps us from finding out, the original error stands.
      return null;
    }
  }

  /** The same for the CDC. */
  public CdcResponse resolve(CdcRequest request, EggsException error, int attempts)
      throws IOException {
    if (attempts < 2 || error.code() != ErrorCode.EDGE_NOT_FOUND) {
      return null;
    }
    try {
      return switch (request) {
        case RenameFileRequest r -> {
          long created =
              renamed(
                  r.oldOwnerId(),
                  r.oldName(),
                  r.oldCreationTime(),
                  r.targetId(),
                  r.newOwnerId(),
                  r.newName());
          yield created == 0 ? null : new RenameFileResponse(created);
        }
        case RenameFileNoReplaceRequest r -> {
          long created =
              renamed(
                  r.oldOwnerId(),
                  r.oldName(),
                  r.oldCreationTime(),
                  r.targetId(),
                  r.newOwnerId(),
                  r.newName());
          yield created == 0 ? null : new RenameFileNoReplaceResponse(created);
        }
        case RenameDirectoryRequest r -> {
          long created =
              renamed(
                  r.oldOwnerId(),
                  r.oldName(),
                  r.oldCreationTime(),
                  r.targetId(),
                  r.newOwnerId(),
                  r.newName());
          yield created == 0 ? null : new RenameDirectoryResponse(created);
        }
        case SoftUnlinkDirectoryRequest r ->
            deleted(r.ownerId(), r.name(), r.creationTime(), r.targetId(), false) == 0
                ? null
                : new SoftUnlinkDirectoryResponse();
        default -> null;
      };
    } catch (EggsException e) {
      return null;
    }
  }

  /**
   * When an edge was renamed within its directory; 0 if it was not. Both names changed at the same
   * time, which finds the edge that was made also when the new name has changed since.
   */
  private long renamedWithin(
      long directory, byte[] oldName, long oldCreationTime, long target, byte[] newName)
      throws EggsException, IOException {
    long time = deleted(directory, oldName, oldCreationTime, target, false);
    if (time == 0) {
      return 0;
    }
    for (Edge edge : history(directory, newName, 0)) {
      if (edge.creationTime() == time && InodeIds.withoutExtra(edge.targetId()) == target) {
        return time;
      }
    }
    return 0;
  }

  private long renamed(
      long oldDirectory,
      byte[] oldName,
      long oldCreationTime,
      long target,
      long newDirectory,
      byte[] newName)
      throws EggsException, IOException {
    return deleted(oldDirectory, oldName, oldCreationTime, target, false) == 0
        ? 0
        : lookup(newDirectory, newName, target);
  }

  /** When the edge was deleted, if the newest history of the name is just this; else 0. */
  private long deleted(long directory, byte[] name, long creationTime, long target, boolean owned)
      throws EggsException, IOException {
    List<Edge> edges = history(directory, name, 2);
    if (edges.size() != 2) {
      return 0;
    }
    Edge deletion = edges.get(0);
    Edge snapshot = edges.get(1);
    boolean matches =
        !deletion.current()
            && InodeIds.withoutExtra(deletion.targetId()) == InodeIds.NULL
            && !snapshot.current()
            && InodeIds.withoutExtra(snapshot.targetId()) == target
            && InodeIds.extra(snapshot.targetId()) == owned
            && snapshot.creationTime() == creationTime;
    return matches ? deletion.creationTime() : 0;
  }

  /** When the name got the target, if its newest history has it at all; else 0. */
  private long hadOnce(long directory, byte[] name, long target) throws EggsException, IOException {
    for (Edge edge : history(directory, name, 0)) {
      if (InodeIds.withoutExtra(edge.targetId()) == target) {
        return edge.creationTime();
      }
    }
    return 0;
  }

  /** The edges of a name, newest first: at most so many, or with 0 as many as a packet has. */
  private List<Edge> history(long directory, byte[] name, int limit)
      throws EggsException, IOException {
    FullReadDirResponse history =
        shards.shard(
            InodeIds.shard(directory),
            new FullReadDirRequest(
                directory,
                FullReadDirFlags.BACKWARDS | FullReadDirFlags.CURRENT | FullReadDirFlags.SAME_NAME,
                name,
                0,
                limit,
                0));
    return history.results();
  }

  /** When the live edge was made, if it leads to the target; else 0. */
  private long lookup(long directory, byte[] name, long target) throws EggsException, IOException {
    LookupResponse found =
        shards.shard(InodeIds.shard(directory), new LookupRequest(directory, name));
    return found.targetId() == target ? found.creationTime() : 0;
  }
}
