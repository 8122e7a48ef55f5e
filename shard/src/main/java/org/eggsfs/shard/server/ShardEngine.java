package org.eggsfs.shard.server;

import java.net.InetSocketAddress;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import org.eggsfs.consensus.Committer;
import org.eggsfs.core.CbcMac;
import org.eggsfs.net.HostClock;
import org.eggsfs.net.Outlet;
import org.eggsfs.net.RequestMetrics;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.ShardSnapshotRequest;
import org.eggsfs.protocol.shard.ShardSnapshotResponse;
import org.eggsfs.shard.state.ApplyResult;
import org.eggsfs.shard.state.BlockServices;
import org.eggsfs.shard.state.EntryTimes;
import org.eggsfs.shard.state.LogEntry;
import org.eggsfs.shard.state.PrepareContext;
import org.eggsfs.shard.state.ReadContext;
import org.eggsfs.shard.state.RequestOrder;
import org.eggsfs.store.ChangeList;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.Overlay;

/**
 * What an event loop does with datagrams, without the sockets and the thread: {@link ShardLoop}
 * drives it in production, the simulator on virtual time. Each turn the driver passes the datagrams
 * that have arrived to {@link #receive}, which answers reads from the last durable snapshot and
 * applies writes on an overlay; then {@link #submit} hands the turn's changes to the committer in
 * one piece, and {@link #sendDurable} sends the answers of turns that have become durable.
 *
 * <p>One thread, except that the committer calls {@code wake} and the snapshot maker finishes on
 * threads of their own.
 */
