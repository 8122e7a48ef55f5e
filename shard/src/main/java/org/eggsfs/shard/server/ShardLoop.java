package org.eggsfs.shard.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import java.util.zip.CRC32C;
import org.eggsfs.consensus.GroupCommitter;
import org.eggsfs.core.CbcMac;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.ShardSnapshotRequest;
import org.eggsfs.shard.state.ApplyResult;
import org.eggsfs.shard.state.EntryTimes;
import org.eggsfs.shard.state.LogEntry;
import org.eggsfs.shard.state.PrepareContext;
import org.eggsfs.shard.state.ReadContext;
import org.eggsfs.store.ChangeList;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.Overlay;

/**
 * An event loop: one thread that owns some shards and everything about them. Each turn it drains
 * the readable sockets, answers reads from the last durable snapshot, prepares and applies writes
 * on its overlay, hands the turn's changes to the committer in one piece, and sends the answers of
 * turns that have become durable. It never waits for the disk except to read.
 */
final class ShardLoop implements Runnable {
  private static final System.Logger LOGGER = System.getLogger(ShardLoop.class.getName());

  /** Datagrams taken from one socket in one turn, so that a busy shard does not starve others. */
  private static final int DATAGRAMS_PER_TURN = 64;

  /** Writes applied but not durable; beyond it requests are dropped and clients retry. */
  private static final int IN_FLIGHT_MAX = 16 * 1024;

  /** A datagram of the maximum size and one byte more, to tell an oversized one. */
  private static final int RECEIVE_BUFFER_SIZE = ProtocolConstants.MAX_UDP_MTU + 1;

  private static final int SEND_BUFFER_SIZE = ProtocolConstants.MAX_UDP_MTU;

  /** Where the shards' clock may run ahead of the wall clock before an operator should know. */
  private static final long CLOCK_AHEAD_ALERT_NANOS = 1_000_000_000L;

  /** A broken record is read again and again; its stack trace is not news each time. */
  private static final long READ_ALERT_PERIOD_NANOS = 1_000_000_000L;

  /** An answer that waits for its batch to become durable. */
  private record Waiting(
      HostedShard shard,
      DatagramChannel channel,
      InetSocketAddress source,
      long requestId,
      int kind,
      long index,
      long fingerprint,
      boolean signed,
      ApplyResult result) {}

  /** One turn's changes on their way to the disk. */
  private record Batch(long number, List<Waiting> answers) {}

  private record Origin(HostedShard shard, DatagramChannel channel) {}

  private final Selector selector;
  private final KeyValueStore store;
  private final GroupCommitter committer;
  private final CbcMac cdcKey;
  private final SnapshotMaker snapshotMaker;
  private final Runnable onFailure;
  private final Random random = new Random(new SecureRandom().nextLong());
  private final ByteBuffer received = Frames.directBuffer(RECEIVE_BUFFER_SIZE);
  private final ByteBuffer sent = Frames.directBuffer(SEND_BUFFER_SIZE);
  private final ConcurrentLinkedQueue<Batch> durable = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final Set<RequestKey> inFlight = new HashSet<>();
  private final AnswerCache answerCache = new AnswerCache();
  private final Set<HostedShard> shards = new HashSet<>();

  /** Counters, read from other threads. */
  final LongAdder reads = new LongAdder();

  final LongAdder writes = new LongAdder();
  final LongAdder malformed = new LongAdder();

  private KeyValueStore.Snapshot snapshot;
  private final Overlay overlay;
  private final ChangeList changes;
  private List<Waiting> waiting = new ArrayList<>();
  private long batchNumber = 1;
  private long lastReadAlertNanos = System.nanoTime() - READ_ALERT_PERIOD_NANOS - 1;
  private boolean clockAlerted;
  private volatile boolean stopping;

  /** Takes a checkpoint away from the loop and answers through it. */
  interface SnapshotMaker {
    /** Makes checkpoint {@code id} and runs {@code done} with null or an error. */
    void make(long id, java.util.function.Consumer<ErrorCode> done);
  }

  ShardLoop(
      KeyValueStore store,
      GroupCommitter committer,
      CbcMac cdcKey,
      SnapshotMaker snapshotMaker,
      Runnable onFailure)
      throws IOException {
    this.onFailure = onFailure;
    this.selector = Selector.open();
    this.store = store;
    this.committer = committer;
    this.cdcKey = cdcKey;
    this.snapshotMaker = snapshotMaker;
    this.snapshot = store.snapshot();
    this.overlay = new Overlay(snapshot);
    this.changes = new ChangeList(overlay);
  }

