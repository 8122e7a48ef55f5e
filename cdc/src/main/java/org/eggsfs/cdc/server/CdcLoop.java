package org.eggsfs.cdc.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.eggsfs.cdc.state.ApplyResult;
import org.eggsfs.cdc.state.CdcState;
import org.eggsfs.cdc.state.ClientKey;
import org.eggsfs.cdc.state.ClientRequest;
import org.eggsfs.cdc.state.GivenAnswer;
import org.eggsfs.cdc.state.LogEntry;
import org.eggsfs.cdc.state.Output;
import org.eggsfs.cdc.state.ShardAnswer;
import org.eggsfs.cdc.state.ShardRequests;
import org.eggsfs.consensus.GroupCommitter;
import org.eggsfs.core.CbcMac;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CdcKind;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.cdc.CdcSnapshotRequest;
import org.eggsfs.protocol.cdc.CdcSnapshotResponse;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.struct.IpPort;
import org.eggsfs.store.ChangeList;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.KeyValueStore.Change;
import org.eggsfs.store.Overlay;
import org.eggsfs.store.WriteTarget;

/**
 * The CDC's event loop: one thread that owns the state, the sockets and everything in flight. Each
 * turn it drains the sockets into one entry, applies it, hands the changes to the committer and
 * sends what may be sent: reads at once, the rest when the entry that it depends on is on disk. It
 * goes on applying while commits are under way.
 *
 * <p>Changes that nothing waits for travel with the next ones that something does wait for, at the
 * latest after {@link #LAZY_NANOS}: what a crash loses of them is repeated from the step before.
 */
