package org.eggsfs.cdc.state;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.LongStream;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * The CDC as a pure state machine (cdc.md). The tables are in the {@link View}; what is here beside
 * them (transactions, locks, answers) is rebuilt from them by {@link #open}. One thread.
 *
 * <p>{@link #apply} takes what came in and says what to send and what must be durable before. It
 * never fails on an entry: whatever shards and clients say ends in an answer, a rollback, or a
 * transaction that keeps trying and is reported.
 */
public final class CdcState {
  /** Transactions queued or running; beyond it requests are dropped and clients back off. */
  public static final int TRANSACTIONS_MAX = 100_000;

  /** Answers remembered. */
  public static final int ANSWERS_MAX = 100_000;

  /** How long an answer is remembered; no client tries longer than that. */
  public static final long ANSWER_LIFE_NANOS = 300_000_000_000L;

  /**
   * How far a restart takes the time on. Ids of requests to shards are times, one up for each
   * request since the last entry on disk; there never are so many.
   */
  private static final long RESTART_NANOS = 1_000_000_000L;

  /** By id, oldest first. */
  private final TreeMap<Long, Transaction> transactions = new TreeMap<>();

  private final Map<ClientKey, Transaction> byClient = new HashMap<>();
  private final LockTable locks = new LockTable();
  private final RenameAdmission admission = new RenameAdmission();
  private final Answers answers = new Answers(ANSWERS_MAX, ANSWER_LIFE_NANOS);
  private final MetaTable meta;

  private CdcState(MetaTable meta) {
    this.meta = meta;
  }

  /** Whether the view holds a CDC's state. */
  public static boolean isInitialized(View view) {
    return MetaTable.isPresent(view);
  }

  /** Writes the first state: no directory but the root. */
  public static void initialize(WriteTarget target) {
    new MetaTable().write(target);
  }

  /**
   * The state machine over an initialised view. Call {@link #resume} before the first entry.
   *
   * @throws IllegalStateException if the view holds none, or one of another version
   */
  public static CdcState open(View view) {
    CdcState state = new CdcState(MetaTable.read(view));
    Keys.forEach(
        view,
        Keys.ENQUEUED,
        (id, value) -> {
          Transaction transaction = EnqueuedTable.read(id, value);
          state.transactions.put(id, transaction);
          state.byClient.put(transaction.client().key(), transaction);
          state.locks.acquire(transaction);
        });
    Keys.forEach(
        view,
        Keys.EXECUTING,
        (id, value) -> {
          Transaction transaction = state.transactions.get(id);
          if (transaction == null) {
            throw new IllegalStateException("transaction " + id + " runs but was never accepted");
          }
          transaction.load(value);
          if (transaction instanceof RenameDirectory rename) {
            state.admission.started(rename.move());
          }
        });
    state.answers.load(view);
    return state;
  }

  /** The error to answer at once, without a transaction, or null (cdc.md section 13.2). */
  public static ErrorCode validate(CdcRequest request) {
    return Validation.check(request);
  }

  /** The inodes that a request names: their shards have to answer before it can end. */
  public static LongStream inodes(CdcRequest request) {
    return Transactions.inodes(request);
  }

  /**
   * Goes on after a restart (cdc.md section 9): what ran sends the requests of its step again, what
   * could run starts. Counts as an entry, and is later than anything a former process did.
   */
  public ApplyResult resume(View view, WriteTarget target, long index, long time) {
    Effects effects = begin(view, target, index, Math.max(time, meta.time + RESTART_NANOS));
    effects.setUrgent();
    List<Transaction> ready = new ArrayList<>();
    for (Transaction transaction : List.copyOf(transactions.values())) {
      if (transaction.isStarted()) {
        transaction.restart(effects);
        settle(effects, transaction, ready);
      } else if (transaction.locks().waiting == 0) {
        ready.add(transaction);
      }
    }
    return end(effects, ready);
  }

  /**
   * Applies an entry (cdc.md section 3).
   *
   * @param view the state; it must show what has been written to {@code target}
   * @param index one above that of the entry before
   */
  public ApplyResult apply(View view, WriteTarget target, long index, LogEntry entry) {
    Effects effects = begin(view, target, index, entry.time());
    List<Transaction> ready = new ArrayList<>();
    for (ClientRequest request : entry.requests()) {
      accept(effects, request, ready);
    }
    for (ShardAnswer answer : entry.answers()) {
      Transaction transaction = transactions.get(answer.transaction());
      if (transaction != null && transaction.isStarted()) {
        transaction.take(effects, answer);
        settle(effects, transaction, ready);
      }
    }
    for (long id : entry.expirations()) {
      Transaction transaction = transactions.get(id);
      if (transaction != null && !transaction.isStarted()) {
        remove(effects, transaction, ready);
      }
    }
    return end(effects, ready);
  }

  private Effects begin(View view, WriteTarget target, long index, long time) {
    if (index <= meta.appliedIndex) {
      throw new IllegalStateException("entry " + index + " after entry " + meta.appliedIndex);
    }
    meta.appliedIndex = index;
    meta.time = Math.max(meta.time, time);
    return new Effects(view, target, index, meta.time);
  }

  private void accept(Effects effects, ClientRequest request, List<Transaction> ready) {
    if (isFull()
        || byClient.containsKey(request.key())
        || answers.find(request.key(), request.fingerprint()) != null) {
      return;
    }
    long fresh = InodeIds.NULL;
    if (Transactions.needsFreshDirectory(request.request())) {
      fresh = meta.nextDirectory;
      meta.nextDirectory++;
    }
    meta.lastTransaction++;
    Transaction transaction = Transactions.of(meta.lastTransaction, request, fresh);
    ErrorCode misplaced = Placement.check(effects.view, locks, request.request());
    if (misplaced != null) {
      transaction.fail(misplaced);
      answer(effects, transaction);
      return;
    }
    transactions.put(transaction.id(), transaction);
    byClient.put(request.key(), transaction);
    EnqueuedTable.put(effects.target, transaction);
    if (locks.acquire(transaction)) {
      ready.add(transaction);
    }
  }

  /** Starts what can start, which may end at once and let others start, and writes the counters. */
  private ApplyResult end(Effects effects, List<Transaction> ready) {
    for (int i = 0; i < ready.size(); i++) {
      Transaction transaction = ready.get(i);
      // One that became ready may have expired in the same entry.
      if (transactions.containsKey(transaction.id()) && !transaction.isStarted()) {
        start(effects, transaction, ready);
      }
    }
    answers.expire(effects.target, meta.time);
    meta.write(effects.target);
    return effects.result();
  }

  private void start(Effects effects, Transaction transaction, List<Transaction> ready) {
    if (transaction instanceof RenameDirectory rename) {
      RenameAdmission.Decision decision = admission.judge(effects.view, rename.move());
      switch (decision.verdict()) {
        case ADMITTED -> admission.started(rename.move());
        case REFUSED -> rename.fail(decision.error());
        case WAITS -> {
          admission.waits(rename, decision.blocker());
          return;
        }
      }
    }
    if (!transaction.isFinished()) {
      transaction.start(effects);
    }
    settle(effects, transaction, ready);
  }

  /** Writes what a transaction has become. */
  private void settle(Effects effects, Transaction transaction, List<Transaction> ready) {
    if (!transaction.isFinished()) {
      transaction.store(effects);
      return;
    }
    if (transaction.error() == null) {
      transaction.updateParents(effects);
    }
    answer(effects, transaction);
    remove(effects, transaction, ready);
  }

  private void answer(Effects effects, Transaction transaction) {
    ClientRequest client = transaction.client();
    int kind = client.request().kind();
    meta.lastAnswer++;
    answers.put(
        effects.target,
        client.key(),
        new GivenAnswer(
            meta.lastAnswer,
            effects.index,
            effects.time,
            client.fingerprint(),
            kind,
            transaction.response(),
            transaction.error()));
    effects.send(
        new Output.ToClient(
            transaction.id(),
            client.key(),
            kind,
            transaction.response(),
            transaction.error(),
            effects.index));
  }

  private void remove(Effects effects, Transaction transaction, List<Transaction> ready) {
    EnqueuedTable.delete(effects.target, transaction.id());
    ExecutingTable.delete(effects.target, transaction.id());
    transactions.remove(transaction.id());
    byClient.remove(transaction.client().key());
    locks.release(transaction, ready);
    if (transaction instanceof RenameDirectory rename) {
      admission.ended(rename, ready);
    }
  }

  /** Index of the last entry. */
  public long appliedIndex() {
    return meta.appliedIndex;
  }

  /** The largest time of any entry, nanoseconds since 1970. */
  public long time() {
    return meta.time;
  }

  /** Whether no more transactions are accepted now (cdc.md section 13.9). */
  public boolean isFull() {
    return transactions.size() >= TRANSACTIONS_MAX;
  }

  /** Transactions queued or running. */
  public int transactionCount() {
    return transactions.size();
  }

  /** The transaction of a client's request, 0 if none is queued or running. */
  public long transactionOf(ClientKey client) {
    Transaction transaction = byClient.get(client);
    return transaction == null ? 0 : transaction.id();
  }

  /** The answer that the same request has got lately, or null (cdc.md section 13.8). */
  public GivenAnswer givenAnswer(ClientKey client, long fingerprint) {
    return answers.find(client, fingerprint);
  }

  /**
   * One unfinished transaction.
   *
   * @param text for people: kind, step, request
   */
  public record Unfinished(long id, ClientKey client, boolean started, String text) {}

  /** All unfinished transactions, oldest first. */
  public List<Unfinished> unfinished() {
    Collection<Transaction> all = transactions.values();
    List<Unfinished> list = new ArrayList<>(all.size());
    for (Transaction transaction : all) {
      list.add(
          new Unfinished(
              transaction.id(),
              transaction.client().key(),
              transaction.isStarted(),
              transaction.describe()));
    }
    return list;
  }

  /** Ids of the transactions that have not started, with their clients. */
  public Map<Long, ClientKey> waiting() {
    Map<Long, ClientKey> waiting = new HashMap<>();
    transactions.forEach(
        (id, transaction) -> {
          if (!transaction.isStarted()) {
            waiting.put(id, transaction.client().key());
          }
        });
    return waiting;
  }

  /** What an unfinished transaction is doing, or null. */
  public String describe(long transaction) {
    Transaction found = transactions.get(transaction);
    return found == null ? null : found.describe();
  }

  /** How many locks are held; none when nothing runs. */
  public int lockCount() {
    return locks.size();
  }

  /** Visits the parent map: each directory and its owner. For checks. */
  public static void forEachParent(View view, BiConsumer<Long, Long> visitor) {
    Keys.forEach(
        view,
        Keys.PARENTS,
        (directory, value) -> visitor.accept(directory, ParentsTable.get(view, directory)));
  }
}
