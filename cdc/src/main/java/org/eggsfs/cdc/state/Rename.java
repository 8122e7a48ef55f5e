package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.CreateLockedCurrentEdgeRequest;
import org.eggsfs.protocol.shard.CreateLockedCurrentEdgeResponse;
import org.eggsfs.protocol.shard.LockCurrentEdgeRequest;
import org.eggsfs.protocol.shard.SetDirectoryOwnerRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.UnlockCurrentEdgeRequest;
import org.eggsfs.protocol.struct.Edge;

/**
 * What RENAME_FILE and RENAME_DIRECTORY share (cdc.md sections 6.2, 6.4), with requests in parallel
 * as in section 13.7: three round trips.
 *
 * <p>The point of no return is entering {@link Step#COMMIT}: the new edge exists, locked, and can
 * only be unlocked by us. Until then the old edge is locked and everything can be undone.
 */
abstract class Rename extends Transaction {
  private static final int OLD = 0;
  private static final int NEW = 1;
  private static final int OWNER = 2;

  /**
   * What moves where.
   *
   * @param target the file or directory
   */
  record Move(
      long target,
      long oldOwner,
      byte[] oldName,
      long oldCreationTime,
      long newOwner,
      byte[] newName) {}

  private final Move move;
  private Step step = Step.PREPARE;
  private long newOldCreationTime;
  private long newCreationTime;
  private ErrorCode exitError;

  Rename(long id, ClientRequest client, Move move) {
    super(id, client, InodeIds.NULL);
    this.move = move;
  }

  private enum Step {
    /** LOCK_CURRENT_EDGE(old) and FULL_READ_DIR(new) at once. The error of the lock comes first. */
    PREPARE(1) {
      @Override
      void send(Rename tx, Effects effects) {
        tx.exitError = null;
        READ_NEW.send(tx, effects);
        Move move = tx.move;
        tx.send(
            effects,
            OLD,
            move.oldOwner,
            new LockCurrentEdgeRequest(
                move.oldOwner, move.target, move.oldCreationTime, move.oldName),
            Due.STARTED);
      }

      @Override
      void answered(Rename tx, Effects effects, int sub, ShardResponse response) {
        if (sub == NEW) {
          tx.exitError = tx.lookAtNew(response);
        }
        tx.prepared(effects);
      }

      @Override
      void failed(Rename tx, Effects effects, int sub, ErrorCode error) {
        if (sub == OLD) {
          tx.fail(
              error == ErrorCode.DIRECTORY_NOT_FOUND ? ErrorCode.OLD_DIRECTORY_NOT_FOUND : error);
        } else {
          tx.exitError = tx.errorOfNewDirectory(error);
          tx.prepared(effects);
        }
      }
    },

    /** FULL_READ_DIR(new): the creation time of the newest edge there. */
    READ_NEW(2) {
      @Override
      void send(Rename tx, Effects effects) {
        Move move = tx.move;
        tx.send(
            effects,
            NEW,
            move.newOwner,
            ShardRequests.newestEdge(move.newOwner, move.newName),
            Due.AT_ONCE);
      }

      @Override
      void answered(Rename tx, Effects effects, int sub, ShardResponse response) {
        ErrorCode taken = tx.lookAtNew(response);
        if (taken == null) {
          tx.enter(effects, CREATE_NEW_LOCKED_EDGE);
        } else {
          tx.rollBack(effects, taken);
        }
      }

      @Override
      void failed(Rename tx, Effects effects, int sub, ErrorCode error) {
        tx.rollBack(effects, tx.errorOfNewDirectory(error));
      }
    },

    /** CREATE_LOCKED_CURRENT_EDGE(new): shows the target under both names. */
    CREATE_NEW_LOCKED_EDGE(3) {
      @Override
      void send(Rename tx, Effects effects) {
        Move move = tx.move;
        tx.send(
            effects,
            NEW,
            move.newOwner,
            new CreateLockedCurrentEdgeRequest(
                move.newOwner, move.newName, move.target, tx.newOldCreationTime),
            Due.STARTED);
      }

      @Override
      void answered(Rename tx, Effects effects, int sub, ShardResponse response) {
        tx.newCreationTime = ((CreateLockedCurrentEdgeResponse) response).creationTime();
        tx.enter(effects, COMMIT);
      }

      @Override
      void failed(Rename tx, Effects effects, int sub, ErrorCode error) {
        if (error == ErrorCode.MISMATCHING_CREATION_TIME) {
          tx.enter(effects, READ_NEW);
        } else {
          tx.rollBack(effects, tx.errorOfNewDirectory(error));
        }
      }
    },

