package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcKind;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;

/**
 * One operation of a client on its way through the shards. It waits for its locks, then goes from
 * step to step; a step sends one or a few requests at once and looks at the answers.
 *
 * <p><b>What must be durable when.</b> All requests can be repeated, so a restart may go on from an
 * older step than the last one, as long as repeating what lies between gives the same. Therefore:
 *
 * <ul>
 *   <li>reads leave at once ({@link Due#AT_ONCE});
 *   <li>the first changes leave when the start of the transaction is durable ({@link Due#STARTED}):
 *       a shard never changes for a transaction that a crash forgets. Locks on names and a fresh
 *       directory without a name are seen as the transaction's own when they are met again;
 *   <li>requests that give a lock back, and those of a rollback, leave when their own step is
 *       durable ({@link Due#THIS_STEP}): afterwards clients may change what was locked, so the
 *       steps before can not be repeated any more;
 *   <li>the answer to the client leaves when the end of the transaction is durable.
 * </ul>
 *
 * <p>So an operation costs three commits one after the other, the first of them while reads are on
 * their way.
 */
abstract class Transaction {
  /** Bytes of the largest {@link #encodeState}. */
  static final int STATE_SIZE_MAX = 64;

  private final long id;
  private final ClientRequest client;
  private final long freshDirectory;
  private Locks locks;
  private boolean started;
  private long startedIndex;
  private int sequence;
  private int outstanding;
  private boolean finished;
  private CdcResponse response;
  private ErrorCode error;

  /** The row in {@link ExecutingTable}. */
  private byte[] stored;

  Transaction(long id, ClientRequest client, long freshDirectory) {
    this.id = id;
    this.client = client;
    this.freshDirectory = freshDirectory;
  }

  // What the kinds differ in.

  /** The locks the transaction needs from its start to its end. */
  abstract Locks wantedLocks();

  /** Enters the first step, or ends at once. */
  abstract void begin(Effects effects);

  /** Enters the current step again. */
  abstract void resume(Effects effects);

  /** Name of the current step. */
  abstract String stepName();

  /** A shard did what request {@code sub} of the current step asked for. */
  abstract void answered(Effects effects, int sub, ShardResponse shardResponse);

  /** A shard refused request {@code sub} of the current step. */
  abstract void failed(Effects effects, int sub, ErrorCode shardError);

  /** Changes the parent map when the transaction ended well. */
  void updateParents(Effects effects) {
    // Most kinds have nothing to change.
  }

  /** Writes step and variables. */
  abstract void encodeState(ByteBuffer out);

  /** Reads step and variables. */
  abstract void decodeState(ByteBuffer in);

  // What the steps use.

  /** Begins a step: earlier requests are moot, and answers to them are ignored from now on. */
  final void beginStep() {
    sequence++;
    outstanding = 0;
  }

  /** Sends a request to the shard that stores {@code inode}. */
  final void send(Effects effects, int sub, long inode, ShardRequest request, Due due) {
    outstanding |= 1 << sub;
    long required =
        switch (due) {
          case AT_ONCE -> 0;
          case STARTED -> startedIndex;
          case THIS_STEP -> effects.index;
        };
    effects.send(new Output.ToShard(id, sequence, sub, InodeIds.shard(inode), request, required));
  }

  /** Whether no request of the step waits for its answer. */
  final boolean isQuiet() {
    return outstanding == 0;
  }

  /**
   * An answer that must not be: the request is repeated, slowly, until somebody has mended the
   * cause (cdc.md section 13.3).
   */
  final void again(Effects effects, int sub, ErrorCode shardError) {
    effects.alert(describe() + ": " + shardError + " for request " + sub + ", trying on");
    outstanding |= 1 << sub;
    effects.send(new Output.Again(id, sequence, sub));
  }

  final void succeed(CdcResponse result) {
    finished = true;
    response = result;
  }

  final void fail(ErrorCode result) {
    finished = true;
    error = result;
  }

  // What the state machine uses.

  final void start(Effects effects) {
    started = true;
    startedIndex = effects.index;
    effects.setUrgent();
    begin(effects);
  }

  /** Goes on after a restart, from what is on disk. */
  final void restart(Effects effects) {
    resume(effects);
  }

  /** Takes in an answer; one that nobody waits for any more is ignored. */
  final void take(Effects effects, ShardAnswer answer) {
    if (answer.sequence() != sequence || (outstanding & 1 << answer.sub()) == 0) {
      return;
    }
    int before = outstanding;
    outstanding &= ~(1 << answer.sub());
    int outputCount = effects.outputCount();
    try {
      if (answer.error() == null) {
        answered(effects, answer.sub(), answer.response());
      } else {
        failed(effects, answer.sub(), answer.error());
      }
    } catch (RuntimeException e) {
      // A mistake of ours must not stop the others; it shows as a transaction that does not end.
      effects.alert(describe() + " failed on " + answer + ": " + e);
      effects.takeBack(outputCount);
      ExecutingTable.restore(this, stored);
      finished = false;
      sequence = answer.sequence();
      outstanding = before;
      effects.send(new Output.Again(id, sequence, answer.sub()));
    }
  }

  /** Writes the row of a running transaction if it has changed. */
  final void store(Effects effects) {
    byte[] value = ExecutingTable.value(this);
    if (!Arrays.equals(value, stored)) {
      stored = value;
      ExecutingTable.put(effects.target, id, value);
    }
  }

  /** Takes over the row of a transaction that ran before a restart. */
  final void load(byte[] value) {
    started = true;
    stored = value;
    ExecutingTable.restore(this, value);
  }

  final long id() {
    return id;
  }

  final ClientRequest client() {
    return client;
  }

  /** The directory id set aside for this transaction, or {@link InodeIds#NULL}. */
  final long freshDirectory() {
    return freshDirectory;
  }

  final Locks locks() {
    if (locks == null) {
      locks = wantedLocks();
    }
    return locks;
  }

  final boolean isStarted() {
    return started;
  }

  final boolean isFinished() {
    return finished;
  }

  final CdcResponse response() {
    return response;
  }

  final ErrorCode error() {
    return error;
  }

  /** For people. */
  final String describe() {
    return "transaction "
        + id
        + " "
        + CdcKind.name(client.request().kind())
        + (started ? " in " + stepName() : " waiting")
        + " "
        + client.request();
  }
}
