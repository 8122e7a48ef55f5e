package org.eggsfs.cdc.server;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.eggsfs.cdc.state.Output;
import org.eggsfs.protocol.shard.ShardRequest;

/**
 * Requests that wait for a shard's answer, and when to send them again (cdc.md section 13.6). One
 * thread; time comes in.
 *
 * <p>Silence repeats the same request id, so that any attempt's answer counts. A refusal that only
 * asks for patience, or one that somebody has to mend, is repeated under a new id: shards answer an
 * id they know with the answer they gave before.
 *
 * <p>Ids grow in the order in which requests leave, also over restarts, and are close to the time:
 * shards refuse a change that is older than one they have made, so that a copy that comes when its
 * request is long answered does nothing. What is merely overtaken is refused as well, and leaves
 * again under a new id.
 */
final class ShardCalls {
  private static final double GROWTH = 1.5;
  private static final double JITTER = 0.1;
  private static final long WAIT_NANOS_MAX = 2_000_000_000L;
  private static final long REFUSAL_WAIT_NANOS_FIRST = 10_000_000L;

  /** Sends one attempt. */
  interface Transport {
    void transmit(Call call);
  }

  /** One request of a transaction. */
  static final class Call {
    final long transaction;
    final int sequence;
    final int sub;
    final int shard;
    final ShardRequest request;
    long requestId;

    /** When the first packet with that id left. */
    long startNanos;

    /** Whether the next attempt is a request of its own. */
    private boolean idDue = true;

    /** Attempts so far, refused ones included. */
    int attempts;

    /** Attempts in a row without any answer. */
    int silentAttempts;

    private long silenceWait;
    private long refusalWait = REFUSAL_WAIT_NANOS_FIRST;

    /** Tells the call's current timer from former ones. */
    private int timer;

    private boolean waiting;

    private Call(Output.ToShard output, long silenceWait) {
      this.transaction = output.transaction();
      this.sequence = output.sequence();
      this.sub = output.sub();
      this.shard = output.shard();
      this.request = output.request();
      this.silenceWait = silenceWait;
    }
  }

  /** The calls of a transaction's current step. */
  private static final class Running {
    final long startNanos;
    int sequence;
    boolean reported;
    final List<Call> calls = new ArrayList<>();

    Running(long startNanos) {
      this.startNanos = startNanos;
    }
  }

  private record Timer(long dueNanos, Call call, int number) {}

  private final long silenceWaitFirst;
  private final Transport transport;
  private final DoubleSupplier random;

  /** By transaction, oldest first. */
  private final Map<Long, Running> running = new LinkedHashMap<>();

  private final Map<Long, Call> byRequestId = new HashMap<>();
  private final PriorityQueue<Timer> timers =
      new PriorityQueue<>((a, b) -> Long.signum(a.dueNanos - b.dueNanos));
  private final LongSupplier requestIdMin;
  private long lastRequestId;

  /**
   * No calls yet.
   *
   * @param requestIdMin what the next id must not be below: a time that is on disk, so that a later
   *     process begins above all ids of this one
   */
  ShardCalls(
      long silenceWaitFirst,
      Transport transport,
      DoubleSupplier random,
      LongSupplier requestIdMin) {
    this.silenceWaitFirst = silenceWaitFirst;
    this.transport = transport;
    this.random = random;
    this.requestIdMin = requestIdMin;
  }

  /** The largest id so far. */
  long lastRequestId() {
    return lastRequestId;
  }

  /** Sends a request; those of the transaction's former steps are given up. */
  void begin(Output.ToShard output, long now) {
    Running of = running.computeIfAbsent(output.transaction(), id -> new Running(now));
    if (output.sequence() < of.sequence) {
      return;
    }
    if (output.sequence() > of.sequence) {
      forget(of);
      of.sequence = output.sequence();
    }
    Call call = new Call(output, silenceWaitFirst);
    of.calls.add(call);
    renew(call);
    transmit(call, now);
  }

