package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.MakeNewDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeNewDirectoryResponse;
import org.eggsfs.protocol.shard.CreateDirectoryInodeRequest;
import org.eggsfs.protocol.shard.CreateLockedCurrentEdgeRequest;
import org.eggsfs.protocol.shard.CreateLockedCurrentEdgeResponse;
import org.eggsfs.protocol.shard.RemoveDirectoryOwnerRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.UnlockCurrentEdgeRequest;
import org.eggsfs.protocol.struct.DirectoryInfo;
import org.eggsfs.protocol.struct.Edge;

/**
 * MAKE_DIRECTORY (cdc.md section 6.1), for which a directory that is there already is the answer,
 * and MAKE_NEW_DIRECTORY, our own, for which it is an error: of several clients that make one name
 * one succeeds. Which directory is this transaction's own is told by its id, which is on disk with
 * the request before a shard changes anything; so a restart between making the directory and
 * answering leads to success and not to an error about our own work. A client that repeats itself
 * later meets the remembered answer.
 *
 * <p>One read answers both whether the name is free and what its old creation time is (13.7). It
 * runs while the start becomes durable, so that waiting for it before the inode is made costs no
 * time, and a name that exists leaves no orphaned inode behind.
 */
final class MakeDirectory extends Transaction {
  private static final DirectoryInfo NO_INFO = new DirectoryInfo(List.of());

  /** Requests of {@link Step#READ}. */
  private static final int EDGE = 0;

  private static final int OWNER = 1;

  private final long owner;
  private final byte[] name;

  /** Whether the name must be new. */
  private final boolean exclusive;

  private Step step = Step.READ;
  private Edge newest;
  private long oldCreationTime;
  private long creationTime;

  /** Whether this process has seen the inode made. */
  private boolean inodeMade;

  /** After a restart we cannot tell, and must clean up. */
  private boolean inodeMayExist;

  /** What to answer after a rollback: an error, or a directory that was there before us. */
  private ErrorCode exitError;

  private long foundId;
  private long foundTime;

  MakeDirectory(long id, ClientRequest client, long freshDirectory, MakeDirectoryRequest request) {
    this(id, client, freshDirectory, request.ownerId(), request.name(), false);
  }

  MakeDirectory(
      long id, ClientRequest client, long freshDirectory, MakeNewDirectoryRequest request) {
    this(id, client, freshDirectory, request.ownerId(), request.name(), true);
  }

  private MakeDirectory(
      long id,
      ClientRequest client,
      long freshDirectory,
      long owner,
      byte[] name,
      boolean exclusive) {
    super(id, client, freshDirectory);
    this.owner = owner;
    this.name = name;
    this.exclusive = exclusive;
  }

  private enum Step {
    /**
     * FULL_READ_DIR(owner, name): what is the newest edge of the name? It answers for removed
     * directories too, so an owner that the parent map does not know is looked at as well, before
     * anything is made in it.
     */
    READ(1) {
      @Override
      void send(MakeDirectory tx, Effects effects) {
        long owner = tx.owner;
        tx.send(effects, EDGE, owner, ShardRequests.newestEdge(owner, tx.name), Due.AT_ONCE);
        tx.newest = null;
        if (owner != InodeIds.ROOT && ParentsTable.get(effects.view, owner) == InodeIds.NULL) {
          tx.send(effects, OWNER, owner, new StatDirectoryRequest(owner), Due.AT_ONCE);
        }
      }

      @Override
      void answered(MakeDirectory tx, Effects effects, int sub, ShardResponse response) {
        if (sub == EDGE) {
          tx.newest = ShardRequests.edge(response);
        } else if (((StatDirectoryResponse) response).owner() == InodeIds.NULL) {
          tx.rollBack(effects, ErrorCode.DIRECTORY_NOT_FOUND);
          return;
        } else {
          effects.alert(tx.describe() + ": the parent map does not know the owner");
        }
        if (!tx.isQuiet()) {
          return;
        }
        Edge edge = tx.newest;
        tx.oldCreationTime = edge == null ? 0 : edge.creationTime();
        if (edge == null || !edge.current()) {
          tx.enter(effects, tx.inodeMade ? CREATE_LOCKED_EDGE : CREATE_DIRECTORY);
        } else {
          tx.nameIsTaken(effects, edge);
        }
      }

      @Override
      void failed(MakeDirectory tx, Effects effects, int sub, ErrorCode error) {
        tx.rollBack(effects, error);
      }
    },

    /** CREATE_DIRECTORY_INODE(fresh, owner). */
    CREATE_DIRECTORY(2) {
      @Override
      void send(MakeDirectory tx, Effects effects) {
        tx.inodeMayExist = true;
        long directory = tx.freshDirectory();
        tx.send(
            effects,
            0,
            directory,
            new CreateDirectoryInodeRequest(directory, tx.owner, NO_INFO),
            Due.STARTED);
      }

      @Override
      void answered(MakeDirectory tx, Effects effects, int sub, ShardResponse response) {
        tx.inodeMade = true;
        tx.enter(effects, CREATE_LOCKED_EDGE);
      }

      @Override
      void failed(MakeDirectory tx, Effects effects, int sub, ErrorCode error) {
        // Nothing was made. MISMATCHING_OWNER: the id is another's, hands off.
        effects.alert(tx.describe() + ": " + error + " for a fresh directory");
        tx.fail(error == ErrorCode.MISMATCHING_OWNER ? ErrorCode.INTERNAL_ERROR : error);
      }
    },

