package org.eggsfs.cdc.server;

import java.net.InetSocketAddress;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import org.eggsfs.cdc.state.ApplyResult;
import org.eggsfs.cdc.state.CdcState;
import org.eggsfs.cdc.state.ClientKey;
import org.eggsfs.cdc.state.ClientRequest;
import org.eggsfs.cdc.state.GivenAnswer;
import org.eggsfs.cdc.state.LogEntry;
import org.eggsfs.cdc.state.Output;
import org.eggsfs.cdc.state.ShardAnswer;
import org.eggsfs.cdc.state.ShardRequests;
import org.eggsfs.consensus.Committer;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.InodeIds;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.HostClock;
import org.eggsfs.net.Outlet;
import org.eggsfs.net.RequestMetrics;
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
 * What the CDC does with datagrams, without the sockets and the thread: {@link CdcLoop} drives it
 * in production, the simulator on virtual time. After {@link #start}, each turn the driver passes
 * what has arrived to {@link #receiveFromClient} and {@link #receiveFromShard} and then calls
 * {@link #turn}: everything becomes one entry, which is applied; its changes go to the committer,
 * and what may be sent is sent, the rest when the entry that it depends on is on disk. The next
 * turn is due after {@link #nanosToNextTurn} if nothing arrives before.
 *
 * <p>Changes that nothing waits for travel with the next ones that something does wait for, at the
 * latest after {@link #LAZY_NANOS}: what a crash loses of them is repeated from the step before.
 *
 * <p>One thread, except that the committer calls {@code wake} and the snapshot maker finishes on
 * threads of their own.
 */
public final class CdcEngine implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger(CdcEngine.class.getName());

  /** A signed answer carries up to a checkpoint and a MAC around it. */
  private static final int SEND_BUFFER_SIZE = ProtocolConstants.MAX_UDP_MTU;

  private static final long LAZY_NANOS = 50_000_000L;
  private static final long WATCH_NANOS = 1_000_000_000L;

  /** The same packet may come again and again; what it breaks is not news each time. */
  private static final long ALERT_PERIOD_NANOS = 1_000_000_000L;

  /** A transaction that runs longer is reported (cdc.md section 13.9). */
  private static final long STUCK_NANOS = 10_000_000_000L;

  /** How many of them are described; one dead shard may keep very many. */
  static final int STUCK_DESCRIBED_MAX = 200;

  /**
   * Transactions that have waited so long for one shard, beyond which it gets no more: the table
   * has to have room for the other shards.
   */
  static final int STUCK_PER_SHARD_MAX = CdcState.TRANSACTIONS_MAX / 10;

  /** A client that has not asked for so long has given up (cdc.md section 13.9). */
  private static final long CLIENT_PATIENCE_NANOS = 180_000_000_000L;

  /** Transactions that expire in one entry, so that nobody waits long for it. */
  private static final int EXPIRATIONS_MAX = 10_000;

  /** Silent attempts after which the shards' addresses are fetched again. */
  private static final int SILENT_ATTEMPTS_BEFORE_REFRESH = 2;

  /** Silent attempts, about nine seconds, after which a shard seems not to know a request. */
  private static final int SILENT_ATTEMPTS_OF_OLD_SHARD = 10;

  /** Silent attempts, over all addresses of the shard, after which the other socket is tried. */
  private static final int SILENT_ATTEMPTS_BEFORE_OTHER_SOCKET = 4;

  /** Where an answer goes, and when the client last asked for it. */
  private static final class Origin {
    Outlet outlet;
    final InetSocketAddress source;
    final long arrivedNanos;
    long lastSeenNanos;

    Origin(Outlet outlet, InetSocketAddress source, long arrivedNanos) {
      this.outlet = outlet;
      this.source = source;
      this.arrivedNanos = arrivedNanos;
      this.lastSeenNanos = arrivedNanos;
    }
  }

  private record Batch(long number, long index, long time) {}

  /** Takes a checkpoint away from the loop and answers through it. */
  public interface SnapshotMaker {
    /** Makes checkpoint {@code id} and runs {@code done} with null or an error. */
    void make(long id, Consumer<ErrorCode> done);
  }

  /** Where the shards are. */
  public interface ShardDirectory {
    /** The address to use for an attempt, or null while the shard is unknown. */
    InetSocketAddress get(int shard, int attempt);

    /** Asks for newer addresses; returns at once. */
    void refreshSoon();
  }

  /**
   * The options of an engine.
   *
   * @param shardTimeoutNanos after which silence a shard is asked again the first time
   * @param key of the signed channel to the shards
   * @param snapshotEnabled whether anybody may make checkpoints
   */
  public record Options(long shardTimeoutNanos, CbcMac key, boolean snapshotEnabled) {}

  /**
   * Where datagrams leave.
   *
   * @param clients one or two sockets
   * @param shards one or two sockets
   */
  public record Outlets(List<Outlet> clients, List<Outlet> shards) {
    /** Keeps its own lists. */
    public Outlets {
      clients = List.copyOf(clients);
      shards = List.copyOf(shards);
    }
  }

  private final Options options;
  private final KeyValueStore store;
  private final Committer committer;
  private final CdcState state;
  private final CbcMac key;
  private final ShardDirectory shardDirectory;
  private final Outlets outlets;
  private final SnapshotMaker snapshotMaker;
  private final HostClock clock;
  private final Runnable wake;
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

  /** Requests for which there was no room. */
  final LongAdder drops = new LongAdder();

  /** Log entries applied, what they hold together, and batches given to the committer. */
  final LongAdder entries = new LongAdder();

  final LongAdder entryItems = new LongAdder();
  final LongAdder batches = new LongAdder();
  final RequestMetrics answered = new RequestMetrics();

  /** By kind of the shard request, from the first packet with its id to the answer. */
  final RequestMetrics shardsAnswered = new RequestMetrics();

  /** Transactions at the end of the last turn; other threads read it. */
  private volatile int transactionCount;

  private KeyValueStore.Snapshot snapshot;
  private final Overlay overlay;
  private List<ClientRequest> newRequests = new ArrayList<>();
  private List<ShardAnswer> newAnswers = new ArrayList<>();
  private List<Long> expirations = List.of();
  private final ChangeList changes;
  private boolean urgent;
  private long lazySinceNanos;
  private long batchNumber = 1;
  private long index;
  private long durableIndex;

  /** Time of the last durable entry. */
  private long durableTime;

  /** The entry of this process's start; nothing leaves before it is durable. */
  private long firstIndex;

  private long nextWatchNanos;
  private long lastAlertNanos;
  private volatile List<String> stuck = List.of();
  private volatile int stuckCount;

  /** How many of the stuck transactions wait for each shard. */
  private int[] stuckByShard = new int[ProtocolConstants.SHARD_COUNT];

  /**
   * An engine over an initialised store.
   *
   * @param random spreads repetitions
   * @param wake asks the driver for a turn; called on any thread
   */
  public CdcEngine(
      Options options,
      KeyValueStore store,
      Committer committer,
      ShardDirectory shardDirectory,
      Outlets outlets,
      SnapshotMaker snapshotMaker,
      HostClock clock,
      DoubleSupplier random,
      Runnable wake) {
    this.options = options;
    this.store = store;
    this.committer = committer;
    this.key = options.key();
    this.shardDirectory = shardDirectory;
    this.outlets = outlets;
    this.snapshotMaker = snapshotMaker;
    this.clock = clock;
    this.wake = wake;
    this.calls =
        new ShardCalls(options.shardTimeoutNanos(), this::transmit, random, () -> durableTime);
    this.snapshot = store.snapshot();
    this.state = CdcState.open(snapshot);
    this.overlay = new Overlay(snapshot);
    this.changes = new ChangeList(overlay);
    this.lastAlertNanos = clock.nanoTime() - ALERT_PERIOD_NANOS - 1;
    this.index = state.appliedIndex();
    this.durableIndex = index;
  }

  /** The oldest transactions that run for long, for people. Any thread. */
  public List<String> stuck() {
    return stuck;
  }

  /** How many transactions run for long. Any thread. */
  int stuckCount() {
    return stuckCount;
  }

  /** Transactions queued or running. */
  public int transactionCount() {
    return state.transactionCount();
  }

  /** The same as of the last turn. Any thread. */
  int lastTransactionCount() {
    return transactionCount;
  }

  private void execute(Runnable task) {
    tasks.add(task);
    wake.run();
  }

  /**
   * Goes on with what a former process has left unfinished. Before the first turn. Its entry's time
   * is above all ids of requests that a former process has sent.
   */
  public void start() {
    overlay.beginBatch(batchNumber);
    nextWatchNanos = clock.nanoTime() + WATCH_NANOS;
    index++;
    firstIndex = index;
    take(state.resume(overlay, target(), index, clock.wallNanos()));
  }

  /** Works on what has arrived since the last turn and on what is due. */
  public void turn() {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
    long now = clock.nanoTime();
    watch(now);
    if (!newRequests.isEmpty() || !newAnswers.isEmpty() || !expirations.isEmpty()) {
      apply();
    }
    if (!changes.isEmpty() && (urgent || now - lazySinceNanos >= LAZY_NANOS)) {
      submit();
    }
    releaseDurable();
    transactionCount = state.transactionCount();
    calls.run(clock.nanoTime());
  }

  /** Nanoseconds until a turn is due, not positive if it is, MAX if none is. */
  public long nanosToNextTurn() {
    long now = clock.nanoTime();
    long nanos = calls.nanosToNext(now);
    if (!changes.isEmpty()) {
      nanos = Math.min(nanos, lazySinceNanos + LAZY_NANOS - now);
    }
    if (state.transactionCount() > 0) {
      nanos = Math.min(nanos, nextWatchNanos - now);
    }
    return nanos;
  }

  private interface Handler {
    void handle();
  }

  private void receive(InetSocketAddress source, ByteBuffer datagram, Handler handler) {
    try {
      if (datagram.remaining() > ProtocolConstants.MAX_UDP_MTU
          || datagram.remaining() < Frames.UDP_HEADER_SIZE) {
        throw new MalformedMessageException("impossible size");
      }
      handler.handle();
    } catch (MalformedMessageException e) {
      malformed.increment();
      LOGGER.log(System.Logger.Level.DEBUG, "a malformed packet from " + source, e);
    } catch (RuntimeException e) {
      long now = clock.nanoTime();
      if (now - lastAlertNanos > ALERT_PERIOD_NANOS) {
        lastAlertNanos = now;
        LOGGER.log(System.Logger.Level.ERROR, "failed on a packet from " + source, e);
      }
    }
  }

  // Clients.

  /**
   * Takes a datagram from a client.
   *
   * @param outlet where the answer leaves
   */
  public void receiveFromClient(Outlet outlet, InetSocketAddress source, ByteBuffer datagram) {
    receive(source, datagram, () -> fromClient(outlet, source, datagram));
  }

  private void fromClient(Outlet outlet, InetSocketAddress source, ByteBuffer received) {
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
    long now = clock.nanoTime();
    Origin known = origins.get(client);
    if (known != null) {
      known.outlet = outlet;
      known.lastSeenNanos = now;
      duplicates.increment();
      return;
    }
    long fingerprint = Frames.fingerprint(received);
    GivenAnswer given = state.givenAnswer(client, fingerprint);
    Origin origin = new Origin(outlet, source, now);
    if (given != null) {
      duplicates.increment();
      if (given.index() <= durableIndex) {
        send(origin, requestId, given.kind(), given.response(), given.error());
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
    if (request instanceof CdcSnapshotRequest && !options.snapshotEnabled()) {
      error = ErrorCode.NOT_AUTHORISED;
    }
    if (error != null) {
      answer(origin, client.requestId(), request.kind(), null, error);
    } else if (request instanceof CdcSnapshotRequest snapshotRequest) {
      origins.put(client, origin);
      makeSnapshot(client, snapshotRequest);
    } else if (hasRoom(request)) {
      origins.put(client, origin);
      newRequests.add(new ClientRequest(client, fingerprint, request));
    } else {
      drops.increment();
    }
  }

  private boolean hasRoom(CdcRequest request) {
    return state.transactionCount() + newRequests.size() < CdcState.TRANSACTIONS_MAX
        && CdcState.inodes(request)
            .allMatch(inode -> stuckByShard[InodeIds.shard(inode)] < STUCK_PER_SHARD_MAX);
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

  private void answer(
      Origin origin, long requestId, int kind, CdcResponse response, ErrorCode error) {
    send(origin, requestId, kind, response, error);
    answered.answered(kind, error, clock.nanoTime() - origin.arrivedNanos);
  }

  private void send(
      Origin origin, long requestId, int kind, CdcResponse response, ErrorCode error) {
    sent.clear();
    if (error == null) {
      Frames.putUdp(sent, ProtocolConstants.MAGIC_CDC_RESPONSE, requestId, kind, response);
    } else {
      LOGGER.log(System.Logger.Level.DEBUG, CdcKind.name(kind) + " answered with " + error);
      Frames.putUdpError(sent, ProtocolConstants.MAGIC_CDC_RESPONSE, requestId, error);
    }
    sent.flip();
    origin.outlet.send(sent, origin.source);
  }

  // Shards.

  /** Takes a datagram from a shard. */
  public void receiveFromShard(InetSocketAddress source, ByteBuffer datagram) {
    receive(source, datagram, () -> fromShard(datagram));
  }

  private void fromShard(ByteBuffer received) {
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
    long now = clock.nanoTime();
    shardsAnswered.answered(call.request.kind(), error, now - call.startNanos);
    if (error != null && ShardRequests.isTransient(error)) {
      calls.again(call, now);
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
    if (call.silentAttempts == SILENT_ATTEMPTS_OF_OLD_SHARD
        && ShardRequests.mayBeUnknown(call.request)) {
      calls.answered(call);
      ShardAnswer silence =
          new ShardAnswer(call.transaction, call.sequence, call.sub, null, ErrorCode.TIMEOUT);
      execute(() -> newAnswers.add(silence));
      return;
    }
    shardRequests.increment();
    if (call.attempts > 0) {
      shardRepeats.increment();
    }
    if (call.silentAttempts == SILENT_ATTEMPTS_BEFORE_REFRESH) {
      shardDirectory.refreshSoon();
    }
    InetSocketAddress address = shardDirectory.get(call.shard, call.attempts);
    if (address == null) {
      shardDirectory.refreshSoon();
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
    // this way seems to be broken. Requests to one shard leave on one way, to stay in order.
    int way = call.shard + call.silentAttempts / SILENT_ATTEMPTS_BEFORE_OTHER_SOCKET;
    List<Outlet> shards = outlets.shards();
    shards.get(Math.floorMod(way, shards.size())).send(sent, address);
  }

  // The state machine and the disk.

  private void apply() {
    // Not before the ids that have been used, so that the time on disk keeps up with them.
    long time = Math.max(clock.wallNanos(), calls.lastRequestId());
    LogEntry entry = new LogEntry(time, newRequests, newAnswers, expirations);
    entries.increment();
    entryItems.add(newRequests.size() + newAnswers.size() + expirations.size());
    newRequests = new ArrayList<>();
    newAnswers = new ArrayList<>();
    expirations = List.of();
    index++;
    take(state.apply(overlay, target(), index, entry));
  }

  private WriteTarget target() {
    if (changes.isEmpty()) {
      lazySinceNanos = clock.nanoTime();
    }
    return changes;
  }

  private void take(ApplyResult result) {
    for (String alert : result.alerts()) {
      LOGGER.log(System.Logger.Level.WARNING, alert);
    }
    urgent |= result.urgent();
    long now = clock.nanoTime();
    for (Output output : result.outputs()) {
      long required = Math.max(output.requiredIndex(), firstIndex);
      if (required <= durableIndex) {
        dispatch(output, now);
      } else {
        held.computeIfAbsent(required, i -> new ArrayList<>()).add(output);
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

  /** Hands the changes so far to the committer. */
  public void submit() {
    if (changes.isEmpty()) {
      return;
    }
    batches.increment();
    Batch batch = new Batch(batchNumber, index, state.time());
    List<Change> batchChanges = changes.take();
    urgent = false;
    batchNumber++;
    overlay.beginBatch(batchNumber);
    committer.submit(
        batchChanges,
        () -> {
          durable.add(batch);
          wake.run();
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
    durableTime = last.time;
    long now = clock.nanoTime();
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
    int[] byShard = new int[ProtocolConstants.SHARD_COUNT];
    int[] count = new int[1];
    calls.reportOlderThan(
        STUCK_NANOS,
        now,
        (transaction, age, isNew, shards) -> {
          count[0]++;
          shards.stream().distinct().forEach(shard -> byShard[shard]++);
          if (list.size() == STUCK_DESCRIBED_MAX) {
            return false;
          }
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
          return true;
        });
    stuck = List.copyOf(list);
    stuckCount = count[0];
    stuckByShard = byShard;
  }

  /** Drops transactions that wait for others while their clients have given up. */
  private void expire(long now) {
    List<Long> expired = new ArrayList<>();
    state
        .waiting()
        .forEach(
            (transaction, client) -> {
              Origin origin = origins.computeIfAbsent(client, c -> originOf(c, now));
              if (expired.size() < EXPIRATIONS_MAX
                  && now - origin.lastSeenNanos > CLIENT_PATIENCE_NANOS) {
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
    return new Origin(outlets.clients().getFirst(), Addresses.socketAddress(endpoint), now);
  }

  @Override
  public void close() {
    snapshot.close();
  }
}
