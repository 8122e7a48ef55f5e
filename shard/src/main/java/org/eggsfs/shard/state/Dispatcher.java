package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.AddInlineSpanRequest;
import org.eggsfs.protocol.shard.AddSpanAtLocationInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateWithReferenceRequest;
import org.eggsfs.protocol.shard.AddSpanLocationRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.CommitFileRequest;
import org.eggsfs.protocol.shard.CondemnEdgeRequest;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.CreateDirectoryInodeRequest;
import org.eggsfs.protocol.shard.CreateLockedCurrentEdgeRequest;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.LinkFileOverRequest;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.LockCurrentEdgeRequest;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.MakeFileTransientRequest;
import org.eggsfs.protocol.shard.MoveSpanRequest;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.RemoveDirectoryOwnerRequest;
import org.eggsfs.protocol.shard.RemoveInodeRequest;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeRequest;
import org.eggsfs.protocol.shard.RemoveOwnedSnapshotFileEdgeRequest;
import org.eggsfs.protocol.shard.RemoveSpanCertifyRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateRequest;
import org.eggsfs.protocol.shard.RemoveZeroBlockServiceFilesRequest;
import org.eggsfs.protocol.shard.RemoveZeroBlockServiceFilesResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameNoReplaceRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.SameShardHardFileUnlinkRequest;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.shard.SetDirectoryInfoRequest;
import org.eggsfs.protocol.shard.SetDirectoryOwnerRequest;
import org.eggsfs.protocol.shard.SetTimeRequest;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.ShardSnapshotRequest;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatTransientFileRequest;
import org.eggsfs.protocol.shard.SwapBlocksRequest;
import org.eggsfs.protocol.shard.SwapSpansRequest;
import org.eggsfs.protocol.shard.UnlockCurrentEdgeRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;

/** The table from requests to the classes that handle them. */
final class Dispatcher {
  private Dispatcher() {}

  static ShardResponse read(Reading reading, ShardRequest request) throws EggsException {
    return switch (request) {
      case LookupRequest r -> Stats.lookup(reading, r);
      case StatFileRequest r -> Stats.file(reading, r);
      case StatTransientFileRequest r -> Stats.transientFile(reading, r);
      case StatDirectoryRequest r -> Stats.directory(reading, r);
      case ReadDirRequest r -> ReadDir.run(reading, r);
      case FullReadDirRequest r -> FullReadDir.run(reading, r);
      case LocalFileSpansRequest r -> SpanListing.local(reading, r);
      case FileSpansRequest r -> SpanListing.full(reading, r);
      case VisitDirectoriesRequest r -> Visits.directories(reading, r);
      case VisitFilesRequest r -> Visits.files(reading, r);
      case VisitTransientFilesRequest r -> Visits.transientFiles(reading, r);
      case BlockServiceFilesRequest r -> Visits.blockServiceFiles(reading, r);
      default -> throw notHandled(request, "read");
    };
  }

  static Operation prepare(Preparing preparing, ShardRequest request) throws EggsException {
    Checks.require(
        preparing.context().signedChannel() || !ShardKind.isPrivileged(request.kind()),
        ErrorCode.NOT_AUTHORISED);
    return switch (request) {
      case ConstructFileRequest r -> ConstructFile.prepare(preparing, r);
      case AddInlineSpanRequest r -> AddInlineSpan.prepare(preparing, r);
      case LinkFileRequest r -> LinkFile.prepare(preparing, r);
      case LinkFileOverRequest r -> LinkFileOver.prepare(preparing, r);
      case MoveSpanRequest r -> MoveSpan.prepare(preparing, r);
      case ScrapTransientFileRequest r -> ScrapTransientFile.prepare(preparing, r);
      case SetTimeRequest r -> SetTime.prepare(preparing, r);
      case SetDirectoryInfoRequest r -> SetDirectoryInfo.prepare(preparing, r);
      case SameDirectoryRenameRequest r -> SameDirectoryRename.prepare(preparing, r);
      case SameDirectoryRenameNoReplaceRequest r ->
          SameDirectoryRenameNoReplace.prepare(preparing, r);
      case SameDirectoryRenameSnapshotRequest r ->
          SameDirectoryRenameSnapshot.prepare(preparing, r);
      case SoftUnlinkFileRequest r -> SoftUnlinkFile.prepare(preparing, r);
      case RemoveNonOwnedEdgeRequest r -> RemoveNonOwnedEdge.prepare(preparing, r);
      case SameShardHardFileUnlinkRequest r -> SameShardHardFileUnlink.prepare(preparing, r);
      case RemoveSpanInitiateRequest r -> RemoveSpanInitiate.prepare(preparing, r);
      case RemoveInodeRequest r -> RemoveInode.prepare(preparing, r);
      case SwapSpansRequest r -> SwapSpans.prepare(preparing, r);
      case AddSpanLocationRequest r -> AddSpanLocation.prepare(preparing, r);
      case CreateDirectoryInodeRequest r -> CreateDirectoryInode.prepare(preparing, r);
      case SetDirectoryOwnerRequest r -> SetDirectoryOwner.prepare(preparing, r);
      case RemoveDirectoryOwnerRequest r -> RemoveDirectoryOwner.prepare(preparing, r);
      case CreateLockedCurrentEdgeRequest r -> CreateLockedCurrentEdge.prepare(preparing, r);
      case LockCurrentEdgeRequest r -> LockCurrentEdge.prepare(preparing, r);
      case UnlockCurrentEdgeRequest r -> UnlockCurrentEdge.prepare(preparing, r);
      case CondemnEdgeRequest r -> CondemnEdge.prepare(preparing, r);
      case RemoveOwnedSnapshotFileEdgeRequest r ->
          RemoveOwnedSnapshotFileEdge.prepare(preparing, r);
      case MakeFileTransientRequest r -> MakeFileTransient.prepare(preparing, r);
      case AddSpanCertifyRequest r -> AddSpanCertify.prepare(preparing, r);
      case CommitFileRequest r -> CommitFile.prepare(preparing, r);
      case RemoveSpanCertifyRequest r -> RemoveSpanCertify.prepare(preparing, r);
      case SwapBlocksRequest r -> SwapBlocks.prepare(preparing, r);
      case AddSpanInitiateRequest r -> AddSpan.prepare(preparing, r);
      case AddSpanInitiateWithReferenceRequest r -> AddSpan.prepare(preparing, r);
      case AddSpanAtLocationInitiateRequest r -> AddSpan.prepare(preparing, r);
      // Rows at zero are removed at once (W34), so there is never anything to do.
      case RemoveZeroBlockServiceFilesRequest r -> Preparing.plain(r);
      case ShardSnapshotRequest r -> {
        Checks.require(preparing.context().signedChannel(), ErrorCode.NOT_AUTHORISED);
        throw notHandled(r, "entry");
      }
      default -> throw notHandled(request, "write");
    };
  }