    /** CREATE_LOCKED_CURRENT_EDGE(owner, name, fresh, oldCreationTime). */
    CREATE_LOCKED_EDGE(3) {
      @Override
      void send(MakeDirectory tx, Effects effects) {
        long owner = tx.owner;
        tx.send(
            effects,
            0,
            owner,
            new CreateLockedCurrentEdgeRequest(
                owner, tx.name, tx.freshDirectory(), tx.oldCreationTime),
            Due.STARTED);
      }

      @Override
      void answered(MakeDirectory tx, Effects effects, int sub, ShardResponse response) {
        tx.creationTime = ((CreateLockedCurrentEdgeResponse) response).creationTime();
        tx.enter(effects, UNLOCK_EDGE);
      }

      @Override
      void failed(MakeDirectory tx, Effects effects, int sub, ErrorCode error) {
        switch (error) {
          // The name changed since we looked, or it was us: look again.
          case MISMATCHING_CREATION_TIME, CANNOT_OVERRIDE_NAME -> tx.enter(effects, READ);
          default -> tx.rollBack(effects, error);
        }
      }
    },

    /** UNLOCK_CURRENT_EDGE(owner, name, creationTime, fresh): from here on it is visible to all. */
    UNLOCK_EDGE(4) {
      @Override
      void send(MakeDirectory tx, Effects effects) {
        long owner = tx.owner;
        tx.send(
            effects,
            0,
            owner,
            new UnlockCurrentEdgeRequest(
                owner, tx.name, tx.creationTime, tx.freshDirectory(), false),
            Due.THIS_STEP);
      }

      @Override
      void answered(MakeDirectory tx, Effects effects, int sub, ShardResponse response) {
        tx.done(tx.freshDirectory(), tx.creationTime);
      }

      @Override
      void failed(MakeDirectory tx, Effects effects, int sub, ErrorCode error) {
        if (ShardRequests.isGone(error)) {
          // Only our own unlock could free the edge; somebody has used it since.
          answered(tx, effects, sub, null);
        } else {
          tx.again(effects, 0, error);
        }
      }
    },

    /** REMOVE_DIRECTORY_OWNER(fresh): the collector removes what then is left. */
    ROLLBACK(5) {
      @Override
      void send(MakeDirectory tx, Effects effects) {
        long directory = tx.freshDirectory();
        tx.send(
            effects,
            0,
            directory,
            new RemoveDirectoryOwnerRequest(directory, DefaultPolicies.INFO),
            Due.THIS_STEP);
      }

      @Override
      void answered(MakeDirectory tx, Effects effects, int sub, ShardResponse response) {
        tx.exit();
      }

      @Override
      void failed(MakeDirectory tx, Effects effects, int sub, ErrorCode error) {
        if (error == ErrorCode.DIRECTORY_NOT_FOUND) {
          tx.exit();
        } else {
          tx.again(effects, 0, error);
        }
      }
    };

    private final int number;

    Step(int number) {
      this.number = number;
    }

    abstract void send(MakeDirectory tx, Effects effects);

    abstract void answered(MakeDirectory tx, Effects effects, int sub, ShardResponse response);

    abstract void failed(MakeDirectory tx, Effects effects, int sub, ErrorCode error);
  }

  private void enter(Effects effects, Step next) {
    step = next;
    beginStep();
    next.send(this, effects);
  }

  private void nameIsTaken(Effects effects, Edge edge) {
    long target = InodeIds.withoutExtra(edge.targetId());
    if (target == freshDirectory()) {
      // An earlier attempt of this transaction has made it.
      creationTime = edge.creationTime();
      enter(effects, Step.UNLOCK_EDGE);
    } else if (InodeIds.isDirectory(target) && !exclusive) {
      foundId = target;
      foundTime = edge.creationTime();
      rollBack(effects, null);
    } else {
      rollBack(effects, ErrorCode.CANNOT_OVERRIDE_NAME);
    }
  }

  /** Ends with an error, or with the directory found; cleans up first if need be. */
  private void rollBack(Effects effects, ErrorCode error) {
    exitError = error;
    if (inodeMayExist) {
      enter(effects, Step.ROLLBACK);
    } else {
      exit();
    }
  }

  private void exit() {
    if (exitError == null) {
      done(foundId, foundTime);
    } else {
      fail(exitError);
    }
  }

  private void done(long directory, long time) {
    succeed(
        exclusive
            ? new MakeNewDirectoryResponse(directory, time)
            : new MakeDirectoryResponse(directory, time));
  }

  @Override
  Locks wantedLocks() {
    // The new directory too: nobody shall remove, move or collect it before we are done with it.
    return Locks.builder()
        .shared(LockKey.directory(owner))
        .exclusive(LockKey.name(owner, name))
        .exclusive(LockKey.directory(freshDirectory()))
        .exclusive(LockKey.parent(freshDirectory()))
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
    // With a directory that was there before us there is nothing new to note.
    if (foundId == InodeIds.NULL) {
      ParentsTable.put(effects.target, freshDirectory(), owner);
    }
  }

  @Override
  void encodeState(ByteBuffer out) {
    out.put((byte) step.number).putLong(oldCreationTime).putLong(creationTime);
    out.putShort((short) (exitError == null ? 0 : exitError.code()));
    out.putLong(foundId).putLong(foundTime);
  }

  @Override
  void decodeState(ByteBuffer in) {
    step = Steps.of(Step.values(), in.get(), value -> value.number);
    oldCreationTime = in.getLong();
    creationTime = in.getLong();
    exitError = ErrorCode.ofCode(in.getShort() & 0xffff);
    foundId = in.getLong();
    foundTime = in.getLong();
    inodeMayExist = true;
    inodeMade = false;
  }
}