  /** Answers so far count no more; the id is given when it leaves, so that ids leave in order. */
  private void renew(Call call) {
    byRequestId.remove(call.requestId, call);
    call.idDue = true;
    call.waiting = true;
    call.silentAttempts = 0;
  }

  private void transmit(Call call, long now) {
    if (call.idDue) {
      call.idDue = false;
      lastRequestId = Math.max(lastRequestId + 1, requestIdMin.getAsLong());
      call.requestId = lastRequestId;
      call.startNanos = now;
      byRequestId.put(call.requestId, call);
    }
    schedule(call, now, call.silenceWait);
    call.silenceWait = grown(call.silenceWait);
    transport.transmit(call);
    call.attempts++;
    call.silentAttempts++;
  }

  private void schedule(Call call, long now, long wait) {
    call.timer++;
    double factor = 1 + JITTER * (2 * random.getAsDouble() - 1);
    timers.add(new Timer(now + (long) (wait * factor), call, call.timer));
  }

  private static long grown(long wait) {
    return (long) Math.min(WAIT_NANOS_MAX, wait * GROWTH);
  }

  /** The call that an answer belongs to, or null. */
  Call find(long requestId) {
    return byRequestId.get(requestId);
  }

  /** The call is answered; {@link #again} can still revive it. */
  void answered(Call call) {
    byRequestId.remove(call.requestId);
    call.waiting = false;
  }

  /** Repeats a refused call after a pause. */
  void again(Call call, long now) {
    renew(call);
    call.silenceWait = silenceWaitFirst;
    schedule(call, now, call.refusalWait);
    call.refusalWait = grown(call.refusalWait);
  }

  /** The same for a call that was answered before. */
  void again(Output.Again output, long now) {
    Running of = running.get(output.transaction());
    if (of == null || of.sequence != output.sequence()) {
      return;
    }
    for (Call call : of.calls) {
      if (call.sub == output.sub()) {
        again(call, now);
      }
    }
  }

  /** Gives up all calls of a transaction that has ended. */
  void end(long transaction) {
    Running ended = running.remove(transaction);
    if (ended != null) {
      forget(ended);
    }
  }

  private void forget(Running of) {
    for (Call call : of.calls) {
      byRequestId.remove(call.requestId, call);
      call.waiting = false;
    }
    of.calls.clear();
  }

  /** Sends what is due. */
  void run(long now) {
    while (!timers.isEmpty() && timers.peek().dueNanos - now <= 0) {
      Timer timer = timers.poll();
      if (isLive(timer)) {
        transmit(timer.call, now);
      }
    }
  }

  private static boolean isLive(Timer timer) {
    return timer.call.waiting && timer.call.timer == timer.number;
  }

  /** Nanoseconds until {@link #run} has something to do, negative if it has, MAX if it has not. */
  long nanosToNext(long now) {
    while (!timers.isEmpty() && !isLive(timers.peek())) {
      timers.poll();
    }
    return timers.isEmpty() ? Long.MAX_VALUE : timers.peek().dueNanos - now;
  }

  int waitingCount() {
    return byRequestId.size();
  }

  /** What waits for what. */
  interface Report {
    /** Takes one; returns whether it need not be called new any more. */
    boolean add(long transaction, long ageNanos, boolean isNew, List<Integer> shards);
  }

  /** Reports transactions that run longer than a time, oldest first. */
  void reportOlderThan(long ageNanosMin, long now, Report report) {
    running.forEach(
        (transaction, of) -> {
          long age = now - of.startNanos;
          if (age >= ageNanosMin) {
            List<Integer> shards = new ArrayList<>();
            for (Call call : of.calls) {
              if (call.waiting) {
                shards.add(call.shard);
              }
            }
            of.reported |= report.add(transaction, age, !of.reported, shards);
          }
        });
  }
}
