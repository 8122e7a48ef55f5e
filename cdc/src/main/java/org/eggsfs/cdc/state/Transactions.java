package org.eggsfs.cdc.state;

import java.util.stream.LongStream;
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

/** The transaction for each request. */
final class Transactions {
  private Transactions() {}

  static Transaction of(long id, ClientRequest client, long freshDirectory) {
    return switch (client.request()) {
      case MakeDirectoryRequest r -> new MakeDirectory(id, client, freshDirectory, r);
      case MakeNewDirectoryRequest r -> new MakeDirectory(id, client, freshDirectory, r);
      case RenameFileRequest r -> new RenameFile(id, client, r);
      case RenameFileNoReplaceRequest r -> new RenameFileNoReplace(id, client, r);
      case SoftUnlinkDirectoryRequest r -> new SoftUnlinkDirectory(id, client, r);
      case RenameDirectoryRequest r -> new RenameDirectory(id, client, r);
      case HardUnlinkDirectoryRequest r -> new HardUnlinkDirectory(id, client, r);
      case CrossShardHardUnlinkFileRequest r -> new CrossShardHardUnlinkFile(id, client, r);
      case RestoreDirectoryRequest r -> new RestoreDirectory(id, client, r);
      case CdcSnapshotRequest _ ->
          throw new IllegalArgumentException("a snapshot is no transaction");
    };
  }

  /** The inodes that the transaction asks the shards of, as far as the request names them. */
  static LongStream inodes(CdcRequest request) {
    return switch (request) {
      case MakeDirectoryRequest r -> LongStream.of(r.ownerId());
      case MakeNewDirectoryRequest r -> LongStream.of(r.ownerId());
      case RenameFileRequest r -> LongStream.of(r.oldOwnerId(), r.newOwnerId());
      case RenameFileNoReplaceRequest r -> LongStream.of(r.oldOwnerId(), r.newOwnerId());
      case SoftUnlinkDirectoryRequest r -> LongStream.of(r.ownerId(), r.targetId());
      case RenameDirectoryRequest r -> LongStream.of(r.oldOwnerId(), r.newOwnerId(), r.targetId());
      case HardUnlinkDirectoryRequest r -> LongStream.of(r.dirId());
      case CrossShardHardUnlinkFileRequest r -> LongStream.of(r.ownerId(), r.targetId());
      case RestoreDirectoryRequest r -> LongStream.of(r.ownerId(), r.targetId());
      case CdcSnapshotRequest _ -> LongStream.empty();
    };
  }

  /** Whether the request needs a directory id of its own. */
  static boolean needsFreshDirectory(CdcRequest request) {
    return request instanceof MakeDirectoryRequest || request instanceof MakeNewDirectoryRequest;
  }
}
