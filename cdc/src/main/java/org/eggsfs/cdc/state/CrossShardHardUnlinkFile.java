package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileResponse;
import org.eggsfs.protocol.shard.MakeFileTransientRequest;
import org.eggsfs.protocol.shard.RemoveOwnedSnapshotFileEdgeRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.struct.Edge;

/**
 * CROSS_SHARD_HARD_UNLINK_FILE (cdc.md section 6.6).
 *
 * <p>Shards answer the removal of an edge with success whatever they find, so the edge is looked at
 * before and after: a collector that is late must not destroy a file that was brought back
 * meanwhile. A missing edge is our own work only if the removal may have been sent, which its step
 * records before it is sent.
 */
final class CrossShardHardUnlinkFile extends Transaction {
  private final CrossShardHardUnlinkFileRequest request;
  private Step step = Step.CHECK;

  CrossShardHardUnlinkFile(long id, ClientRequest client, CrossShardHardUnlinkFileRequest request) {
    super(id, client, InodeIds.NULL);
    this.request = request;
  }

  private enum Step {
    /** FULL_READ_DIR(owner, name, creationTime): is it there, owned, and of this file? */
    CHECK(1) {
      @Override
      void send(CrossShardHardUnlinkFile tx, Effects effects) {
        tx.readEdge(effects);
      }

      @Override
      void answered(CrossShardHardUnlinkFile tx, Effects effects, ShardResponse response) {
        Edge edge = tx.edgeOf(response);
        if (edge == null) {
          tx.succeed(new CrossShardHardUnlinkFileResponse());
        } else if (InodeIds.withoutExtra(edge.targetId()) != tx.request.targetId()) {
          tx.fail(ErrorCode.MISMATCHING_TARGET);
        } else if (!InodeIds.extra(edge.targetId())) {
          tx.fail(ErrorCode.EDGE_NOT_OWNED);
        } else {
          tx.enter(effects, REMOVE_EDGE);
        }
      }

      @Override
      void failed(CrossShardHardUnlinkFile tx, Effects effects, ErrorCode error) {
        tx.fail(error);
      }
    },

    /** REMOVE_OWNED_SNAPSHOT_FILE_EDGE. */
    REMOVE_EDGE(2) {
      @Override
      void send(CrossShardHardUnlinkFile tx, Effects effects) {
        CrossShardHardUnlinkFileRequest request = tx.request;
        tx.send(
            effects,
            0,
            request.ownerId(),
            new RemoveOwnedSnapshotFileEdgeRequest(
                request.ownerId(), request.targetId(), request.name(), request.creationTime()),
            Due.THIS_STEP);
      }

      @Override
      void answered(CrossShardHardUnlinkFile tx, Effects effects, ShardResponse response) {
        tx.enter(effects, VERIFY);
      }

      @Override
      void failed(CrossShardHardUnlinkFile tx, Effects effects, ErrorCode error) {
        if (error == ErrorCode.EDGE_NOT_FOUND) {
          tx.enter(effects, VERIFY);
        } else {
          tx.fail(error);
        }
      }
    },

    /** FULL_READ_DIR once more: an edge that is still there was brought back by somebody. */
    VERIFY(3) {
      @Override
      void send(CrossShardHardUnlinkFile tx, Effects effects) {
        tx.readEdge(effects);
      }

      @Override
      void answered(CrossShardHardUnlinkFile tx, Effects effects, ShardResponse response) {
        if (tx.edgeOf(response) == null) {
          tx.enter(effects, MAKE_TRANSIENT);
        } else {
          tx.fail(ErrorCode.EDGE_NOT_OWNED);
        }
      }

      @Override
      void failed(CrossShardHardUnlinkFile tx, Effects effects, ErrorCode error) {
        if (error == ErrorCode.DIRECTORY_NOT_FOUND) {
          tx.enter(effects, MAKE_TRANSIENT);
        } else {
          tx.again(effects, 0, error);
        }
      }
    },

    /** MAKE_FILE_TRANSIENT(target, name): the collector takes it from there. */
    MAKE_TRANSIENT(4) {
      @Override
      void send(CrossShardHardUnlinkFile tx, Effects effects) {
        long target = tx.request.targetId();
        tx.send(
            effects,
            0,
            target,
            new MakeFileTransientRequest(target, tx.request.name()),
            Due.STARTED);
      }

      @Override
      void answered(CrossShardHardUnlinkFile tx, Effects effects, ShardResponse response) {
        tx.succeed(new CrossShardHardUnlinkFileResponse());
      }

      @Override
      void failed(CrossShardHardUnlinkFile tx, Effects effects, ErrorCode error) {
        if (error == ErrorCode.FILE_NOT_FOUND) {
          answered(tx, effects, null);
        } else {
          tx.again(effects, 0, error);
        }
      }
    };

    private final int number;

    Step(int number) {
      this.number = number;
    }

    abstract void send(CrossShardHardUnlinkFile tx, Effects effects);

    abstract void answered(CrossShardHardUnlinkFile tx, Effects effects, ShardResponse response);

    abstract void failed(CrossShardHardUnlinkFile tx, Effects effects, ErrorCode error);
  }

  private void enter(Effects effects, Step next) {
    step = next;
    beginStep();
    next.send(this, effects);
  }

  private void readEdge(Effects effects) {
    long owner = request.ownerId();
    send(
        effects,
        0,
        owner,
        ShardRequests.snapshotEdge(owner, request.name(), request.creationTime()),
        Due.AT_ONCE);
  }

  /** The edge of exactly the requested creation time, or null. */
  private Edge edgeOf(ShardResponse response) {
    Edge edge = ShardRequests.edge(response);
    return edge != null && !edge.current() && edge.creationTime() == request.creationTime()
        ? edge
        : null;
  }

  @Override
  Locks wantedLocks() {
    return Locks.builder()
        .shared(LockKey.directory(request.ownerId()))
        .exclusive(LockKey.name(request.ownerId(), request.name()))
        .build();
  }

  @Override
  void begin(Effects effects) {
    enter(effects, Step.CHECK);
  }

  @Override
  void resume(Effects effects) {
    enter(effects, step);
  }

  @Override
  String stepName() {
    return step.name();
  }

  @Override
  void answered(Effects effects, int sub, ShardResponse response) {
    step.answered(this, effects, response);
  }

  @Override
  void failed(Effects effects, int sub, ErrorCode error) {
    step.failed(this, effects, error);
  }

  @Override
  void encodeState(ByteBuffer out) {
    out.put((byte) step.number);
  }

  @Override
  void decodeState(ByteBuffer in) {
    step = Steps.of(Step.values(), in.get(), value -> value.number);
  }
}
