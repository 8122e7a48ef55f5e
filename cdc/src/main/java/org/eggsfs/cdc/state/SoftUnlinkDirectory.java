package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryResponse;
import org.eggsfs.protocol.shard.LockCurrentEdgeRequest;
import org.eggsfs.protocol.shard.RemoveDirectoryOwnerRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.UnlockCurrentEdgeRequest;
import org.eggsfs.protocol.struct.DirectoryInfo;
import org.eggsfs.protocol.struct.DirectoryInfoEntry;

/**
 * SOFT_UNLINK_DIRECTORY (cdc.md section 6.3). A removed directory inherits nothing any more, so the
 * policies that hold for it are collected from its ancestors and frozen into it. The parent map
 * tells who they are, so all of them are asked at once.
 */
final class SoftUnlinkDirectory extends Transaction {
  private static final int LOCK = 0;

  /** Ancestors asked at once; deeper trees take several rounds. */
  private static final int STATS_MAX = 16;

  /** Ancestors can move while we ask; more often than that means that the tree is damaged. */
  private static final int WALKS_MAX = 8;

  private final SoftUnlinkDirectoryRequest request;
  private Step step = Step.PREPARE;
  private ErrorCode exitError;

  /** Directories that the current step asks about; request n + 1 is about number n. */
  private final List<Long> asked = new ArrayList<>();

  /** Their answers. */
  private final Map<Long, StatDirectoryResponse> stats = new HashMap<>();

  /** The policies of the directories below {@link #next}: for each tag those of the nearest. */
  private final Map<Integer, DirectoryInfoEntry> found = new HashMap<>();

  /** The directory on the way up that is to be looked at next, null behind the root. */
  private long next;

  /** Directories that were looked at. */
  private long walked;

  /** One of them, a newer one each time that their number has doubled. */
  private long landmark;

  private boolean targetIsGone;
  private boolean ancestorIsGone;
  private int walks;

  SoftUnlinkDirectory(long id, ClientRequest client, SoftUnlinkDirectoryRequest request) {
    super(id, client, InodeIds.NULL);
    this.request = request;
  }

  private enum Step {
    /** LOCK_CURRENT_EDGE, and STAT_DIRECTORY of the directory and its ancestors, at once. */
    PREPARE(1) {
      @Override
      void send(SoftUnlinkDirectory tx, Effects effects) {
        SoftUnlinkDirectoryRequest request = tx.request;
        tx.exitError = null;
        tx.targetIsGone = false;
        tx.walks = 0;
        tx.startWalk();
        tx.ask(effects);
        tx.send(
            effects,
            LOCK,
            request.ownerId(),
            new LockCurrentEdgeRequest(
                request.ownerId(), request.targetId(), request.creationTime(), request.name()),
            Due.STARTED);
      }

      @Override
      void answered(SoftUnlinkDirectory tx, Effects effects, int sub, ShardResponse response) {
        if (sub == LOCK) {
          tx.walkOn(effects);
        } else {
          STAT.answered(tx, effects, sub, response);
        }
      }

      @Override
      void failed(SoftUnlinkDirectory tx, Effects effects, int sub, ErrorCode error) {
        if (sub == LOCK) {
          tx.fail(error);
        } else {
          STAT.failed(tx, effects, sub, error);
        }
      }
    },

    /** STAT_DIRECTORY of further ancestors. */
    STAT(2) {
      @Override
      void send(SoftUnlinkDirectory tx, Effects effects) {
        tx.ask(effects);
      }

      @Override
      void answered(SoftUnlinkDirectory tx, Effects effects, int sub, ShardResponse response) {
        tx.stats.put(tx.asked.get(sub - 1), (StatDirectoryResponse) response);
        tx.walkOn(effects);
      }

      @Override
      void failed(SoftUnlinkDirectory tx, Effects effects, int sub, ErrorCode error) {
        if (error != ErrorCode.DIRECTORY_NOT_FOUND) {
          tx.exitError = error;
        } else if (tx.asked.get(sub - 1) == tx.request.targetId()) {
          tx.targetIsGone = true;
        } else {
          tx.ancestorIsGone = true;
        }
        tx.walkOn(effects);
      }
    },

    /** REMOVE_DIRECTORY_OWNER(target, collected policies). */
    REMOVE_OWNER(3) {
      @Override
      void send(SoftUnlinkDirectory tx, Effects effects) {
        long target = tx.request.targetId();
        tx.send(
            effects,
            0,
            target,
            new RemoveDirectoryOwnerRequest(target, tx.policies()),
            Due.STARTED);
      }

      @Override
      void answered(SoftUnlinkDirectory tx, Effects effects, int sub, ShardResponse response) {
        tx.enter(effects, UNLOCK_EDGE);
      }

      @Override
      void failed(SoftUnlinkDirectory tx, Effects effects, int sub, ErrorCode error) {
        if (error == ErrorCode.DIRECTORY_NOT_FOUND) {
          tx.enter(effects, UNLOCK_EDGE);
        } else {
          tx.rollBack(effects, error);
        }
      }
    },

    /** UNLOCK_CURRENT_EDGE(moved): the name becomes history. */
    UNLOCK_EDGE(4) {
      @Override
      void send(SoftUnlinkDirectory tx, Effects effects) {
        tx.unlock(effects, true);
      }

      @Override
      void answered(SoftUnlinkDirectory tx, Effects effects, int sub, ShardResponse response) {
        tx.succeed(new SoftUnlinkDirectoryResponse());
      }

      @Override
      void failed(SoftUnlinkDirectory tx, Effects effects, int sub, ErrorCode error) {
        if (ShardRequests.isGone(error)) {
          answered(tx, effects, sub, null);
        } else {
          tx.again(effects, sub, error);
        }
      }
    },

