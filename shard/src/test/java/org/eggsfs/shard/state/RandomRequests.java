package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.*;
import org.eggsfs.protocol.struct.*;

/**
 * Requests drawn from a seed over few names, directories and files, so that they meet: mostly
 * sensible ones, built from what the shard shows, some with a wrong detail.
 */
final class RandomRequests {
  private static final String[] NAMES = {"a", "b", "c", "d"};
  private static final int DIRECTORIES = 4;
  private static final int FILES_MAX = 12;

  private final Harness shard;
  private final Random random;
  private final List<ConstructFileResponse> files = new ArrayList<>();

  RandomRequests(Harness shard, Random random) {
    this.shard = shard;
    this.random = random;
  }

  /** Learns from an answer. */
  void saw(ShardResponse response) {
    if (response instanceof ConstructFileResponse made) {
      if (files.size() == FILES_MAX) {
        files.remove(random.nextInt(FILES_MAX));
      }
      files.add(made);
    }
  }

  private byte[] name() {
    return Harness.bytes(NAMES[random.nextInt(NAMES.length)]);
  }

  private long directory() {
    int i = random.nextInt(DIRECTORIES);
    return i == 0 && shard.shard == 0 ? InodeIds.ROOT : shard.directory(i + 1);
  }

  private ConstructFileResponse file() {
    return files.isEmpty()
        ? new ConstructFileResponse(InodeIds.of(InodeIds.FILE, 1, shard.shard), 0)
        : files.get(random.nextInt(files.size()));
  }

  private long size(long file) {
    TransientTable.Row row = TransientTable.get(shard.store, shard.shard, file);
    return row == null ? 0 : row.size;
  }

  /** Some span of the file: often the last. */
  private SpansTable.Placed span(long file) {
    long offset = random.nextBoolean() ? Long.MAX_VALUE : 8192L * random.nextInt(3);
    return SpansTable.lastUpTo(shard.store, shard.shard, file, offset);
  }

  /** An edge of the name: its target and creation time, from the current or some past one. */
  private Edge edge(long directory, byte[] name) {
    try {
      List<Edge> edges =
          ((FullReadDirResponse)
                  shard.read(new FullReadDirRequest(directory, 2 | 4 | 1, name, 0, 0, 8972)))
              .results();
      if (!edges.isEmpty()) {
        return edges.get(random.nextInt(Math.min(3, edges.size())));
      }
    } catch (EggsException e) {
      // No such directory: any edge is as good as any other.
    }
    return new Edge(true, file().id(), 0, name, random.nextInt(5));
  }

  ShardRequest next() {
    long dir = directory();
    byte[] name = name();
    Edge edge = edge(dir, name);
    long target = InodeIds.withoutExtra(edge.targetId());
    long created = edge.creationTime();
    ConstructFileResponse file = file();
    ConstructFileResponse other = file();
    return switch (random.nextInt(37)) {
      case 0, 1 ->
          new ConstructFileRequest(random.nextBoolean() ? InodeIds.FILE : InodeIds.SYMLINK, name);
      case 2, 3 -> inline(file);
      case 4, 5, 6 -> Harness.span(file, size(file.id()), 1 + random.nextInt(2), random.nextInt(2));
      case 7, 8, 9 -> certify(file);
      case 10, 11 -> new LinkFileRequest(file.id(), file.cookie(), dir, name);
      case 12 -> commit(file, dir, name);
      case 13 -> new SoftUnlinkFileRequest(dir, target, name, created);
      case 14 ->
          random.nextBoolean()
              ? new SameDirectoryRenameRequest(target, dir, name, created, name())
              : new SameDirectoryRenameNoReplaceRequest(target, dir, name, created, name());
      case 15 -> new SameDirectoryRenameSnapshotRequest(target, dir, name, created, name());
      case 16 -> new RemoveNonOwnedEdgeRequest(dir, target, name, created);
      case 17 -> new SameShardHardFileUnlinkRequest(dir, target, name, created);
      case 18, 19 -> new RemoveSpanInitiateRequest(file.id(), file.cookie());
      case 20 -> erased(file);
      case 21 -> new RemoveInodeRequest(random.nextInt(4) == 0 ? shard.directory(3) : file.id());
      case 22 -> move(file, other);
      case 23 -> swapBlocks(file, other);
      case 24 -> swapSpans(file, other);
      case 25 -> new ScrapTransientFileRequest(file.id(), file.cookie());
      case 26 -> new SetTimeRequest(file.id(), random.nextLong(), random.nextLong());
      case 27 -> directoryRequest(dir);
      case 28 -> new CreateLockedCurrentEdgeRequest(dir, name, file.id(), created);
      case 29 -> new LockCurrentEdgeRequest(dir, target, created, name);
      case 30 -> new UnlockCurrentEdgeRequest(dir, name, created, target, random.nextBoolean());
      case 31 ->
          random.nextBoolean()
              ? new RemoveOwnedSnapshotFileEdgeRequest(dir, target, name, created)
              : new CondemnEdgeRequest(dir, target, name, created);
      case 32 -> new MakeFileTransientRequest(file.id(), name);
      case 33, 34, 35 ->
          new LinkFileOverRequest(
              file.id(), file.cookie(), dir, name, target, created, random.nextInt(9), 7);
      default -> addLocation(file, other);
    };
  }