  /** Adds a shard; before the loop runs. */
  void add(HostedShard shard) throws ClosedChannelException {
    shards.add(shard);
    for (DatagramChannel channel : shard.channels) {
      channel.register(selector, SelectionKey.OP_READ, new Origin(shard, channel));
    }
  }

  /** Ends the loop after this turn; unanswered requests stay unanswered. */
  void stop() {
    stopping = true;
    selector.wakeup();
  }

  private void execute(Runnable task) {
    tasks.add(task);
    selector.wakeup();
  }

  @Override
  public void run() {
    try {
      overlay.beginBatch(batchNumber);
      while (!stopping) {
        selector.select(this::receiveAll);
        runTasks();
        submit();
        sendDurable();
      }
    } catch (IOException | RuntimeException | Error e) {
      LOGGER.log(System.Logger.Level.ERROR, "an event loop failed; its shards are gone", e);
      onFailure.run();
    } finally {
      close();
    }
  }

  private void runTasks() {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
  }

  private void receiveAll(SelectionKey key) {
    Origin origin = (Origin) key.attachment();
    for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
      received.clear();
      InetSocketAddress source;
      try {
        source = (InetSocketAddress) origin.channel.receive(received);
      } catch (IOException | CancelledKeyException e) {
        // An ICMP error of an earlier answer can surface here; the socket itself is fine.
        LOGGER.log(System.Logger.Level.DEBUG, "receive on shard " + origin.shard.number, e);
        return;
      }
      if (source == null) {
        return;
      }
      received.flip();
      try {
        handle(origin, source);
      } catch (MalformedMessageException e) {
        malformed.increment();
      } catch (RuntimeException e) {
        LOGGER.log(
            System.Logger.Level.ERROR,
            "shard " + origin.shard.number + " failed on a request from " + source,
            e);
      }
    }
  }

  private void handle(Origin origin, InetSocketAddress source) {
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
      answerRead(origin, source, requestId, signed, request);
    } else {
      writes.increment();
      acceptWrite(origin, source, requestId, signed, request);
    }
  }

  private void answerRead(
      Origin origin,
      InetSocketAddress source,
      long requestId,
      boolean signed,
      ShardRequest request) {
    HostedShard shard = origin.shard;
    ShardResponse response = null;
    ErrorCode error = null;
    try {
      response = shard.state.read(snapshot, new ReadContext(signed, shard.blockServices), request);
    } catch (EggsException e) {
      error = e.code();
    } catch (RuntimeException e) {
      // An answer, whatever happened: a client that hears nothing asks again for ten seconds.
      alertFailedRead(shard, e);
      error = ErrorCode.INTERNAL_ERROR;
    }
    encode(requestId, request.kind(), shard.durableIndex, signed, response, error);
    send(origin.channel, source);
  }

  private void alertFailedRead(HostedShard shard, RuntimeException e) {
    long now = System.nanoTime();
    if (now - lastReadAlertNanos > READ_ALERT_PERIOD_NANOS) {
      lastReadAlertNanos = now;
      LOGGER.log(System.Logger.Level.ERROR, "a read of shard " + shard.number + " failed", e);
    }
  }

  private void acceptWrite(
      Origin origin,
      InetSocketAddress source,
      long requestId,
      boolean signed,
      ShardRequest request) {
    HostedShard shard = origin.shard;
    RequestKey key = new RequestKey(shard.number, requestId, source);
    long fingerprint = fingerprint(received);
    byte[] earlier = answerCache.find(key, fingerprint, System.nanoTime());
    if (earlier != null) {
      sent.clear();
      sent.put(earlier).flip();
      send(origin.channel, source);
      return;
    }
    if (inFlight.size() >= IN_FLIGHT_MAX || !inFlight.add(key)) {
      return;
    }
    try {
      if (signed && request instanceof ShardSnapshotRequest snapshotRequest) {
        makeSnapshot(origin, key, snapshotRequest);
        return;
      }
      long time = EntryTimes.next(wallClock(shard), shard.lastIssuedTime);
      LogEntry entry =
          shard.state.prepare(
              new PrepareContext(overlay, time, signed, shard.blockServices, random::nextDouble),
              request);
      shard.lastIssuedTime = time;
      ApplyResult result = apply(shard, entry);
      waiting.add(
          new Waiting(
              shard,
              origin.channel,
              source,
              requestId,
              request.kind(),
              shard.appliedIndex,
              fingerprint,
              signed,
              result));
    } catch (EggsException e) {
      // A prepare error leaves no trace (W4).
      inFlight.remove(key);
      encode(requestId, request.kind(), shard.durableIndex, signed, null, e.code());
      send(origin.channel, source);
    } catch (RuntimeException e) {
      inFlight.remove(key);
      throw e;
    }
  }

  private ApplyResult apply(HostedShard shard, LogEntry entry) {
    ApplyResult result = shard.state.apply(overlay, changes, shard.appliedIndex + 1, entry);
    shard.appliedIndex++;
    if (result.alert() != null) {
      LOGGER.log(System.Logger.Level.WARNING, "shard " + shard.number + ": " + result.alert());
    }
    return result;
  }

  private void makeSnapshot(Origin origin, RequestKey key, ShardSnapshotRequest request) {
    snapshotMaker.make(
        request.snapshotId(),
        error ->
            execute(
                () -> {
                  inFlight.remove(key);
                  ShardResponse response =
                      error == null ? new org.eggsfs.protocol.shard.ShardSnapshotResponse() : null;
                  encode(
                      key.requestId(),
                      request.kind(),
                      origin.shard.durableIndex,
                      true,
                      response,
                      error);
                  send(origin.channel, key.source());
                }));
  }

  /** Hands this turn's changes to the committer. */
  private void submit() {
    if (waiting.isEmpty()) {
      return;
    }
    Batch batch = new Batch(batchNumber, waiting);
    waiting = new ArrayList<>();
    batchNumber++;
    overlay.beginBatch(batchNumber);
    committer.submit(
        changes.take(),
        () -> {
          durable.add(batch);
          selector.wakeup();
        });
  }

  private void sendDurable() {
    Batch last = null;
    List<Batch> batches = new ArrayList<>();
    for (Batch batch = durable.poll(); batch != null; batch = durable.poll()) {
      batches.add(batch);
      last = batch;
    }
    if (last == null) {
      return;
    }
    // Reads see a write no later than its answer leaves.
    KeyValueStore.Snapshot newer = store.snapshot();
    overlay.rebase(newer, last.number);
    snapshot.close();
    snapshot = newer;
    long now = System.nanoTime();
    for (Batch batch : batches) {
      for (Waiting answer : batch.answers) {
        answerWrite(answer, now);
      }
    }
  }

  private void answerWrite(Waiting answer, long nowNanos) {
    HostedShard shard = answer.shard;
    shard.durableIndex = answer.index;
    RequestKey key = new RequestKey(shard.number, answer.requestId, answer.source);
    inFlight.remove(key);
    ShardResponse response = null;
    ErrorCode error = null;
    try {
      response = shard.state.finish(answer.result, shard.blockServices);
    } catch (EggsException e) {
      error = e.code();
    }
    encode(answer.requestId, answer.kind, answer.index, answer.signed, response, error);
    byte[] frame = new byte[sent.remaining()];
    sent.get(0, frame);
    answerCache.put(key, answer.fingerprint, frame, nowNanos);
    send(answer.channel, answer.source);
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

  /** A lost answer is the client's to ask for again. */
  private void send(DatagramChannel channel, InetSocketAddress target) {
    try {
      channel.send(sent, target);
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "an answer to " + target + " was not sent", e);
    }
  }

  /** Tells a repeated request from another one that happens to have the same id. */
  private static long fingerprint(ByteBuffer frame) {
    CRC32C crc = new CRC32C();
    int length = frame.limit();
    crc.update(frame.slice(0, length));
    return (long) length << 32 | crc.getValue();
  }

  private long wallClock(HostedShard shard) {
    Instant now = Instant.now();
    long nanos = now.getEpochSecond() * 1_000_000_000L + now.getNano();
    if (!clockAlerted && shard.lastIssuedTime - nanos > CLOCK_AHEAD_ALERT_NANOS) {
      clockAlerted = true;
      LOGGER.log(
          System.Logger.Level.WARNING,
          "the clock is behind the last change of shard "
              + shard.number
              + "; times of new changes run ahead of it until it catches up");
    }
    return nanos;
  }

  private void close() {
    for (HostedShard shard : shards) {
      for (DatagramChannel channel : shard.channels) {
        try {
          channel.close();
        } catch (IOException e) {
          LOGGER.log(System.Logger.Level.DEBUG, "closing a socket", e);
        }
      }
    }
    try {
      selector.close();
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "closing a selector", e);
    }
    snapshot.close();
  }
}