    /** UNLOCK_CURRENT_EDGE: the directory stays. */
    ROLLBACK(5) {
      @Override
      void send(SoftUnlinkDirectory tx, Effects effects) {
        tx.unlock(effects, false);
      }

      @Override
      void answered(SoftUnlinkDirectory tx, Effects effects, int sub, ShardResponse response) {
        tx.fail(tx.exitError);
      }

      @Override
      void failed(SoftUnlinkDirectory tx, Effects effects, int sub, ErrorCode error) {
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

    abstract void send(SoftUnlinkDirectory tx, Effects effects);

    abstract void answered(
        SoftUnlinkDirectory tx, Effects effects, int sub, ShardResponse response);

    abstract void failed(SoftUnlinkDirectory tx, Effects effects, int sub, ErrorCode error);
  }

  private void enter(Effects effects, Step next) {
    step = next;
    beginStep();
    next.send(this, effects);
  }

  private void startWalk() {
    found.clear();
    next = request.targetId();
    walked = 0;
    landmark = InodeIds.NULL;
  }

  /** Asks about the next directory and, as the parent map has them, its ancestors. */
  private void ask(Effects effects) {
    asked.clear();
    stats.clear();
    ancestorIsGone = false;
    long at = next;
    while (at != InodeIds.NULL && asked.size() < STATS_MAX && !asked.contains(at)) {
      asked.add(at);
      send(effects, asked.size(), at, new StatDirectoryRequest(at), Due.AT_ONCE);
      at = ParentsTable.get(effects.view, at);
    }
  }

  /** Once everything asked is answered: on to what is still unknown, or to the removal. */
  private void walkOn(Effects effects) {
    if (!isQuiet()) {
      return;
    }
    if (targetIsGone) {
      enter(effects, Step.UNLOCK_EDGE);
    } else if (exitError != null) {
      rollBack(effects, exitError);
    } else if (ancestorIsGone && walks < WALKS_MAX) {
      // It was moved or removed meanwhile, with us below somebody else now.
      walks++;
      startWalk();
      enter(effects, Step.STAT);
    } else {
      boolean complete = walkThroughAnswers();
      enter(effects, complete || ancestorIsGone ? Step.REMOVE_OWNER : Step.STAT);
    }
  }

  /** Walks up as far as there are answers. Returns whether all policies that hold are found. */
  private boolean walkThroughAnswers() {
    StatDirectoryResponse stat = stats.get(next);
    while (stat != null && found.size() < DefaultPolicies.TAGS.size()) {
      collect(stat);
      walked++;
      if (Long.bitCount(walked) == 1) {
        landmark = next;
      }
      // In a loop, which a damaged tree may have, the landmark comes again.
      next = stat.owner() == landmark ? InodeIds.NULL : stat.owner();
      stat = stats.get(next);
    }
    return next == InodeIds.NULL || found.size() == DefaultPolicies.TAGS.size();
  }

  /** The policies that hold for the directory: for each tag those of the nearest ancestor. */
  private DirectoryInfo policies() {
    List<DirectoryInfoEntry> entries = new ArrayList<>();
    for (int tag : DefaultPolicies.TAGS) {
      DirectoryInfoEntry entry = found.get(tag);
      entries.add(entry == null ? DefaultPolicies.of(tag) : entry);
    }
    return new DirectoryInfo(entries);
  }

  private void collect(StatDirectoryResponse stat) {
    for (DirectoryInfoEntry entry : stat.info().entries()) {
      if (DefaultPolicies.TAGS.contains(entry.tag())) {
        found.putIfAbsent(entry.tag(), entry);
      }
    }
  }

  private void rollBack(Effects effects, ErrorCode error) {
    exitError = error;
    enter(effects, Step.ROLLBACK);
  }

  private void unlock(Effects effects, boolean wasMoved) {
    send(
        effects,
        0,
        request.ownerId(),
        new UnlockCurrentEdgeRequest(
            request.ownerId(),
            request.name(),
            request.creationTime(),
            request.targetId(),
            wasMoved),
        Due.THIS_STEP);
  }

  @Override
  Locks wantedLocks() {
    return Locks.builder()
        .shared(LockKey.directory(request.ownerId()))
        .exclusive(LockKey.directory(request.targetId()))
        .exclusive(LockKey.parent(request.targetId()))
        .exclusive(LockKey.name(request.ownerId(), request.name()))
        .build();
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
  void updateParents(Effects effects) {
    ParentsTable.delete(effects.target, request.targetId());
  }

  /** What was collected is not stored: asking again is cheap, and right after any restart. */
  @Override
  void encodeState(ByteBuffer out) {
    boolean collecting = step == Step.STAT || step == Step.REMOVE_OWNER;
    out.put((byte) (collecting ? Step.PREPARE : step).number);
    out.putShort((short) (exitError == null ? 0 : exitError.code()));
  }

  @Override
  void decodeState(ByteBuffer in) {
    step = Steps.of(Step.values(), in.get(), value -> value.number);
    exitError = ErrorCode.ofCode(in.getShort() & 0xffff);
  }
}
