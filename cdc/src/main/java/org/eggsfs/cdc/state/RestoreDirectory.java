package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.RestoreDirectoryRequest;
import org.eggsfs.protocol.cdc.RestoreDirectoryResponse;
import org.eggsfs.protocol.shard.CreateLockedCurrentEdgeRequest;
import org.eggsfs.protocol.shard.CreateLockedCurrentEdgeResponse;
import org.eggsfs.protocol.shard.SetDirectoryOwnerRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.UnlockCurrentEdgeRequest;
import org.eggsfs.protocol.struct.Edge;

/**
 * RESTORE_DIRECTORY, our own: a removed directory that is not yet collected gets an owner and a
 * name again, the undoing of {@link SoftUnlinkDirectory}. What was in it is still in it as
 * snapshots, which shards bring back one by one once the directory is alive.
 *
 * <p>It cannot close a loop: a removed directory has no current edges, so nothing is below it.
 *
 * <p>The point of no return is {@link Step#COMMIT}. Before it, the only change is the locked edge,
 * and when that is refused there is nothing to undo. That the directory stays removed until then is
 * certain, since we hold its lock.
 */
final class RestoreDirectory extends Transaction {
  /** Requests of {@link Step#READ}. */
  private static final int EDGE = 0;

  private static final int TARGET = 1;

  /** Requests of {@link Step#COMMIT}. */
  private static final int UNLOCK = 0;

  private static final int OWNER = 1;

  private final RestoreDirectoryRequest request;
  private Step step = Step.READ;
  private Edge newest;
  private long targetOwner;
  private long oldCreationTime;
  private long creationTime;

  RestoreDirectory(long id, ClientRequest client, RestoreDirectoryRequest request) {
    super(id, client, InodeIds.NULL);
    this.request = request;
  }

  private enum Step {
    /** FULL_READ_DIR(owner, name) and STAT_DIRECTORY(target) at once: is it free, is it removed? */
    READ(1) {
      @Override
      void send(RestoreDirectory tx, Effects effects) {
        long owner = tx.request.ownerId();
        long target = tx.request.targetId();
        tx.newest = null;
        tx.send(
            effects, EDGE, owner, ShardRequests.newestEdge(owner, tx.request.name()), Due.AT_ONCE);
        tx.send(effects, TARGET, target, new StatDirectoryRequest(target), Due.AT_ONCE);
      }

      @Override
      void answered(RestoreDirectory tx, Effects effects, int sub, ShardResponse response) {
        if (sub == EDGE) {
          tx.newest = ShardRequests.edge(response);
        } else {
          tx.targetOwner = ((StatDirectoryResponse) response).owner();
        }
        if (tx.isQuiet()) {
          tx.judge(effects);
        }
      }

      @Override
      void failed(RestoreDirectory tx, Effects effects, int sub, ErrorCode error) {
        tx.fail(error);
      }
    },

    /** CREATE_LOCKED_CURRENT_EDGE(owner, name). */
    CREATE_LOCKED_EDGE(2) {
      @Override
      void send(RestoreDirectory tx, Effects effects) {
        long owner = tx.request.ownerId();
        tx.send(
            effects,
            EDGE,
            owner,
            new CreateLockedCurrentEdgeRequest(
                owner, tx.request.name(), tx.request.targetId(), tx.oldCreationTime),
            Due.STARTED);
      }

      @Override
      void answered(RestoreDirectory tx, Effects effects, int sub, ShardResponse response) {
        tx.creationTime = ((CreateLockedCurrentEdgeResponse) response).creationTime();
        tx.enter(effects, COMMIT);
      }

      @Override
      void failed(RestoreDirectory tx, Effects effects, int sub, ErrorCode error) {
        if (error == ErrorCode.MISMATCHING_CREATION_TIME) {
          tx.enter(effects, READ);
        } else {
          tx.fail(error);
        }
      }
    },

    /** UNLOCK_CURRENT_EDGE(owner, name) and SET_DIRECTORY_OWNER(target) at once. */
    COMMIT(3) {
      @Override
      void send(RestoreDirectory tx, Effects effects) {
        long owner = tx.request.ownerId();
        long target = tx.request.targetId();
        tx.send(
            effects,
            UNLOCK,
            owner,
            new UnlockCurrentEdgeRequest(owner, tx.request.name(), tx.creationTime, target, false),
            Due.THIS_STEP);
        tx.send(effects, OWNER, target, new SetDirectoryOwnerRequest(target, owner), Due.THIS_STEP);
      }

      @Override
      void answered(RestoreDirectory tx, Effects effects, int sub, ShardResponse response) {
        if (tx.isQuiet()) {
          tx.succeed(new RestoreDirectoryResponse(tx.creationTime));
        }
      }

      @Override
      void failed(RestoreDirectory tx, Effects effects, int sub, ErrorCode error) {
        if (sub == UNLOCK && ShardRequests.isGone(error)) {
          // Only our own unlock could free the edge; somebody has used it since.
          answered(tx, effects, sub, null);
        } else {
          tx.again(effects, sub, error);
        }
      }
    };

    private final int number;

    Step(int number) {
      this.number = number;
    }

    abstract void send(RestoreDirectory tx, Effects effects);

    abstract void answered(RestoreDirectory tx, Effects effects, int sub, ShardResponse response);

    abstract void failed(RestoreDirectory tx, Effects effects, int sub, ErrorCode error);
  }

  private void enter(Effects effects, Step next) {
    step = next;
    beginStep();
    next.send(this, effects);
  }

  private void judge(Effects effects) {
    boolean ours =
        newest != null
            && newest.current()
            && InodeIds.withoutExtra(newest.targetId()) == request.targetId();
    if (ours && targetOwner == request.ownerId()) {
      // Done before, by a request whose answer was lost.
      succeed(new RestoreDirectoryResponse(newest.creationTime()));
    } else if (targetOwner != InodeIds.NULL) {
      fail(ErrorCode.DIRECTORY_HAS_OWNER);
    } else if (ours) {
      // An earlier attempt of this transaction has made the edge.
      creationTime = newest.creationTime();
      enter(effects, Step.COMMIT);
    } else if (newest != null && newest.current()) {
      fail(ErrorCode.CANNOT_OVERRIDE_NAME);
    } else {
      oldCreationTime = newest == null ? 0 : newest.creationTime();
      enter(effects, Step.CREATE_LOCKED_EDGE);
    }
  }

  @Override
  Locks wantedLocks() {
    // The target as well: nobody shall collect, move or remove it before we are done with it.
    return Locks.builder()
        .shared(LockKey.directory(request.ownerId()))
        .exclusive(LockKey.name(request.ownerId(), request.name()))
        .exclusive(LockKey.directory(request.targetId()))
        .exclusive(LockKey.parent(request.targetId()))
        .build();
  }

  @Override
  void begin(Effects effects) {
    enter(effects, Step.READ);
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
    step.answered(this, effects, sub, response);
  }

  @Override
  void failed(Effects effects, int sub, ErrorCode error) {
    step.failed(this, effects, sub, error);
  }

  @Override
  void updateParents(Effects effects) {
    ParentsTable.put(effects.target, request.targetId(), request.ownerId());
  }

  @Override
  void encodeState(ByteBuffer out) {
    out.put((byte) step.number).putLong(oldCreationTime).putLong(creationTime);
  }

  @Override
  void decodeState(ByteBuffer in) {
    step = Steps.of(Step.values(), in.get(), value -> value.number);
    oldCreationTime = in.getLong();
    creationTime = in.getLong();
  }
}
