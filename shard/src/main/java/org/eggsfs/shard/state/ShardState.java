package org.eggsfs.shard.state;

import org.eggsfs.core.CbcMac;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * One metadata shard as a pure state machine (shard.md). It holds no state of its own beside the
 * shard's number, its cookie key and one option: the tables are in the {@link View} that each call
 * gets. So reads may run on any number of threads over snapshots, while one thread prepares and
 * applies.
 *
 * <p>A write goes {@link #prepare} → log → {@link #apply} on every replica → {@link #finish} on the
 * replica that answers. {@code apply} is deterministic: it uses nothing but state and entry.
 */
public final class ShardState {
  /** Time a transient file lives after its writer's last request (shard.md section 1). */
  public static final long DEADLINE_INTERVAL_DEFAULT = 2 * 3_600_000_000_000L;

  private final int shard;
  private final long deadlineInterval;
  private final CbcMac cookieKey;

  private ShardState(int shard, long deadlineInterval, CbcMac cookieKey) {
    this.shard = shard;
    this.deadlineInterval = deadlineInterval;
    this.cookieKey = cookieKey;
  }

  /**
   * How far a shard has come.
   *
   * @param index of the last applied entry, 0 before the first
   * @param time the largest time of any applied entry, 0 before the first
   */
  public record Applied(long index, long time) {}

  /** Whether the view holds that shard. */
  public static boolean isInitialized(View view, int shard) {
    return MetaTable.secret(view, shard) != null;
  }

  /**
   * Writes the first state of a shard (shard.md section 4.12): its secret, its counters and, on
   * shard 0, the root directory with the default policies.
   *
   * @param secret 16 random bytes under which cookies are made; the same on every replica
   */
  public static void initialize(int shard, byte[] secret, WriteTarget target) {
    Initialization.run(shard, secret, target);
  }

  /**
   * The state machine over an initialised shard.
   *
   * @param deadlineInterval nanoseconds a transient file lives after its writer's last request
   * @throws IllegalStateException if the view does not hold the shard
   */
  public static ShardState open(View view, int shard, long deadlineInterval) {
    byte[] secret = MetaTable.secret(view, shard);
    if (secret == null) {
      throw new IllegalStateException("shard " + shard + " is not initialised");
    }
    return new ShardState(shard, deadlineInterval, new CbcMac(secret));
  }

  /** The number of the shard. */
  public int shard() {
    return shard;
  }

  /** How far the shard has come in that view. */
  public Applied applied(View view) {
    return MetaTable.applied(view, shard);
  }

  /**
   * Answers a read-only request (shard.md section 6).
   *
   * @throws EggsException the error to answer
   * @throws IllegalArgumentException if the request is a write
   */
  public ShardResponse read(View view, ReadContext context, ShardRequest request)
      throws EggsException {
    return Dispatcher.read(new Reading(view, shard, cookieKey, context), request);
  }

  /**
   * Turns a write into an entry (shard.md section 4.4): checks what needs no state and decides what
   * is no function of the state. ShardSnapshot makes no entry: the host takes the checkpoint itself
   * when it came over the signed channel, and gets NOT_AUTHORISED from here otherwise.
   *
   * @throws EggsException the error to answer; nothing was changed
   * @throws IllegalArgumentException if the request is read-only or a signed ShardSnapshot
   */
  public LogEntry prepare(PrepareContext context, ShardRequest request) throws EggsException {
    Operation operation =
        Dispatcher.prepare(new Preparing(context, shard, cookieKey, deadlineInterval), request);
    return new LogEntry(context.time(), 0, operation);
  }

  /**
   * Applies an entry (shard.md section 4.5). Reads see the view, writes go to the target only when
   * the entry succeeded, in one go at the end, so the target may be the view itself. The advance of
   * the applied index and time is written in either case, as is the entry's place if it has one; an
   * entry with a place at or before an earlier one's does nothing ({@link RequestOrder}).
   *
   * @param index of the entry, above that of the previous one
   * @throws IllegalStateException if the index is not above the last applied one
   */
  public ApplyResult apply(View view, WriteTarget target, long index, LogEntry entry) {
    Applied before = MetaTable.applied(view, shard);
    if (index <= before.index()) {
      throw new IllegalStateException(
          "entry " + index + " after entry " + before.index() + " on shard " + shard);
    }
    Transaction transaction = new Transaction(view, shard, cookieKey, entry.time());
    ApplyResult result;
    try {
      RequestOrder.require(view, shard, entry.order());
      if (entry.order() != RequestOrder.NONE) {
        MetaTable.putLastOrder(target, shard, entry.order());
      }
      result = Dispatcher.apply(transaction, entry.operation());
      transaction.commit(target);
    } catch (EggsException e) {
      result = ApplyResult.failed(e.code());
    }
    MetaTable.putApplied(target, shard, new Applied(index, Math.max(before.time(), entry.time())));
    return result;
  }

  /**
   * Completes the answer of a write from the block service cache: addresses, failure domains, flags
   * and certificates (shard.md section 4.5). A service that the cache lacks gets zero addresses and
   * the flags of a dead one.
   *
   * @throws EggsException the error of the result, if it is one
   */
  public ShardResponse finish(ApplyResult result, BlockServices blockServices)
      throws EggsException {
    if (result.error() != null) {
      throw new EggsException(result.error());
    }
    return result.blocks() == null ? result.response() : Finish.run(result, blockServices);
  }
}