  private ShardRequest inline(ConstructFileResponse file) {
    byte[] body = new byte[1 + random.nextInt(9)];
    long size = random.nextBoolean() ? 4096 : body.length;
    int crc = Crc32c.zeroExtend(Crc32c.sum(0, body, 0, body.length), size - body.length);
    return new AddInlineSpanRequest(
        file.id(), file.cookie(), StorageClass.INLINE, size(file.id()), size, crc, body);
  }

  private ShardRequest commit(ConstructFileResponse file, long directory, byte[] name) {
    AddSpanCertifyRequest certify = certify(file);
    return new CommitFileRequest(
        file.id(),
        file.cookie(),
        directory,
        name,
        random.nextBoolean(),
        random.nextLong(),
        random.nextLong(),
        certify.byteOffset(),
        random.nextInt(4) == 0 ? List.of() : certify.proofs());
  }

  private AddSpanCertifyRequest certify(ConstructFileResponse file) {
    SpansTable.Placed placed = span(file.id());
    List<AddSpanInitiateBlockInfo> blocks = new ArrayList<>();
    if (placed != null && !placed.span().isInline()) {
      Span.Location location = placed.span().locations().getFirst();
      for (int i = 0; i < location.count(); i++) {
        blocks.add(
            new AddSpanInitiateBlockInfo(
                null, location.services()[i], null, location.blocks()[i], 0));
      }
    }
    return shard.certify(file, placed == null ? 0 : placed.offset(), blocks);
  }

  private ShardRequest erased(ConstructFileResponse file) {
    SpansTable.Placed placed = span(file.id());
    List<RemoveSpanInitiateBlockInfo> blocks = new ArrayList<>();
    if (placed != null) {
      for (Span.Location location : placed.span().locations()) {
        for (int i = 0; i < location.count(); i++) {
          blocks.add(
              new RemoveSpanInitiateBlockInfo(
                  null, location.services()[i], null, 0, location.blocks()[i], 0));
        }
      }
    }
    return new RemoveSpanCertifyRequest(
        file.id(),
        file.cookie(),
        placed == null ? 0 : placed.offset(),
        Harness.eraseProofs(blocks));
  }

  private ShardRequest move(ConstructFileResponse from, ConstructFileResponse to) {
    SpansTable.Placed placed = span(from.id());
    return new MoveSpanRequest(
        placed == null ? 1 : placed.span().size(),
        from.id(),
        placed == null ? 0 : placed.offset(),
        from.cookie(),
        to.id(),
        size(to.id()),
        to.cookie());
  }

  private long anyBlock(SpansTable.Placed placed, int index) {
    return placed == null || placed.span().isInline()
        ? 1
        : placed.span().locations().getFirst().blocks()[index];
  }

  private ShardRequest swapBlocks(ConstructFileResponse one, ConstructFileResponse two) {
    SpansTable.Placed placed1 = span(one.id());
    SpansTable.Placed placed2 = span(two.id());
    int index = random.nextInt(3);
    return new SwapBlocksRequest(
        one.id(),
        placed1 == null ? 0 : placed1.offset(),
        anyBlock(placed1, index),
        two.id(),
        placed2 == null ? 0 : placed2.offset(),
        anyBlock(placed2, index));
  }

  private static long[] blocks(SpansTable.Placed placed) {
    return placed == null ? new long[0] : placed.span().blockIds();
  }

  private ShardRequest swapSpans(ConstructFileResponse one, ConstructFileResponse two) {
    SpansTable.Placed placed1 = span(one.id());
    SpansTable.Placed placed2 = span(two.id());
    return new SwapSpansRequest(
        one.id(),
        placed1 == null ? 0 : placed1.offset(),
        blocks(placed1),
        two.id(),
        placed2 == null ? 0 : placed2.offset(),
        blocks(placed2));
  }

  private ShardRequest addLocation(ConstructFileResponse from, ConstructFileResponse to) {
    SpansTable.Placed placed1 = span(from.id());
    SpansTable.Placed placed2 = span(to.id());
    return new AddSpanLocationRequest(
        from.id(),
        placed1 == null ? 0 : placed1.offset(),
        blocks(placed1),
        to.id(),
        placed2 == null ? 0 : placed2.offset());
  }

  private ShardRequest directoryRequest(long dir) {
    return switch (random.nextInt(4)) {
      case 0 -> new SetDirectoryInfoRequest(dir, Policies.defaults());
      case 1 -> new SetDirectoryOwnerRequest(dir, InodeIds.ROOT);
      case 2 -> new RemoveDirectoryOwnerRequest(dir, Policies.defaults());
      default -> new CreateDirectoryInodeRequest(dir, InodeIds.ROOT, Harness.NO_INFO);
    };
  }
}