    /** UNLOCK(new), UNLOCK(old, moved) and, for directories, SET_DIRECTORY_OWNER at once. */
    COMMIT(4) {
      @Override
      void send(Rename tx, Effects effects) {
        Move move = tx.move;
        tx.send(
            effects,
            NEW,
            move.newOwner,
            new UnlockCurrentEdgeRequest(
                move.newOwner, move.newName, tx.newCreationTime, move.target, false),
            Due.THIS_STEP);
        tx.unlockOld(effects, true);
        if (tx.changesOwner()) {
          tx.send(
              effects,
              OWNER,
              move.target,
              new SetDirectoryOwnerRequest(move.target, move.newOwner),
              Due.THIS_STEP);
        }
      }

      @Override
      void answered(Rename tx, Effects effects, int sub, ShardResponse response) {
        if (tx.isQuiet()) {
          tx.done(tx.newCreationTime);
        }
      }

      @Override
      void failed(Rename tx, Effects effects, int sub, ErrorCode error) {
        if (sub != OWNER && ShardRequests.isGone(error)) {
          // An earlier attempt has unlocked it, and somebody may have used the name since.
          answered(tx, effects, sub, null);
        } else {
          tx.again(effects, sub, error);
        }
      }
    },

    /** UNLOCK(old): as if nothing had happened. */
    ROLLBACK(5) {
      @Override
      void send(Rename tx, Effects effects) {
        tx.unlockOld(effects, false);
      }

      @Override
      void answered(Rename tx, Effects effects, int sub, ShardResponse response) {
        tx.fail(tx.exitError);
      }

      @Override
      void failed(Rename tx, Effects effects, int sub, ErrorCode error) {
        if (ShardRequests.isGone(error)) {
          tx.fail(tx.exitError);
        } else {
          tx.again(effects, sub, error);
        }
      }
    };

    private final int number;

    Step(int number) {
      this.number = number;
    }

    abstract void send(Rename tx, Effects effects);

    abstract void answered(Rename tx, Effects effects, int sub, ShardResponse response);

    abstract void failed(Rename tx, Effects effects, int sub, ErrorCode error);
  }

  /** Whether the target keeps an owner that has to follow. */
  abstract boolean changesOwner();

  /** What to answer when the new directory is not there. */
  abstract ErrorCode newDirectoryMissing();

  /** Whether a file that holds the new name is replaced. */
  boolean replaces() {
    return true;
  }

  /** Ends well. */
  abstract void done(long creationTime);

  final Move move() {
    return move;
  }

  private void enter(Effects effects, Step next) {
    step = next;
    beginStep();
    next.send(this, effects);
  }

  private void prepared(Effects effects) {
    if (!isQuiet()) {
      return;
    }
    if (exitError == null) {
      enter(effects, Step.CREATE_NEW_LOCKED_EDGE);
    } else {
      rollBack(effects, exitError);
    }
  }

  /** Notes the newest edge of the new name; the error if its owner must stay, else null. */
  private ErrorCode lookAtNew(ShardResponse response) {
    Edge newest = ShardRequests.edge(response);
    newOldCreationTime = newest == null ? 0 : newest.creationTime();
    // One that leads to the target was made by an earlier attempt of this transaction.
    return !replaces()
            && newest != null
            && newest.current()
            && InodeIds.withoutExtra(newest.targetId()) != move.target
        ? ErrorCode.CANNOT_OVERRIDE_NAME
        : null;
  }

  private ErrorCode errorOfNewDirectory(ErrorCode error) {
    return error == ErrorCode.DIRECTORY_NOT_FOUND ? newDirectoryMissing() : error;
  }

  private void rollBack(Effects effects, ErrorCode error) {
    exitError = error;
    enter(effects, Step.ROLLBACK);
  }

  private void unlockOld(Effects effects, boolean wasMoved) {
    send(
        effects,
        OLD,
        move.oldOwner,
        new UnlockCurrentEdgeRequest(
            move.oldOwner, move.oldName, move.oldCreationTime, move.target, wasMoved),
        Due.THIS_STEP);
  }

  /** The locks of a rename of a file; one of a directory takes its place in the tree as well. */
  final Locks.Builder nameLocks() {
    return Locks.builder()
        .shared(LockKey.directory(move.oldOwner))
        .shared(LockKey.directory(move.newOwner))
        .exclusive(LockKey.name(move.oldOwner, move.oldName))
        .exclusive(LockKey.name(move.newOwner, move.newName));
  }

  @Override
  void begin(Effects effects) {
    enter(effects, Step.PREPARE);
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
  void encodeState(ByteBuffer out) {
    out.put((byte) step.number).putLong(newOldCreationTime).putLong(newCreationTime);
    out.putShort((short) (exitError == null ? 0 : exitError.code()));
  }

  @Override
  void decodeState(ByteBuffer in) {
    step = Steps.of(Step.values(), in.get(), value -> value.number);
    newOldCreationTime = in.getLong();
    newCreationTime = in.getLong();
    exitError = ErrorCode.ofCode(in.getShort() & 0xffff);
  }
}
