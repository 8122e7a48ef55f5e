package org.eggsfs.cdc.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.store.KeyValueStore.Change;
import org.eggsfs.store.MapView;
import org.eggsfs.store.WriteTarget;

/**
 * The CDC's state machine among real shards, with a network that loses, doubles and reorders and a
 * disk that loses what was not synced. One thread, everything from one seed; it does for the state
 * machine what the server's loop does. Shards answer a repeated request id from memory, as their
 * host does.
 */
final class Simulation {
  private static final int ROUNDS_MAX = 200_000;

  /** A client's request and what became of it. */
  static final class Client {
    final ClientRequest request;
    CdcResponse response;
    ErrorCode error;
    int answers;

    Client(ClientRequest request) {
      this.request = request;
    }

    boolean isAnswered() {
      return answers > 0;
    }
  }

  private record Call(Output.ToShard output, long requestId) {}

  private record CallKey(long transaction, int sequence, int sub) {}

  private record ShardReply(ShardResponse response, ErrorCode error) {}

  private record Batch(long index, List<Change> changes) {}

  /** A packet to a shard, or, with a reply, back from it. */
  private record Packet(Call call, ShardReply reply) {}

  final ShardPlane plane = new ShardPlane();
  final Random random;
  CdcState state;

  /** Chances of a packet. */
  double loss;

  double duplication;

  /** Chance that a shard says that its clock stands still. */
  double refusal;

  final List<String> alerts = new ArrayList<>();
  private MapView durable = new MapView();
  private MapView current;
  private final ArrayDeque<Batch> unsynced = new ArrayDeque<>();
  private List<Change> changes = new ArrayList<>();
  private boolean urgent;
  private long index;
  private long durableIndex;
  private final TreeMap<Long, List<Output>> held = new TreeMap<>();
  private final Map<CallKey, Call> calls = new LinkedHashMap<>();

  /** Answered calls, which the state machine may ask to repeat. */
  private final Map<CallKey, Call> formerCalls = new HashMap<>();

  private final Map<Long, Integer> sequences = new HashMap<>();
  private final Map<Long, ShardReply> repliesOfShards = new HashMap<>();
  private final List<Packet> network = new ArrayList<>();
  private final Map<ClientKey, Client> clients = new LinkedHashMap<>();
  private List<ClientRequest> requests = new ArrayList<>();
  private List<ShardAnswer> answers = new ArrayList<>();
  private long lastRequestId;
  private long lastClientId;

  Simulation(long seed) {
    random = new Random(seed);
    CdcState.initialize(durable);
    current = durable.copy();
    state = CdcState.open(current);
  }

  // Clients.

  /** Sends a request; it is answered at once if it is refused on arrival. */
  Client send(CdcRequest request) {
    lastClientId++;
    Client client =
        new Client(
            new ClientRequest(
                new ClientKey(0x7f000001, 1 + (int) (lastClientId % 60_000), lastClientId),
                request.hashCode(),
                request));
    clients.put(client.request.key(), client);
    resend(client);
    return client;
  }

  /** Sends the same request again, as a client does that has heard nothing. */
  void resend(Client client) {
    ClientRequest request = client.request;
    ErrorCode error = CdcState.validate(request.request());
    if (error != null) {
      answer(client, null, error);
      return;
    }
    GivenAnswer given = state.givenAnswer(request.key(), request.fingerprint());
    if (given == null) {
      requests.add(request);
    } else if (given.index() <= durableIndex) {
      answer(client, given.response(), given.error());
    }
  }

  /** The client has given up; what it asked for may happen or not. */
  void forget(Client client) {
    clients.remove(client.request.key());
  }

  private static void answer(Client client, CdcResponse response, ErrorCode error) {
    if (client.isAnswered()) {
      assertEquals(client.error, error, "a repeated request gets the answer of the first");
      assertEquals(client.response, response, "a repeated request gets the answer of the first");
    }
    client.response = response;
    client.error = error;
    client.answers++;
  }

  /** Sends and waits for the answer on a quiet network. */
  CdcResponse call(CdcRequest request) throws EggsException {
    Client client = send(request);
    settle();
    if (client.error != null) {
      throw new EggsException(client.error);
    }
    assertNotNull(client.response);
    return client.response;
  }