  static ApplyResult apply(Transaction tx, Operation operation) throws EggsException {
    return switch (operation) {
      case Operation.Plain plain -> apply(tx, plain.request(), plain.deadline());
      case Operation.AddSpan add -> AddSpan.apply(tx, add);
      case Operation.Certify certify -> apply(tx, certify);
      case Operation.SwapBlocks swap -> SwapBlocks.apply(tx, swap);
    };
  }

  private static ApplyResult apply(Transaction tx, Operation.Certify certify) throws EggsException {
    return switch (certify.request()) {
      case AddSpanCertifyRequest r -> AddSpanCertify.apply(tx, r, certify);
      case CommitFileRequest r -> CommitFile.apply(tx, r, certify);
      case RemoveSpanCertifyRequest r -> RemoveSpanCertify.apply(tx, r, certify);
      default -> throw notHandled(certify.request(), "proof");
    };
  }

  private static ApplyResult apply(Transaction tx, ShardRequest request, long deadline)
      throws EggsException {
    return switch (request) {
      case ConstructFileRequest r -> ConstructFile.apply(tx, r, deadline);
      case AddInlineSpanRequest r -> AddInlineSpan.apply(tx, r, deadline);
      case LinkFileRequest r -> LinkFile.apply(tx, r);
      case LinkFileOverRequest r -> LinkFileOver.apply(tx, r);
      case MoveSpanRequest r -> MoveSpan.apply(tx, r);
      case ScrapTransientFileRequest r -> ScrapTransientFile.apply(tx, r, deadline);
      case SetTimeRequest r -> SetTime.apply(tx, r);
      case SetDirectoryInfoRequest r -> SetDirectoryInfo.apply(tx, r);
      case SameDirectoryRenameRequest r -> SameDirectoryRename.apply(tx, r);
      case SameDirectoryRenameNoReplaceRequest r -> SameDirectoryRenameNoReplace.apply(tx, r);
      case SameDirectoryRenameSnapshotRequest r -> SameDirectoryRenameSnapshot.apply(tx, r);
      case SoftUnlinkFileRequest r -> SoftUnlinkFile.apply(tx, r);
      case RemoveNonOwnedEdgeRequest r -> RemoveNonOwnedEdge.apply(tx, r);
      case SameShardHardFileUnlinkRequest r -> SameShardHardFileUnlink.apply(tx, r, deadline);
      case RemoveSpanInitiateRequest r -> RemoveSpanInitiate.apply(tx, r);
      case RemoveInodeRequest r -> RemoveInode.apply(tx, r);
      case SwapSpansRequest r -> SwapSpans.apply(tx, r);
      case AddSpanLocationRequest r -> AddSpanLocation.apply(tx, r, deadline);
      case CreateDirectoryInodeRequest r -> CreateDirectoryInode.apply(tx, r);
      case SetDirectoryOwnerRequest r -> SetDirectoryOwner.apply(tx, r);
      case RemoveDirectoryOwnerRequest r -> RemoveDirectoryOwner.apply(tx, r);
      case CreateLockedCurrentEdgeRequest r -> CreateLockedCurrentEdge.apply(tx, r);
      case LockCurrentEdgeRequest r -> LockCurrentEdge.apply(tx, r);
      case UnlockCurrentEdgeRequest r -> UnlockCurrentEdge.apply(tx, r);
      case CondemnEdgeRequest r -> CondemnEdge.apply(tx, r);
      case RemoveOwnedSnapshotFileEdgeRequest r -> RemoveOwnedSnapshotFileEdge.apply(tx, r);
      case MakeFileTransientRequest r -> MakeFileTransient.apply(tx, r, deadline);
      case RemoveZeroBlockServiceFilesRequest _ ->
          ApplyResult.ok(new RemoveZeroBlockServiceFilesResponse(0, 0, InodeIds.NULL));
      default -> throw notHandled(request, "plain entry");
    };
  }

  private static IllegalArgumentException notHandled(ShardRequest request, String what) {
    return new IllegalArgumentException(ShardKind.name(request.kind()) + " is no " + what);
  }
}
