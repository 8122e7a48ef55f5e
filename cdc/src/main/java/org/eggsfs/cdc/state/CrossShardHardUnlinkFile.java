package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileResponse;
import org.eggsfs.protocol.shard.CondemnEdgeRequest;
import org.eggsfs.protocol.shard.LockCurrentEdgeRequest;
import org.eggsfs.protocol.shard.MakeFileTransientRequest;
import org.eggsfs.protocol.shard.RemoveOwnedSnapshotFileEdgeRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.struct.Edge;

/**
 * CROSS_SHARD_HARD_UNLINK_FILE (cdc.md section 6.6), in another order than TernFS's: the edge is
 * condemned, the file is made transient, the edge is removed.
 *
 * <p>Clients can bring the file back at any time, and collectors remove what is left of its edge
 * then, without asking us: our locks keep neither away. If we removed the edge first and found it
 * missing when asking again, we could not know whether it was us, and would destroy a file that has
 * a name. A condemned edge cannot be brought back and is there until the file is given up. So one
 * that is not there when it shall be condemned was never ours to destroy, or an earlier attempt has
 * come to its end; in either case nothing is left to do. This holds for every repetition, so no
 * step has to be on disk before its request leaves.
 *
 * <p>TernFS's shards do not know CONDEMN_EDGE and are silent. One that is, but answers an old
 * request, several times, gets the steps that such shards have always had: {@link Step#CHECK},
 * {@link Step#REMOVE_EDGE}, {@link Step#VERIFY}. They leave the gap, which only shards can close.
 *
 * <p>The numbers 1 to 4 are also those of transactions that were begun before there was
 * CONDEMN_EDGE. At 1 nothing had been changed yet; those at 2 to 4 end as they began.
 */
final class CrossShardHardUnlinkFile extends Transaction {
  /** Times that a shard has to be silent to CONDEMN_EDGE, each about nine seconds. */
  private static final int SILENCES = 2;

  private final CrossShardHardUnlinkFileRequest request;
  private Step step = Step.CONDEMN;
  private int silences;

  CrossShardHardUnlinkFile(long id, ClientRequest client, CrossShardHardUnlinkFileRequest request) {
    super(id, client, InodeIds.NULL);
    this.request = request;
  }

  private enum Step {
    /** CONDEMN_EDGE. */
    CONDEMN(1) {
      @Override
      void send(CrossShardHardUnlinkFile tx, Effects effects) {
        CrossShardHardUnlinkFileRequest request = tx.request;
        tx.send(
            effects,
            0,
            request.ownerId(),
            new CondemnEdgeRequest(
                request.ownerId(), request.targetId(), request.name(), request.creationTime()),
            Due.STARTED);
      }

      @Override
      void answered(CrossShardHardUnlinkFile tx, Effects effects, ShardResponse response) {
        tx.enter(effects, MAKE_TRANSIENT);
      }

      @Override
      void failed(CrossShardHardUnlinkFile tx, Effects effects, ErrorCode error) {
        switch (error) {
          case EDGE_NOT_FOUND -> tx.succeed(new CrossShardHardUnlinkFileResponse());
          case TIMEOUT -> {
            tx.silences++;
            tx.enter(effects, ASK);
          }
          default -> tx.fail(error);
        }
      }
    },

    /**
     * LOCK_CURRENT_EDGE of an edge that cannot be, which all shards refuse. A change like the one
     * that was not answered: a shard that only cannot write is silent to this one as well.
     */
    ASK(6) {
      @Override
      void send(CrossShardHardUnlinkFile tx, Effects effects) {
        CrossShardHardUnlinkFileRequest request = tx.request;
        tx.send(
            effects,
            0,
            request.ownerId(),
            new LockCurrentEdgeRequest(request.ownerId(), request.targetId(), 0, request.name()),
            Due.STARTED);
      }

      @Override
      void answered(CrossShardHardUnlinkFile tx, Effects effects, ShardResponse response) {
        if (tx.silences < SILENCES) {
          tx.enter(effects, CONDEMN);
        } else {
          OldShardsTable.put(effects.target, tx.shard(), effects.time);
          effects.alert(
              "shard "
                  + tx.shard()
                  + " does not know CONDEMN_EDGE and seems to be TernFS's; a file that is brought"
                  + " back while it is being destroyed may be lost");
          tx.enter(effects, CHECK);
        }
      }

      @Override
      void failed(CrossShardHardUnlinkFile tx, Effects effects, ErrorCode error) {
        answered(tx, effects, null);
      }
    },

    /** FULL_READ_DIR(owner, name, creationTime): is it there, owned, and of this file? */
    CHECK(5) {
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

    /**
     * REMOVE_OWNED_SNAPSHOT_FILE_EDGE. Shards answer with success whatever they find. A missing
     * edge counts as our own work from here on, so that this step is recorded before it is sent.
     */
    REMOVE_EDGE(2) {
      @Override
      void send(CrossShardHardUnlinkFile tx, Effects effects) {
        tx.removeEdge(effects, Due.THIS_STEP);
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
        tx.enter(effects, REMOVE_CONDEMNED_EDGE);
      }

      @Override
      void failed(CrossShardHardUnlinkFile tx, Effects effects, ErrorCode error) {
        if (error == ErrorCode.FILE_NOT_FOUND) {
          answered(tx, effects, null);
        } else {
          tx.again(effects, 0, error);
        }
      }
    },

    /**
     * REMOVE_OWNED_SNAPSHOT_FILE_EDGE of what leads to no file any more. Finds nothing, and does no
     * harm, when the edge went first.
     */
    REMOVE_CONDEMNED_EDGE(7) {
      @Override
      void send(CrossShardHardUnlinkFile tx, Effects effects) {
        tx.removeEdge(effects, Due.STARTED);
      }

      @Override
      void answered(CrossShardHardUnlinkFile tx, Effects effects, ShardResponse response) {
        tx.succeed(new CrossShardHardUnlinkFileResponse());
      }

      @Override
      void failed(CrossShardHardUnlinkFile tx, Effects effects, ErrorCode error) {
        if (ShardRequests.isGone(error)) {
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

  /** Of the directory. */
  private int shard() {
    return InodeIds.shard(request.ownerId());
  }

  private void removeEdge(Effects effects, Due due) {
    send(
        effects,
        0,
        request.ownerId(),
        new RemoveOwnedSnapshotFileEdgeRequest(
            request.ownerId(), request.targetId(), request.name(), request.creationTime()),
        due);
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
    boolean old = OldShardsTable.contains(effects.view, shard(), effects.time);
    enter(effects, old ? Step.CHECK : Step.CONDEMN);
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
    out.put((byte) step.number).put((byte) silences);
  }

  @Override
  void decodeState(ByteBuffer in) {
    step = Steps.of(Step.values(), in.get(), value -> value.number);
    // Rows that were written before there was CONDEMN_EDGE end here.
    silences = in.hasRemaining() ? in.get() : 0;
  }
}