final class CdcLoop implements Runnable, AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(CdcLoop.class.getName());

  /** Datagrams taken from one socket in one turn. */
  private static final int DATAGRAMS_PER_TURN = 256;

  /** A datagram of the maximum size and one byte more, to tell an oversized one. */
  private static final int RECEIVE_BUFFER_SIZE = ProtocolConstants.MAX_UDP_MTU + 1;

  /** A signed answer carries up to a checkpoint and a MAC around it. */
  private static final int SEND_BUFFER_SIZE = ProtocolConstants.MAX_UDP_MTU;

  private static final long LAZY_NANOS = 50_000_000L;
  private static final long WATCH_NANOS = 1_000_000_000L;

  /** A transaction that runs longer is reported (cdc.md section 13.9). */
  private static final long STUCK_NANOS = 10_000_000_000L;

  /** A client that has not asked for so long has given up (cdc.md section 13.9). */
  private static final long CLIENT_PATIENCE_NANOS = 180_000_000_000L;

  /** Silent attempts after which the shards' addresses are fetched again. */
  private static final int SILENT_ATTEMPTS_BEFORE_REFRESH = 2;

  /** Silent attempts, over all addresses of the shard, after which the other socket is tried. */
  private static final int SILENT_ATTEMPTS_BEFORE_OTHER_SOCKET = 4;

  /** Where an answer goes, and when the client last asked for it. */
  private static final class Origin {
    DatagramChannel channel;
    final InetSocketAddress source;
    long lastSeenNanos;

    Origin(DatagramChannel channel, InetSocketAddress source, long lastSeenNanos) {
      this.channel = channel;
      this.source = source;
      this.lastSeenNanos = lastSeenNanos;
    }
  }

  private record Batch(long number, long index) {}

  /** What a socket is for. */
  private interface Receiver {
    void handle(DatagramChannel channel, InetSocketAddress source);
  }

  private record Socket(DatagramChannel channel, Receiver receiver) {}

  /** Takes a checkpoint away from the loop and answers through it. */
  interface SnapshotMaker {
    /** Makes checkpoint {@code id} and runs {@code done} with null or an error. */
    void make(long id, Consumer<ErrorCode> done);
  }

  private final CdcConfig config;
  private final KeyValueStore store;
  private final GroupCommitter committer;
  private final CdcState state;
  private final CbcMac key;
  private final ShardAddresses shardAddresses;
  private final List<DatagramChannel> clientChannels;
  private final List<DatagramChannel> shardChannels;
  private final SnapshotMaker snapshotMaker;
  private final Runnable refreshAddresses;
  private final Runnable onFailure;
  private final Selector selector;
  private final ByteBuffer received = Frames.directBuffer(RECEIVE_BUFFER_SIZE);
  private final ByteBuffer sent = Frames.directBuffer(SEND_BUFFER_SIZE);
  private final ConcurrentLinkedQueue<Batch> durable = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final Map<ClientKey, Origin> origins = new HashMap<>();
  private final ShardCalls calls;

  /** What waits for an entry to be durable, by that entry's index. */
  private final TreeMap<Long, List<Output>> held = new TreeMap<>();

  /** Counters, read from other threads. */
  final LongAdder requests = new LongAdder();

  final LongAdder duplicates = new LongAdder();
  final LongAdder malformed = new LongAdder();
  final LongAdder shardRequests = new LongAdder();
  final LongAdder shardRepeats = new LongAdder();

  private KeyValueStore.Snapshot snapshot;
  private Overlay overlay;
  private List<ClientRequest> newRequests = new ArrayList<>();
  private List<ShardAnswer> newAnswers = new ArrayList<>();
  private List<Long> expirations = List.of();
  private final ChangeList changes;
  private boolean urgent;
  private long lazySinceNanos;
  private long batchNumber = 1;
  private long index;
  private long durableIndex;
  private long nextWatchNanos;
  private volatile List<String> stuck = List.of();
  private volatile boolean stopping;

  CdcLoop(
      CdcConfig config,
      KeyValueStore store,
      GroupCommitter committer,
      ShardAddresses shardAddresses,
      List<DatagramChannel> clientChannels,
      List<DatagramChannel> shardChannels,
      SnapshotMaker snapshotMaker,
      Runnable refreshAddresses,
      Runnable onFailure)
      throws IOException {
    this.config = config;
    this.store = store;
    this.committer = committer;
    this.key = new CbcMac(config.cdcKey());
    this.shardAddresses = shardAddresses;
    this.clientChannels = clientChannels;
    this.shardChannels = shardChannels;
    this.snapshotMaker = snapshotMaker;
    this.refreshAddresses = refreshAddresses;
    this.onFailure = onFailure;
    SecureRandom secureRandom = new SecureRandom();
    Random random = new Random(secureRandom.nextLong());
    this.calls =
        new ShardCalls(
            config.shardTimeout(), this::transmit, random::nextDouble, secureRandom.nextLong());
    this.selector = Selector.open();
    try {
      for (DatagramChannel channel : clientChannels) {
        channel.register(selector, SelectionKey.OP_READ, new Socket(channel, this::fromClient));
      }
      for (DatagramChannel channel : shardChannels) {
        channel.register(selector, SelectionKey.OP_READ, new Socket(channel, this::fromShard));
      }
      this.snapshot = store.snapshot();
      this.state = CdcState.open(snapshot);
    } catch (IOException | RuntimeException e) {
      selector.close();
      throw e;
    }
    this.overlay = new Overlay(snapshot);
    this.changes = new ChangeList(overlay);
    this.index = state.appliedIndex();
    this.durableIndex = index;
  }

  void stop() {
    stopping = true;
    selector.wakeup();
  }

  /** Transactions that run for long, for people. Any thread. */
  List<String> stuck() {
    return stuck;
  }

  private void execute(Runnable task) {
    tasks.add(task);
    selector.wakeup();
  }

  @Override
  public void run() {
    try {
      overlay.beginBatch(batchNumber);
      nextWatchNanos = System.nanoTime() + WATCH_NANOS;
      if (state.transactionCount() > 0) {
        index++;
        take(state.resume(overlay, target(), index, wallClock()));
      }
      while (!stopping) {
        turn();
      }
      submit();
    } catch (IOException | RuntimeException | Error e) {
      LOGGER.log(System.Logger.Level.ERROR, "the event loop failed; the CDC is gone", e);
      onFailure.run();
    }
  }

  private void turn() throws IOException {
    select();
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
    long now = System.nanoTime();
    watch(now);
    if (!newRequests.isEmpty() || !newAnswers.isEmpty() || !expirations.isEmpty()) {
      apply();
    }
    if (!changes.isEmpty() && (urgent || now - lazySinceNanos >= LAZY_NANOS)) {
      submit();
    }
    releaseDurable();
    calls.run(System.nanoTime());
  }

  private void select() throws IOException {
    long now = System.nanoTime();
    long nanos = calls.nanosToNext(now);
    if (!changes.isEmpty()) {
      nanos = Math.min(nanos, lazySinceNanos + LAZY_NANOS - now);
    }
    if (state.transactionCount() > 0) {
      nanos = Math.min(nanos, nextWatchNanos - now);
    }
    if (nanos == Long.MAX_VALUE) {
      selector.select(this::receiveAll);
    } else if (nanos <= 0) {
      selector.selectNow(this::receiveAll);
    } else {
      // Rounded up: waking up early would only spin.
      selector.select(this::receiveAll, nanos / 1_000_000 + 1);
    }
  }

  private void receiveAll(SelectionKey selected) {
    Socket socket = (Socket) selected.attachment();
    for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
      received.clear();
      InetSocketAddress source;
      try {
        source = (InetSocketAddress) socket.channel.receive(received);
      } catch (IOException | CancelledKeyException e) {
        // An ICMP error of an earlier packet can surface here; the socket itself is fine.
        LOGGER.log(System.Logger.Level.DEBUG, "receiving", e);
        return;
      }
      if (source == null) {
        return;
      }
      received.flip();
      try {
        if (received.remaining() > ProtocolConstants.MAX_UDP_MTU
            || received.remaining() < Frames.UDP_HEADER_SIZE) {
          throw new MalformedMessageException("impossible size");
        }
        socket.receiver.handle(socket.channel, source);
      } catch (MalformedMessageException e) {
        malformed.increment();
        LOGGER.log(System.Logger.Level.DEBUG, "a malformed packet from " + source, e);
      } catch (RuntimeException e) {
        LOGGER.log(System.Logger.Level.ERROR, "failed on a packet from " + source, e);
      }
    }
  }

  // Clients.

  private void fromClient(DatagramChannel channel, InetSocketAddress source) {
    if (received.getInt(0) != ProtocolConstants.MAGIC_CDC_REQUEST) {
      throw new MalformedMessageException("unknown magic");
    }
    long requestId = received.getLong(4);
    int kind = received.get(12) & 0xff;
    received.position(Frames.UDP_HEADER_SIZE);
    CdcRequest request = CdcRequest.decode(kind, received);
    Frames.requireEnd(received);
    requests.increment();
    IpPort endpoint = Addresses.endpoint(source);
    if (!Addresses.isPresent(endpoint)) {
      throw new MalformedMessageException("from nowhere");
    }
    ClientKey client = new ClientKey(endpoint.ip(), endpoint.port(), requestId);
    long now = System.nanoTime();
    Origin known = origins.get(client);
    if (known != null) {
      known.channel = channel;
      known.lastSeenNanos = now;
      duplicates.increment();
      return;
    }
    long fingerprint = fingerprint(received);
    GivenAnswer given = state.givenAnswer(client, fingerprint);
    Origin origin = new Origin(channel, source, now);
    if (given != null) {
      duplicates.increment();
      if (given.index() <= durableIndex) {
        answer(origin, requestId, given.kind(), given.response(), given.error());
      }
    } else if (state.transactionOf(client) != 0) {
      // Its first copy came before a restart.
      duplicates.increment();
      origins.put(client, origin);
    } else {
      accept(client, fingerprint, request, origin);
    }
  }

  private void accept(ClientKey client, long fingerprint, CdcRequest request, Origin origin) {
    ErrorCode error = CdcState.validate(request);
    if (request instanceof CdcSnapshotRequest && !config.snapshotEnabled()) {
      error = ErrorCode.NOT_AUTHORISED;
    }
    if (error != null) {
      answer(origin, client.requestId(), request.kind(), null, error);
    } else if (request instanceof CdcSnapshotRequest snapshotRequest) {
      origins.put(client, origin);
      makeSnapshot(client, snapshotRequest);
    } else if (state.transactionCount() + newRequests.size() < CdcState.TRANSACTIONS_MAX) {
      origins.put(client, origin);
      newRequests.add(new ClientRequest(client, fingerprint, request));
    }
  }

  private void makeSnapshot(ClientKey client, CdcSnapshotRequest request) {
    snapshotMaker.make(
        request.snapshotId(),
        error ->
            execute(
                () ->
                    answer(
                        origins.remove(client),
                        client.requestId(),
                        request.kind(),
                        error == null ? new CdcSnapshotResponse() : null,
                        error)));
  }

  /** Tells a repeated request from another one that happens to have the same id. */
  private static long fingerprint(ByteBuffer frame) {
    CRC32C crc = new CRC32C();
    int length = frame.limit();
    crc.update(frame.slice(0, length));
    return (long) length << 32 | crc.getValue();
  }

  private void answer(
      Origin origin, long requestId, int kind, CdcResponse response, ErrorCode error) {
    sent.clear();
    if (error == null) {
      Frames.putUdp(sent, ProtocolConstants.MAGIC_CDC_RESPONSE, requestId, kind, response);
    } else {
      LOGGER.log(System.Logger.Level.DEBUG, CdcKind.name(kind) + " answered with " + error);
      Frames.putUdpError(sent, ProtocolConstants.MAGIC_CDC_RESPONSE, requestId, error);
    }
    sent.flip();
    send(origin.channel, origin.source);
  }

  // Shards.

  private void fromShard(DatagramChannel channel, InetSocketAddress source) {
    if (received.getInt(0) != ProtocolConstants.MAGIC_CDC_TO_SHARD_RESPONSE) {
      throw new MalformedMessageException("unknown magic");
    }
    ShardCalls.Call call = calls.find(received.getLong(4));
    if (call == null) {
      // To an attempt that another one made moot.
      return;
    }
    Frames.checkMac(received, key);
    if (received.remaining() < Frames.SIGNED_RESPONSE_HEADER_SIZE) {
      throw new MalformedMessageException("short answer");
    }
    int kind = received.get(Frames.SIGNED_RESPONSE_HEADER_SIZE - 1) & 0xff;
    received.position(Frames.SIGNED_RESPONSE_HEADER_SIZE);
    ShardResponse response = null;
    ErrorCode error = null;
    if (kind == ProtocolConstants.ERROR_KIND) {
      error = error(received);
    } else if (kind == call.request.kind()) {
      response = ShardResponse.decode(kind, received);
    } else {
      throw new MalformedMessageException("an answer of another kind");
    }
    Frames.requireEnd(received);
    if (error != null && ShardRequests.isTransient(error)) {
      calls.again(call, System.nanoTime());
    } else {
      calls.answered(call);
      newAnswers.add(new ShardAnswer(call.transaction, call.sequence, call.sub, response, error));
    }
  }

  private static ErrorCode error(ByteBuffer in) {
    if (in.remaining() != Short.BYTES) {
      throw new MalformedMessageException("an error of another length");
    }
    ErrorCode error = ErrorCode.ofCode(in.getShort() & 0xffff);
    return error == null ? ErrorCode.INTERNAL_ERROR : error;
  }

  private void transmit(ShardCalls.Call call) {
    shardRequests.increment();
    if (call.attempts > 0) {
      shardRepeats.increment();
    }
    if (call.silentAttempts == SILENT_ATTEMPTS_BEFORE_REFRESH) {
      refreshAddresses.run();
    }
    InetSocketAddress address = shardAddresses.get(call.shard, call.attempts);
    if (address == null) {
      refreshAddresses.run();
      return;
    }
    sent.clear();
    try {
      Frames.putSignedRequest(sent, call.requestId, call.request.kind(), call.request, key);
    } catch (BufferOverflowException e) {
      LOGGER.log(
          System.Logger.Level.ERROR,
          "a request does not fit a packet: " + ShardKind.name(call.request.kind()),
          e);
      return;
    }
    sent.flip();
    // Shards tell copies of a request by its id and its source, so the source changes only when
    // this way seems to be broken.
    long way = call.requestId + call.silentAttempts / SILENT_ATTEMPTS_BEFORE_OTHER_SOCKET;
    send(shardChannels.get(Math.floorMod(way, shardChannels.size())), address);
  }

  /** What is lost is asked for again, by us or by the client. */
  private void send(DatagramChannel channel, InetSocketAddress to) {
    try {
      channel.send(sent, to);
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "a packet to " + to + " was not sent", e);
    }
  }

  // The state machine and the disk.

  private void apply() {
    LogEntry entry = new LogEntry(wallClock(), newRequests, newAnswers, expirations);
    newRequests = new ArrayList<>();
    newAnswers = new ArrayList<>();
    expirations = List.of();
    index++;
    take(state.apply(overlay, target(), index, entry));
  }

  private WriteTarget target() {
    if (changes.isEmpty()) {
      lazySinceNanos = System.nanoTime();
    }
    return changes;
  }

  private void take(ApplyResult result) {
    for (String alert : result.alerts()) {
      LOGGER.log(System.Logger.Level.WARNING, alert);
    }
    urgent |= result.urgent();
    long now = System.nanoTime();
    for (Output output : result.outputs()) {
      if (output.requiredIndex() <= durableIndex) {
        dispatch(output, now);
      } else {
        held.computeIfAbsent(output.requiredIndex(), i -> new ArrayList<>()).add(output);
      }
    }
  }

  private void dispatch(Output output, long now) {
    switch (output) {
      case Output.ToShard toShard -> calls.begin(toShard, now);
      case Output.Again again -> calls.again(again, now);
      case Output.ToClient toClient -> {
        calls.end(toClient.transaction());
        Origin origin = origins.remove(toClient.client());
        if (origin != null) {
          answer(
              origin,
              toClient.client().requestId(),
              toClient.kind(),
              toClient.response(),
              toClient.error());
        }
      }
    }
  }

  private void submit() {
    if (changes.isEmpty()) {
      return;
    }
    Batch batch = new Batch(batchNumber, index);
    List<Change> batchChanges = changes.take();
    urgent = false;
    batchNumber++;
    overlay.beginBatch(batchNumber);
    committer.submit(
        batchChanges,
        () -> {
          durable.add(batch);
          selector.wakeup();
        });
  }

  private void releaseDurable() {
    Batch last = null;
    for (Batch batch = durable.poll(); batch != null; batch = durable.poll()) {
      last = batch;
    }
    if (last == null) {
      return;
    }
    KeyValueStore.Snapshot newer = store.snapshot();
    overlay.rebase(newer, last.number);
    snapshot.close();
    snapshot = newer;
    durableIndex = last.index;
    long now = System.nanoTime();
    Map<Long, List<Output>> released = held.headMap(durableIndex, true);
    for (List<Output> outputs : released.values()) {
      for (Output output : outputs) {
        dispatch(output, now);
      }
    }
    released.clear();
  }

  // Watching.

  private void watch(long now) {
    if (now - nextWatchNanos < 0) {
      return;
    }
    nextWatchNanos = now + WATCH_NANOS;
    reportStuck(now);
    expire(now);
  }

  private void reportStuck(long now) {
    List<String> list = new ArrayList<>();
    calls.reportOlderThan(
        STUCK_NANOS,
        now,
        (transaction, age, isNew, shards) -> {
          String text =
              state.describe(transaction)
                  + ", running for "
                  + age / 1_000_000_000
                  + " s, waits for shards "
                  + shards;
          list.add(text);
          if (isNew) {
            LOGGER.log(System.Logger.Level.WARNING, text);
          }
        });
    stuck = List.copyOf(list);
  }

  /** Drops transactions that wait for others while their clients have given up. */
  private void expire(long now) {
    List<Long> expired = new ArrayList<>();
    state
        .waiting()
        .forEach(
            (transaction, client) -> {
              Origin origin = origins.computeIfAbsent(client, c -> originOf(c, now));
              if (now - origin.lastSeenNanos > CLIENT_PATIENCE_NANOS) {
                origins.remove(client);
                expired.add(transaction);
              }
            });
    expired.sort(null);
    expirations = expired;
  }

  /** Of a client that asked before a restart: it has its time from now on. */
  private Origin originOf(ClientKey client, long now) {
    IpPort endpoint = new IpPort(client.ip(), client.port());
    return new Origin(clientChannels.getFirst(), Addresses.socketAddress(endpoint), now);
  }

  private static long wallClock() {
    Instant now = Instant.now();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }

  /** After the loop has ended and the committer, which wakes it, is closed. */
  @Override
  public void close() {
    List<AutoCloseable> resources = new ArrayList<>(clientChannels);
    resources.addAll(shardChannels);
    resources.add(selector);
    for (AutoCloseable resource : resources) {
      try {
        resource.close();
      } catch (Exception e) {
        LOGGER.log(System.Logger.Level.DEBUG, "closing", e);
      }
    }
    snapshot.close();
  }
}