  // What happens.

  /** One thing happens. Returns whether there was anything. */
  boolean step() {
    List<Runnable> possible = new ArrayList<>();
    if (!requests.isEmpty() || !answers.isEmpty()) {
      possible.add(this::apply);
    }
    if (!network.isEmpty()) {
      possible.add(this::deliver);
      possible.add(this::deliver);
      possible.add(this::deliver);
    }
    if (!changes.isEmpty() && (urgent || random.nextInt(8) == 0)) {
      possible.add(this::submit);
    }
    if (!unsynced.isEmpty()) {
      possible.add(this::sync);
    }
    if (possible.isEmpty() && !calls.isEmpty()) {
      possible.add(this::repeat);
    }
    if (possible.isEmpty() && !changes.isEmpty()) {
      possible.add(this::submit);
    }
    if (possible.isEmpty()) {
      return false;
    }
    possible.get(random.nextInt(possible.size())).run();
    return true;
  }

  /** Goes on until nothing is left to do and every client is answered. */
  void settle() {
    for (int i = 0; i < ROUNDS_MAX; i++) {
      if (!step()) {
        List<Client> unanswered =
            clients.values().stream().filter(client -> !client.isAnswered()).toList();
        if (unanswered.isEmpty()) {
          return;
        }
        unanswered.forEach(this::resend);
      }
    }
    throw new AssertionError("does not come to an end: " + state.unfinished());
  }

  private void apply() {
    LogEntry entry = new LogEntry(plane.now, requests, answers, List.of());
    requests = new ArrayList<>();
    answers = new ArrayList<>();
    index++;
    take(state.apply(current, target(), index, entry));
  }

  private WriteTarget target() {
    return new WriteTarget() {
      @Override
      public void put(byte[] key, byte[] value) {
        current.put(key, value);
        changes.add(new Change(key, value));
      }

      @Override
      public void delete(byte[] key) {
        current.delete(key);
        changes.add(new Change(key, null));
      }
    };
  }

  private void take(ApplyResult result) {
    alerts.addAll(result.alerts());
    urgent |= result.urgent();
    for (Output output : result.outputs()) {
      if (output.requiredIndex() <= durableIndex) {
        dispatch(output);
      } else {
        assertTrue(result.urgent() || output.requiredIndex() < index, "nothing would ever sync it");
        held.computeIfAbsent(output.requiredIndex(), i -> new ArrayList<>()).add(output);
      }
    }
  }

  private void dispatch(Output output) {
    switch (output) {
      case Output.ToShard toShard -> {
        forgetOlder(toShard.transaction(), toShard.sequence());
        lastRequestId++;
        Call call = new Call(toShard, lastRequestId);
        calls.put(key(toShard), call);
        post(new Packet(call, null));
      }
      case Output.Again again -> {
        Call former =
            formerCalls.get(new CallKey(again.transaction(), again.sequence(), again.sub()));
        assertNotNull(former);
        lastRequestId++;
        Call call = new Call(former.output, lastRequestId);
        calls.put(key(call.output), call);
      }
      case Output.ToClient toClient -> {
        forgetOlder(toClient.transaction(), Integer.MAX_VALUE);
        Client client = clients.get(toClient.client());
        if (client != null && random.nextDouble() >= loss) {
          answer(client, toClient.response(), toClient.error());
        }
      }
    }
  }

  private void forgetOlder(long transaction, int sequence) {
    Integer former = sequences.put(transaction, sequence);
    if (former != null && former < sequence) {
      calls.keySet().removeIf(k -> k.transaction == transaction && k.sequence < sequence);
      formerCalls.keySet().removeIf(k -> k.transaction == transaction && k.sequence < sequence);
    }
  }

  private static CallKey key(Output.ToShard output) {
    return new CallKey(output.transaction(), output.sequence(), output.sub());
  }

  private void post(Packet packet) {
    if (random.nextDouble() >= loss) {
      network.add(packet);
    }
    if (random.nextDouble() < duplication) {
      network.add(packet);
    }
  }

  private void repeat() {
    List<Call> waiting = List.copyOf(calls.values());
    post(new Packet(waiting.get(random.nextInt(waiting.size())), null));
  }