public final class ShardEngine implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(ShardEngine.class.getName());

  /** Writes applied but not durable; beyond it requests are dropped and clients retry. */
  private static final int IN_FLIGHT_MAX = 16 * 1024;

  private static final int SEND_BUFFER_SIZE = ProtocolConstants.MAX_UDP_MTU;

  /** Where the shards' clock may run ahead of the wall clock before an operator should know. */
  private static final long CLOCK_AHEAD_ALERT_NANOS = 1_000_000_000L;

  /** The operator is told again as long as it does: it may have been a step by a year. */
  private static final long CLOCK_ALERT_PERIOD_NANOS = 60_000_000_000L;

  /**
   * A store keeps every row that was removed or replaced since its oldest snapshot, so even an
   * engine that writes nothing lets go of its own after so long.
   */
  static final long SNAPSHOT_AGE_MAX_NANOS = 1_000_000_000L;

  /** A write with this id is a message: each copy is executed, none is answered. */
  private static final long NO_ANSWER_ID = 0;

  private static final Outlet NOWHERE = (frame, to) -> {};

  /** In keys of such writes, where no shard's number is. */
  private static final int NO_SHARD = -1;

  /** A damaged row is used, or a packet sent, again and again; its trace is not news each time. */
  private static final long ALERT_PERIOD_NANOS = 1_000_000_000L;

  /** An answer that waits for its batch to become durable. */
  private record Waiting(
      HostedShard shard,
      Outlet outlet,
      RequestKey key,
      int kind,
      long index,
      long fingerprint,
      boolean signed,
      long arrivedNanos,
      ApplyResult result) {}

  /** One turn's changes on their way to the disk. */
  private record Batch(long number, List<Waiting> answers) {}

  /** Takes a checkpoint away from the loop and answers through it. */
  public interface SnapshotMaker {
    /** Makes checkpoint {@code id} and runs {@code done} with null or an error. */
    void make(long id, Consumer<ErrorCode> done);
  }

  private final KeyValueStore store;
  private final Committer committer;
  private final CbcMac cdcKey;
  private final SnapshotMaker snapshotMaker;
  private final HostClock clock;
  private final DoubleSupplier random;
  private final Runnable wake;
  private final ByteBuffer sent = Frames.directBuffer(SEND_BUFFER_SIZE);
  private final ConcurrentLinkedQueue<Batch> durable = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final Set<RequestKey> inFlight = new HashSet<>();
  private final AnswerCache answerCache = new AnswerCache();

  /** Counters, read from other threads. */
  final LongAdder reads = new LongAdder();

  final LongAdder writes = new LongAdder();
  final LongAdder malformed = new LongAdder();

  /** Repetitions that were answered from memory or are in work. */
  final LongAdder repeats = new LongAdder();

  /** Writes for which there was no room. */
  final LongAdder drops = new LongAdder();

  /** Log entries applied, and batches of them given to the committer. */
  final LongAdder entries = new LongAdder();

  final LongAdder batches = new LongAdder();
  final RequestMetrics requests = new RequestMetrics();

  /** How many writes were in flight at the end of the last turn; other threads read it. */
  private volatile int inFlightCount;

  /** When the datagram in work arrived. */
  private long arrivedNanos;

  private KeyValueStore.Snapshot snapshot;
  private long snapshotNanos;
  private final Overlay overlay;
  private final ChangeList changes;
  private List<Waiting> waiting = new ArrayList<>();
  private long batchNumber = 1;
  private long durableBatch;

  /** Writes with {@link #NO_ANSWER_ID} so far. */
  private long messageCount;

  private long lastAlertNanos;
  private long lastClockAlertNanos;

  /**
   * An engine for some of the store's shards.
   *
   * @param random for picking block services
   * @param wake asks the driver for a turn; called on any thread
   */
  public ShardEngine(
      KeyValueStore store,
      Committer committer,
      CbcMac cdcKey,
      SnapshotMaker snapshotMaker,
      HostClock clock,
      DoubleSupplier random,
      Runnable wake) {
    this.store = store;
    this.committer = committer;
    this.cdcKey = cdcKey;
    this.snapshotMaker = snapshotMaker;
    this.clock = clock;
    this.random = random;
    this.wake = wake;
    this.snapshot = store.snapshot();
    this.snapshotNanos = clock.nanoTime();
    this.overlay = new Overlay(snapshot);
    this.changes = new ChangeList(overlay);
    this.lastAlertNanos = clock.nanoTime() - ALERT_PERIOD_NANOS - 1;
    this.lastClockAlertNanos = clock.nanoTime() - CLOCK_ALERT_PERIOD_NANOS - 1;
    overlay.beginBatch(batchNumber);
  }

  private void execute(Runnable task) {
    tasks.add(task);
    wake.run();
  }

  /** Writes that wait for the disk. Any thread. */
  int inFlightCount() {
    return inFlightCount;
  }

  /** Runs what other threads have left to do in this one. */
  public void runTasks() {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
  }

  /**
   * Takes a datagram for a shard. Whatever it is, it ends in an answer, now or later, or in
   * nothing: what depends on block services is not answered before they are known.
   *
   * @param outlet where the answer leaves
   */
  public void receive(
      HostedShard shard, Outlet outlet, InetSocketAddress source, ByteBuffer datagram) {
    arrivedNanos = clock.nanoTime();
    try {
      handle(shard, outlet, source, datagram);
    } catch (MalformedMessageException e) {
      malformed.increment();
    } catch (RuntimeException e) {
      alertFailure(shard, "request from " + source, e);
    }
  }

  private void handle(
      HostedShard shard, Outlet outlet, InetSocketAddress source, ByteBuffer received) {
    if (received.remaining() > ProtocolConstants.MAX_UDP_MTU
        || received.remaining() < Frames.UDP_HEADER_SIZE) {
      throw new MalformedMessageException("impossible size");
    }
    int magic = received.getInt(0);
    boolean signed = magic == ProtocolConstants.MAGIC_CDC_TO_SHARD_REQUEST;
    if (signed) {
      Frames.checkMac(received, cdcKey);
    } else if (magic != ProtocolConstants.MAGIC_SHARD_REQUEST) {
      throw new MalformedMessageException("unknown magic");
    }
    long requestId = received.getLong(4);
    int kind = received.get(12) & 0xff;
    if (!signed && ShardKind.isPrivileged(kind)) {
      throw new MalformedMessageException("privileged kind in an unsigned frame");
    }
    received.position(Frames.UDP_HEADER_SIZE);
    ShardRequest request = ShardRequest.decode(kind, received);
    Frames.requireEnd(received);
    if (ShardKind.isReadOnly(kind)) {
      reads.increment();
      answerRead(shard, outlet, source, requestId, signed, request);
    } else {
      writes.increment();
      takeWrite(shard, outlet, source, requestId, signed, Frames.fingerprint(received), request);
    }
  }

  private void answerRead(
      HostedShard shard,
      Outlet outlet,
      InetSocketAddress source,
      long requestId,
      boolean signed,
      ShardRequest request) {
    ShardResponse response = null;
    ErrorCode error = null;
    try {
      response =
          shard.state.read(snapshot, new ReadContext(signed, shard.blockServices()), request);
    } catch (EggsException e) {
      error = e.code();
    } catch (BlockServices.UnknownException e) {
      return;
    } catch (RuntimeException e) {
      // An answer, whatever happened: a client that hears nothing asks again for ten seconds.
      alertFailure(shard, "read", e);
      error = ErrorCode.INTERNAL_ERROR;
    }
    encode(requestId, request.kind(), shard.durableIndex, signed, response, error);
    outlet.send(sent, source);
    requests.answered(request.kind(), error, clock.nanoTime() - arrivedNanos);
  }

  /** Answers a write that changes nothing. */
  private void refuse(
      HostedShard shard, Outlet outlet, RequestKey key, int kind, boolean signed, ErrorCode error) {
    inFlight.remove(key);
    encode(key.requestId(), kind, shard.durableIndex, signed, null, error);
    outlet.send(sent, key.source());
    requests.answered(kind, error, clock.nanoTime() - arrivedNanos);
  }

  private void alertFailure(HostedShard shard, String what, RuntimeException e) {
    long now = clock.nanoTime();
    if (now - lastAlertNanos > ALERT_PERIOD_NANOS) {
      lastAlertNanos = now;
      LOGGER.log(
          System.Logger.Level.ERROR, "a " + what + " of shard " + shard.number + " failed", e);
    }
  }

  /** Accepts a write unless it is a copy of one that was answered or is in work. */
  private void takeWrite(
      HostedShard shard,
      Outlet outlet,
      InetSocketAddress source,
      long requestId,
      boolean signed,
      long fingerprint,
      ShardRequest request) {
    if (requestId == NO_ANSWER_ID) {
      messageCount++;
      RequestKey ownKey = new RequestKey(NO_SHARD, messageCount, source);
      acceptWrite(shard, NOWHERE, ownKey, signed, fingerprint, request);
      return;
    }
    RequestKey key = new RequestKey(shard.number, requestId, source);
    byte[] earlier = answerCache.find(key, fingerprint, clock.nanoTime());
    if (earlier != null) {
      sent.clear();
      sent.put(earlier).flip();
      outlet.send(sent, source);
      repeats.increment();
      return;
    }
    if (inFlight.contains(key)) {
      repeats.increment();
      return;
    }
    acceptWrite(shard, outlet, key, signed, fingerprint, request);
  }

  private void acceptWrite(
      HostedShard shard,
      Outlet outlet,
      RequestKey key,
      boolean signed,
      long fingerprint,
      ShardRequest request) {
    if (inFlight.size() >= IN_FLIGHT_MAX) {
      drops.increment();
      return;
    }
    inFlight.add(key);
    try {
      if (signed && request instanceof ShardSnapshotRequest snapshotRequest) {
        makeSnapshot(shard, outlet, key, snapshotRequest);
        return;
      }
      long wall = wallClock(shard);
      long time = EntryTimes.next(wall, shard.lastIssuedTime);
      LogEntry entry =
          shard.state.prepare(
              new PrepareContext(overlay, time, signed, shard.blockServices(), random), request);
      if (signed) {
        entry = entry.withOrder(RequestOrder.of(key.requestId(), wall));
      }
      shard.lastIssuedTime = time;
      ApplyResult result = apply(shard, entry);
      waiting.add(
          new Waiting(
              shard,
              outlet,
              key,
              request.kind(),
              shard.appliedIndex,
              fingerprint,
              signed,
              arrivedNanos,
              result));
    } catch (EggsException e) {
      // A prepare error leaves no trace (W4).
      refuse(shard, outlet, key, request.kind(), signed, e.code());
    } catch (BlockServices.UnknownException e) {
      inFlight.remove(key);
    } catch (RuntimeException e) {
      // As for a read. An entry's writes are kept apart until it has succeeded, so none is left.
      alertFailure(shard, "write", e);
      refuse(shard, outlet, key, request.kind(), signed, ErrorCode.INTERNAL_ERROR);
    }
  }

  private ApplyResult apply(HostedShard shard, LogEntry entry) {
    ApplyResult result = shard.state.apply(overlay, changes, shard.appliedIndex + 1, entry);
    shard.appliedIndex++;
    entries.increment();
    if (result.alert() != null) {
      LOGGER.log(System.Logger.Level.WARNING, "shard " + shard.number + ": " + result.alert());
    }
    return result;
  }

  private void makeSnapshot(
      HostedShard shard, Outlet outlet, RequestKey key, ShardSnapshotRequest request) {
    long arrived = arrivedNanos;
    snapshotMaker.make(
        request.snapshotId(),
        error ->
            execute(
                () -> {
                  inFlight.remove(key);
                  ShardResponse response = error == null ? new ShardSnapshotResponse() : null;
                  encode(
                      key.requestId(), request.kind(), shard.durableIndex, true, response, error);
                  outlet.send(sent, key.source());
                  requests.answered(request.kind(), error, clock.nanoTime() - arrived);
                }));
  }

  /** Hands this turn's changes to the committer. */
  public void submit() {
    inFlightCount = inFlight.size();
    if (waiting.isEmpty()) {
      return;
    }
    batches.increment();
    Batch batch = new Batch(batchNumber, waiting);
    waiting = new ArrayList<>();
    batchNumber++;
    overlay.beginBatch(batchNumber);
    committer.submit(
        changes.take(),
        () -> {
          durable.add(batch);
          wake.run();
        });
  }

  /**
   * Sends the answers to what has become durable; reads see it from now on. To be called about once
   * a second also when nothing arrives, as the snapshot of reads must not grow old.
   */
  public void sendDurable() {
    List<Batch> batches = new ArrayList<>();
    for (Batch batch = durable.poll(); batch != null; batch = durable.poll()) {
      batches.add(batch);
      durableBatch = batch.number;
    }
    long now = clock.nanoTime();
    if (batches.isEmpty() && now - snapshotNanos < SNAPSHOT_AGE_MAX_NANOS) {
      return;
    }
    // Reads see a write no later than its answer leaves.
    KeyValueStore.Snapshot newer = store.snapshot();
    overlay.rebase(newer, durableBatch);
    snapshot.close();
    snapshot = newer;
    snapshotNanos = now;
    for (Batch batch : batches) {
      for (Waiting answer : batch.answers) {
        answerWrite(answer, now);
      }
    }
    inFlightCount = inFlight.size();
  }

  private void answerWrite(Waiting answer, long nowNanos) {
    HostedShard shard = answer.shard;
    shard.durableIndex = answer.index;
    inFlight.remove(answer.key);
    ShardResponse response = null;
    ErrorCode error = null;
    try {
      response = shard.state.finish(answer.result, shard.blockServices());
    } catch (EggsException e) {
      error = e.code();
    } catch (BlockServices.UnknownException e) {
      // The same once more leads to the same blocks.
      return;
    }
    encode(answer.key.requestId(), answer.kind, answer.index, answer.signed, response, error);
    byte[] frame = new byte[sent.remaining()];
    sent.get(0, frame);
    answerCache.put(answer.key, answer.fingerprint, frame, nowNanos);
    answer.outlet.send(sent, answer.key.source());
    requests.answered(answer.kind, error, nowNanos - answer.arrivedNanos);
  }

  private void encode(
      long requestId,
      int kind,
      long checkpoint,
      boolean signed,
      ShardResponse response,
      ErrorCode error) {
    sent.clear();
    try {
      if (error == null) {
        putResponse(requestId, kind, checkpoint, signed, response);
      } else {
        putError(requestId, checkpoint, signed, error);
      }
    } catch (BufferOverflowException e) {
      LOGGER.log(
          System.Logger.Level.ERROR, "an answer of " + ShardKind.name(kind) + " is too long", e);
      sent.clear();
      putError(requestId, checkpoint, signed, ErrorCode.INTERNAL_ERROR);
    }
    sent.flip();
  }

  private void putResponse(
      long requestId, int kind, long checkpoint, boolean signed, ShardResponse response) {
    if (signed) {
      Frames.putSignedResponse(sent, requestId, checkpoint, kind, response, cdcKey);
    } else {
      Frames.putUdp(sent, ProtocolConstants.MAGIC_SHARD_RESPONSE, requestId, kind, response);
    }
  }

  private void putError(long requestId, long checkpoint, boolean signed, ErrorCode error) {
    if (signed) {
      Frames.putSignedError(sent, requestId, checkpoint, error, cdcKey);
    } else {
      Frames.putUdpError(sent, ProtocolConstants.MAGIC_SHARD_RESPONSE, requestId, error);
    }
  }

  private long wallClock(HostedShard shard) {
    long nanos = clock.wallNanos();
    long ahead = shard.lastIssuedTime - nanos;
    if (ahead > CLOCK_AHEAD_ALERT_NANOS
        && arrivedNanos - lastClockAlertNanos > CLOCK_ALERT_PERIOD_NANOS) {
      lastClockAlertNanos = arrivedNanos;
      LOGGER.log(
          System.Logger.Level.WARNING,
          "the clock is "
              + ahead / 1_000_000_000
              + " s behind the last change of shard "
              + shard.number
              + "; times of new changes run ahead of it until it catches up");
    }
    return nanos;
  }

  @Override
  public void close() {
    snapshot.close();
  }
}
