package org.eggsfs.sim.world;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import org.eggsfs.cdc.server.CdcEngine;
import org.eggsfs.net.Outlet;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.sim.kernel.SimDisk;
import org.eggsfs.sim.kernel.SimStore;
import org.eggsfs.sim.kernel.SortedTree;

/** The CDC: the engine of production over a database. */
final class CdcMachine extends Machine {
  private static final int CLIENT_PORT = 2000;
  private static final int SHARD_PORT = 2001;
  private static final int SOCKET_DATAGRAMS_MAX = 1024;
  private static final double TURN_NANOS_MEAN = 10_000;
  private static final long SHARD_TIMEOUT_NANOS = 100_000_000L;

  private record Arrived(boolean fromClient, InetSocketAddress source, ByteBuffer datagram) {}

  private final SimStore store;
  private final InetSocketAddress clientAddress = address(CLIENT_PORT);
  private final Outlet clientOutlet;
  private final Outlet shardOutlet;
  private final ArrayDeque<Arrived> arrived = new ArrayDeque<>();
  private SimDisk disk;
  private CdcEngine engine;
  private boolean turnIsDue;

  /** Tells the newest timer from former ones. */
  private long timer;

  CdcMachine(World world, SortedTree content) {
    super(world, Network.Role.CDC, "cdc");
    store = new SimStore(content);
    InetSocketAddress shardAddress = address(SHARD_PORT);
    clientOutlet = (frame, to) -> world.network().send(this, clientAddress, frame, to);
    shardOutlet = (frame, to) -> world.network().send(this, shardAddress, frame, to);
    world.network().bind(clientAddress, this, (from, datagram) -> take(true, from, datagram));
    world.network().bind(shardAddress, this, (from, datagram) -> take(false, from, datagram));
  }

  InetSocketAddress clientAddress() {
    return clientAddress;
  }

  SortedTree durable() {
    return store.content();
  }

  boolean isIdle() {
    return engine.transactionCount() == 0 && disk.isIdle() && arrived.isEmpty();
  }

  @Override
  void started() {
    disk = new SimDisk(store, this::after, () -> world().syncNanos(this));
    turnIsDue = false;
    engine =
        new CdcEngine(
            new CdcEngine.Options(SHARD_TIMEOUT_NANOS, World.CDC_KEY, false),
            store,
            disk,
            new CdcEngine.ShardDirectory() {
              @Override
              public InetSocketAddress get(int shard, int attempt) {
                return world().shardAddress(shard);
              }

              @Override
              public void refreshSoon() {
                // Shards keep their addresses here.
              }
            },
            new CdcEngine.Outlets(List.of(clientOutlet), List.of(shardOutlet)),
            (id, done) -> done.accept(ErrorCode.CANNOT_CREATE_DB_SNAPSHOT),
            clock(),
            world().random()::nextDouble,
            this::wake);
    engine.start();
    wake();
  }

  @Override
  void died() {
    arrived.clear();
    disk.crash(world().random().nextInt(2) == 0);
  }

  private void take(boolean fromClient, InetSocketAddress source, ByteBuffer datagram) {
    if (arrived.size() < SOCKET_DATAGRAMS_MAX) {
      arrived.add(new Arrived(fromClient, source, datagram));
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
    for (Arrived next = arrived.poll(); next != null; next = arrived.poll()) {
      if (next.fromClient) {
        engine.receiveFromClient(clientOutlet, next.source, next.datagram);
      } else {
        engine.receiveFromShard(next.source, next.datagram);
      }
    }
    engine.turn();
    timer++;
    long nanos = engine.nanosToNextTurn();
    if (nanos != Long.MAX_VALUE) {
      long mine = timer;
      after(
          clock().virtualNanos(Math.max(0, nanos)),
          () -> {
            if (timer == mine) {
              wake();
            }
          });
    }
  }
}