  private void deliver() {
    Packet packet = network.remove(random.nextInt(network.size()));
    if (packet.reply == null) {
      post(new Packet(packet.call, execute(packet.call)));
      return;
    }
    Call waiting = calls.get(key(packet.call.output));
    if (waiting == null || waiting.requestId != packet.call.requestId) {
      return;
    }
    calls.remove(key(waiting.output));
    if (packet.reply.error != null && ShardRequests.isTransient(packet.reply.error)) {
      lastRequestId++;
      calls.put(key(waiting.output), new Call(waiting.output, lastRequestId));
      return;
    }
    formerCalls.put(key(waiting.output), waiting);
    answers.add(
        new ShardAnswer(
            waiting.output.transaction(),
            waiting.output.sequence(),
            waiting.output.sub(),
            packet.reply.response,
            packet.reply.error));
  }

  private ShardReply execute(Call call) {
    ShardReply former = repliesOfShards.get(call.requestId);
    if (former != null) {
      return former;
    }
    ShardReply reply;
    if (random.nextDouble() < refusal) {
      reply = new ShardReply(null, ErrorCode.MTIME_IS_TOO_RECENT);
    } else {
      reply = execute(call.output.shard(), call.output.request());
    }
    repliesOfShards.put(call.requestId, reply);
    return reply;
  }

  private ShardReply execute(int shard, ShardRequest request) {
    try {
      return new ShardReply(plane.call(shard, request, true), null);
    } catch (EggsException e) {
      return new ShardReply(null, e.code());
    }
  }

  private void submit() {
    unsynced.add(new Batch(index, changes));
    changes = new ArrayList<>();
    urgent = false;
  }

  private void sync() {
    Batch batch = unsynced.removeFirst();
    for (Change change : batch.changes) {
      if (change.value() == null) {
        durable.delete(change.key());
      } else {
        durable.put(change.key(), change.value());
      }
    }
    durableIndex = batch.index;
    Map<Long, List<Output>> released = held.headMap(durableIndex, true);
    List<Output> outputs = released.values().stream().flatMap(List::stream).toList();
    released.clear();
    outputs.forEach(this::dispatch);
  }

  /**
   * The CDC dies and starts again from what was synced. Packets under way to shards are lost, or
   * arrive first; no answer reaches the new process.
   */
  void crash() {
    boolean arrive = random.nextBoolean();
    for (Packet packet : network) {
      if (packet.reply == null && arrive) {
        execute(packet.call);
      }
    }
    network.clear();
    calls.clear();
    formerCalls.clear();
    sequences.clear();
    held.clear();
    unsynced.clear();
    changes.clear();
    requests.clear();
    answers.clear();
    urgent = false;
    current = durable.copy();
    state = CdcState.open(current);
    index = state.appliedIndex();
    durableIndex = index;
    index++;
    take(state.resume(current, target(), index, plane.now));
  }

  MapView copyOfState() {
    return current.copy();
  }

  // What must hold.

  /** Nothing runs, nothing is locked, the shards agree with each other and with the parent map. */
  void check() {
    assertEquals(List.of(), state.unfinished());
    assertEquals(0, state.lockCount());
    assertEquals(List.of(), plane.check());
    Map<Long, Long> parents = new TreeMap<>();
    CdcState.forEachParent(current, parents::put);
    Map<Long, Long> owners = new TreeMap<>();
    for (long id = InodeIds.ROOT + 1; id < MetaTable.read(current).nextDirectory; id++) {
      try {
        StatDirectoryResponse stat = plane.stat(id);
        if (stat.owner() != InodeIds.NULL) {
          owners.put(id, stat.owner());
        }
      } catch (EggsException e) {
        assertEquals(ErrorCode.DIRECTORY_NOT_FOUND, e.code());
      }
    }
    assertEquals(owners, parents, "the parent map is what the shards say");
    List<Integer> tables = new ArrayList<>();
    for (byte[] key : current.map().keySet()) {
      tables.add((int) key[0]);
    }
    assertTrue(!tables.contains(Keys.ENQUEUED) && !tables.contains(Keys.EXECUTING));
  }
}
