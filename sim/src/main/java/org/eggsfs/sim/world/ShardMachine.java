package org.eggsfs.sim.world;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.net.Addresses;
import org.eggsfs.net.Outlet;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.RegisterShardRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesResponse;
import org.eggsfs.shard.server.BlockServiceFile;
import org.eggsfs.shard.server.HostedShard;
import org.eggsfs.shard.server.ShardEngine;
import org.eggsfs.sim.kernel.SimDisk;
import org.eggsfs.sim.kernel.SimStore;
import org.eggsfs.sim.kernel.SortedTree;

/**
 * A host of some shards: the engines of production, one for each event loop, over one database.
 * Shard s is on the host s mod hosts.
 */
final class ShardMachine extends Machine {
  private static final int LOOPS = 2;
  private static final int PORT = 1000;

  /** Datagrams an engine takes in one turn; few, so that turns and syncs interleave. */
  private static final int DATAGRAMS_PER_TURN = 8;

  /** What a socket holds; more is dropped, as the kernel does. */
  private static final int SOCKET_DATAGRAMS_MAX = 256;

  private static final double TURN_NANOS_MEAN = 10_000;
  private static final long SECOND = 1_000_000_000L;
  private static final long REFRESH_NANOS = 20 * SECOND;
  private static final long RETRY_NANOS = SECOND / 5;

  private record Arrived(
      HostedShard shard, Outlet outlet, InetSocketAddress source, ByteBuffer datagram) {}

  /** One event loop. */
  private final class Loop {
    private final ArrayDeque<Arrived> arrived = new ArrayDeque<>();
    private final ShardEngine engine =
        new ShardEngine(
            store,
            disk,
            World.CDC_KEY,
            (id, done) -> done.accept(ErrorCode.CANNOT_CREATE_DB_SNAPSHOT),
            clock(),
            world().random()::nextDouble,
            this::wake);
    private boolean turnIsDue;

    private void take(Arrived datagram) {
      if (arrived.size() < SOCKET_DATAGRAMS_MAX) {
        arrived.add(datagram);
      }
      wake();
    }

    private void wake() {
      if (!turnIsDue) {
        turnIsDue = true;
        after(world().random().exponential(TURN_NANOS_MEAN), this::turn);
      }
    }

    private void turn() {
      turnIsDue = false;
      for (int i = 0; i < DATAGRAMS_PER_TURN && !arrived.isEmpty(); i++) {
        Arrived next = arrived.poll();
        engine.receive(next.shard, next.outlet, next.source, next.datagram);
      }
      engine.runTasks();
      engine.submit();
      engine.sendDurable();
      if (!arrived.isEmpty()) {
        wake();
      }
    }
  }

  private final SimStore store;
  private final List<Integer> numbers = new ArrayList<>();
  private final List<InetSocketAddress> addresses = new ArrayList<>();

  /** The last list of block services, which is a file in production. */
  private BlockServiceFile.Content saved;

  private SimDisk disk;
  private List<Loop> loops = List.of();
  private List<HostedShard> shards = List.of();

  ShardMachine(World world, int host, int hosts, SortedTree content) {
    super(world, Network.Role.SHARD, "shards-" + host);
    store = new SimStore(content);
    for (int shard = host; shard < World.SHARDS; shard += hosts) {
      int index = numbers.size();
      InetSocketAddress address = address(PORT + shard);
      numbers.add(shard);
      addresses.add(address);
      Outlet outlet = (frame, to) -> world.network().send(this, address, frame, to);
      world
          .network()
          .bind(
              address,
              this,
              (source, datagram) ->
                  loops
                      .get(index % LOOPS)
                      .take(new Arrived(shards.get(index), outlet, source, datagram)));
    }
  }

  /** The addresses of the shards here, in the order of {@link #numbers}. */
  List<InetSocketAddress> addresses() {
    return addresses;
  }

  List<Integer> numbers() {
    return numbers;
  }

  SortedTree durable() {
    return store.content();
  }

  boolean isIdle() {
    return disk.isIdle() && loops.stream().allMatch(loop -> loop.arrived.isEmpty());
  }

  /** What the shard with that index here knows about block services. */
  HostedShard hosted(int index) {
    return shards.get(index);
  }

  @Override
  void started() {
    disk = new SimDisk(store, this::after, () -> world().syncNanos(this));
    shards = new ArrayList<>();
    for (int i = 0; i < numbers.size(); i++) {
      shards.add(
          HostedShard.open(
              store.content(), numbers.get(i), World.DEADLINE_NANOS, List.of(addresses.get(i))));
    }
    loops = new ArrayList<>();
    for (int i = 0; i < LOOPS; i++) {
      loops.add(new Loop());
    }
    if (saved != null) {
      saved.installInto(shards);
    }
    register(0);
    after(world().random().between(0, SECOND / 1000), this::refresh);
  }

  @Override
  void died() {
    disk.crash(world().random().nextInt(2) == 0);
  }

  private void register(int index) {
    if (index < shards.size()) {
      RegisterShardRequest request =
          new RegisterShardRequest(
              numbers.get(index), true, Addresses.of(addresses.get(index)), World.LOCATION);
      world()
          .shuckle()
          .call(
              this,
              request,
              response -> register(index + REGISTER_STRIDE),
              () -> after(RETRY_NANOS, () -> register(index)));
    }
  }

  /** Not all of them: addresses never change here, and it is the same request again and again. */
  private static final int REGISTER_STRIDE = 16;

  private void refresh() {
    world()
        .shuckle()
        .call(
            this,
            new AllBlockServicesDeprecatedRequest(),
            all -> refresh((AllBlockServicesDeprecatedResponse) all, 0, new ArrayList<>()),
            this::refreshAgain);
  }

  private void refresh(
      AllBlockServicesDeprecatedResponse all, int index, List<ShardBlockServicesResponse> current) {
    if (index == ASSIGNMENTS) {
      // The assignment of the first shards for all: asking for each would be most of the run.
      List<ShardBlockServicesResponse> each = new ArrayList<>();
      for (int i = 0; i < shards.size(); i++) {
        each.add(current.get(i % ASSIGNMENTS));
      }
      saved = BlockServiceFile.Content.of(all, shards, each);
      saved.installInto(shards);
      boolean assigned = current.stream().noneMatch(answer -> answer.blockServices().isEmpty());
      after(assigned ? REFRESH_NANOS : RETRY_NANOS, this::refresh);
      return;
    }
    world()
        .shuckle()
        .call(
            this,
            new ShardBlockServicesRequest(numbers.get(index)),
            answer -> {
              current.add((ShardBlockServicesResponse) answer);
              refresh(all, index + 1, current);
            },
            this::refreshAgain);
  }

  private static final int ASSIGNMENTS = 4;

  private void refreshAgain() {
    after(RETRY_NANOS, this::refresh);
  }
}
