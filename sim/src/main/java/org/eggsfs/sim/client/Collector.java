package org.eggsfs.sim.client;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.RemoveInodeRequest;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeRequest;
import org.eggsfs.protocol.shard.RemoveSpanCertifyRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateResponse;
import org.eggsfs.protocol.shard.SameShardHardFileUnlinkRequest;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.FullReadDirCursor;
import org.eggsfs.protocol.struct.RemoveSpanInitiateBlockInfo;
import org.eggsfs.protocol.struct.TransientFile;
import org.eggsfs.sim.world.ClientMachine;
import org.eggsfs.sim.world.World;

/**
 * The requests of garbage collection, with a policy of chance: any number of the oldest edges of a
 * name may go. A file counts as given up only when no clock can think otherwise.
 */
final class Collector {
  private static final int FILES_MAX = 3;
  private static final long MARGIN_NANOS = 3 * World.CLOCK_OFFSET_NANOS_MAX;

  /** Of the erasures: one in so many is claimed before it is done. */
  private static final int FALSE_CLAIMS = 4;

  /** One collector in so many stops when blocks are erased, before the shard is told. */
  private static final int LEFT_HALFWAY = 6;

  private final ClientMachine client;
  private final Session session;
  private final Mischief mischief;

  Collector(ClientMachine client, Session session, Mischief mischief) {
    this.client = client;
    this.session = session;
    this.mischief = mischief;
  }

  /** Removes old edges of a directory, and the directory if it is nobody's and empty. */
  void collect(long directory) throws EggsException {
    int kept = 0;
    for (List<Edge> edges : read(directory).values()) {
      int removable = edges.getLast().current() ? edges.size() - 1 : edges.size();
      int count = removable == 0 ? 0 : session.world().random().nextInt(removable + 1);
      if (count < removable && edges.get(count).targetId() == InodeIds.NULL) {
        // A deletion must not be the first edge of a name.
        count++;
      }
      for (int i = 0; i < count; i++) {
        remove(directory, edges.get(i));
      }
      kept += edges.size() - count;
    }
    if (kept == 0 && directory != InodeIds.ROOT) {
      StatDirectoryResponse stat =
          client.shard(InodeIds.shard(directory), new StatDirectoryRequest(directory));
      if (stat.owner() == InodeIds.NULL) {
        client.cdc(new HardUnlinkDirectoryRequest(directory));
      }
    }
  }

  private Map<String, List<Edge>> read(long directory) throws EggsException {
    Map<String, List<Edge>> byName = new LinkedHashMap<>();
    FullReadDirCursor next = new FullReadDirCursor(false, new byte[0], 0);
    do {
      FullReadDirResponse page =
          client.shard(
              InodeIds.shard(directory),
              new FullReadDirRequest(
                  directory,
                  next.current() ? FullReadDirFlags.CURRENT : 0,
                  next.startName(),
                  next.startTime(),
                  0,
                  0));
      for (Edge edge : page.results()) {
        byName.computeIfAbsent(Knowledge.text(edge.name()), name -> new ArrayList<>()).add(edge);
      }
      next = page.next();
    } while (next.startName().length > 0);
    return byName;
  }

  private void remove(long directory, Edge edge) throws EggsException {
    long target = InodeIds.withoutExtra(edge.targetId());
    boolean owned = InodeIds.extra(edge.targetId());
    long time = edge.creationTime();
    session.knowledge().collects(directory, Knowledge.text(edge.name()), time);
    int shard = InodeIds.shard(directory);
    try {
      if (!owned) {
        client.shard(shard, new RemoveNonOwnedEdgeRequest(directory, target, edge.name(), time));
      } else if (InodeIds.shard(target) == shard) {
        client.shard(
            shard, new SameShardHardFileUnlinkRequest(directory, target, edge.name(), time));
      } else {
        client.cdc(new CrossShardHardUnlinkFileRequest(directory, target, edge.name(), time));
      }
    } catch (EggsException e) {
      if (e.code() == ErrorCode.TIMEOUT) {
        // It may be executed yet, and then there is nothing left to undelete.
        session.foretelling().lost();
      }
      if (e.code() != ErrorCode.FILE_NOT_FOUND) {
        throw e;
      }
    }
  }

  /** Destroys files of a shard that were given up. */
  void destroy(int shard) throws EggsException {
    VisitTransientFilesResponse page = client.shard(shard, new VisitTransientFilesRequest(0, 0));
    int destroyed = 0;
    for (TransientFile file : page.files()) {
      if (destroyed < FILES_MAX && client.wallNanos() > file.deadlineTime() + MARGIN_NANOS) {
        destroyed++;
        destroy(shard, file);
      }
    }
  }

  /** Destroys a file, if its deadline has passed, unless something comes between. */
  void destroy(int shard, TransientFile file) throws EggsException {
    while (true) {
      RemoveSpanInitiateResponse span;
      try {
        span = client.shard(shard, new RemoveSpanInitiateRequest(file.id(), file.cookie()));
      } catch (EggsException e) {
        if (e.code() != ErrorCode.FILE_EMPTY) {
          throw e;
        }
        break;
      }
      if (!span.blocks().isEmpty()) {
        if (session.world().random().nextInt(FALSE_CLAIMS) == 0) {
          mischief.claimErased(shard, file, span);
        }
        List<BlockProof> proofs = client.eraseBlocks(erasures(span.blocks()));
        if (proofs == null || session.world().random().nextInt(LEFT_HALFWAY) == 0) {
          return;
        }
        client.shard(
            shard,
            new RemoveSpanCertifyRequest(file.id(), file.cookie(), span.byteOffset(), proofs));
      }
    }
    client.shard(shard, new RemoveInodeRequest(file.id()));
  }

  /** Erases blocks of a file that was given up, and does not come to tell the shard. */
  void beginToDestroy(int shard, ConstructFileResponse file) throws EggsException {
    RemoveSpanInitiateResponse span =
        client.shard(shard, new RemoveSpanInitiateRequest(file.id(), file.cookie()));
    client.eraseBlocks(erasures(span.blocks()));
  }

  private static List<ClientMachine.BlockErasure> erasures(
      List<RemoveSpanInitiateBlockInfo> blocks) {
    List<ClientMachine.BlockErasure> erasures = new ArrayList<>();
    for (RemoveSpanInitiateBlockInfo block : blocks) {
      erasures.add(
          new ClientMachine.BlockErasure(
              block.blockServiceId(),
              block.blockServiceFlags(),
              block.blockId(),
              block.certificate()));
    }
    return erasures;
  }
}
