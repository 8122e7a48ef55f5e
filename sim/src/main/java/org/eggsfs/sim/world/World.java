package org.eggsfs.sim.world;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.cdc.state.CdcState;
import org.eggsfs.core.CbcMac;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.shard.server.HostedShard;
import org.eggsfs.shard.state.BlockServices;
import org.eggsfs.shard.state.ShardState;
import org.eggsfs.sim.kernel.Scheduler;
import org.eggsfs.sim.kernel.SimRandom;
import org.eggsfs.sim.kernel.SimStore;
import org.eggsfs.sim.kernel.SortedTree;
import org.eggsfs.store.ChangeList;
import org.eggsfs.store.View;

/**
 * A whole metadata plane in one thread: hosts of all 256 shards, the CDC, the shuckle, block
 * servers and clients, on virtual time, with everything that happens drawn from one seed.
 */
public final class World {
  /** All of them. */
  public static final int SHARDS = ProtocolConstants.SHARD_COUNT;

  /** Time a transient file lives after its writer's last request. */
  public static final long DEADLINE_NANOS = 60_000_000_000L;

  /** No clock is further off than this, but for its drift. */
  public static final long CLOCK_OFFSET_NANOS_MAX = 90_000_000_000L;

  /** Where all disks are. */
  public static final int LOCATION = ProtocolConstants.DEFAULT_LOCATION;

  static final CbcMac CDC_KEY = new CbcMac(ProtocolConstants.keyCdc());

  private static final double SYNC_NANOS_MEAN = 200_000;
  private static final double SLOW_SYNC_NANOS_MEAN = 1_000_000_000;

  /** Of the crashes: those that come while a sync is under way find what was said too early. */
  private static final double CRASHES_PER_SYNC = 0.3;

  private static final double CRASHES_PER_SLOW_SYNC = 20;
  private static final int BLOCK_SERVERS = 8;
  private static final int HOSTS_MAX = 4;
  private static final long PAUSE_NANOS_MEAN = 700_000_000L;
  private static final long DOWN_NANOS_MEAN = 400_000_000L;
  private static final long PARTITION_NANOS_MEAN = 2_000_000_000L;

  /** Events within which something befalls a machine after it was drawn: any step of anything. */
  private static final int STRIKE_WITHIN_EVENTS = 60;

  /** All shards as they are made, the same in all runs; immutable. */
  private static final SortedTree NEW_SHARDS = newShards();

  private static final SortedTree NEW_CDC = newCdc();

  private final Scheduler scheduler = new Scheduler();
  private final SimRandom random;
  private final Faults faults;
  private final Network network;
  private final Tracer tracer;
  private final boolean traced;
  private final List<Machine> machines = new ArrayList<>();
  private final List<ShardMachine> shardMachines = new ArrayList<>();
  private final List<BlockMachine> blockMachines = new ArrayList<>();
  private final ShuckleMachine shuckle;
  private final CdcMachine cdc;
  private final InetSocketAddress[] shardAddresses = new InetSocketAddress[SHARDS];
  private final List<String> errors = LogWatch.errors();
  private boolean calm;
  private long crashes;
  private long clocksSet;

  /** A cluster that has just been started. */
  public World(SimRandom random, Faults faults, Tracer tracer) {
    this.random = random;
    this.faults = faults;
    this.tracer = tracer;
    this.traced = !tracer.equals(Tracer.NONE);
    network = new Network(scheduler, random, faults);
    shuckle = new ShuckleMachine(this);
    for (int i = 0; i < BLOCK_SERVERS; i++) {
      blockMachines.add(new BlockMachine(this, i));
    }
    int hosts = 1 + random.nextInt(HOSTS_MAX);
    for (int host = 0; host < hosts; host++) {
      ShardMachine machine = new ShardMachine(this, host, hosts, NEW_SHARDS);
      shardMachines.add(machine);
      for (int i = 0; i < machine.numbers().size(); i++) {
        shardAddresses[machine.numbers().get(i)] = machine.addresses().get(i);
      }
    }
    cdc = new CdcMachine(this, NEW_CDC);
    machines.forEach(Machine::start);
  }

  private static SortedTree newShards() {
    ChangeList changes = new ChangeList();
    for (int shard = 0; shard < SHARDS; shard++) {
      byte[] secret = new byte[16];
      secret[0] = (byte) shard;
      ShardState.initialize(shard, secret, changes);
    }
    return written(changes);
  }

  private static SortedTree newCdc() {
    ChangeList changes = new ChangeList();
    CdcState.initialize(changes);
    return written(changes);
  }

  private static SortedTree written(ChangeList changes) {
    SimStore store = new SimStore(SortedTree.EMPTY);
    store.write(changes.take(), true);
    return store.content();
  }

  int add(Machine machine) {
    machines.add(machine);
    return machines.size();
  }

  /** What is due when. */
  public Scheduler scheduler() {
    return scheduler;
  }

  /** The run's chance. */
  public SimRandom random() {
    return random;
  }

  /** What may befall this world. */
  public Faults faults() {
    return faults;
  }

  Network network() {
    return network;
  }

  ShuckleMachine shuckle() {
    return shuckle;
  }

  CdcMachine cdc() {
    return cdc;
  }

  InetSocketAddress shardAddress(int shard) {
    return shardAddresses[shard];
  }

  BlockMachine blockMachine(long service) {
    for (BlockMachine machine : blockMachines) {
      if (machine.id() == service) {
        return machine;
      }
    }
    return null;
  }

  /** How long the next sync of a machine's database takes; it may die meanwhile. */
  long syncNanos(Machine machine) {
    boolean slow = !calm && random.chance(faults.slowSync);
    long nanos = 1 + random.exponential(slow ? SLOW_SYNC_NANOS_MEAN : SYNC_NANOS_MEAN);
    if (!calm && random.chance(faults.crash * (slow ? CRASHES_PER_SLOW_SYNC : CRASHES_PER_SYNC))) {
      int process = machine.incarnation();
      scheduler.after(
          (long) (random.nextDouble() * nanos),
          () -> {
            if (!calm && machine.incarnation() == process) {
              crash(machine);
            }
          });
    }
    return nanos;
  }

  /** Processes killed so far. */
  public long crashes() {
    return crashes;
  }

  /** How often a clock was set so far: a file's deadline may have passed at any time. */
  public long clocksSet() {
    return clocksSet;
  }

  /** Datagrams sent so far. */
  public long datagrams() {
    return network.sent();
  }

  /** Whether the story of this run is told; telling it costs time. */
  public boolean isTraced() {
    return traced;
  }

  /** Tells what happened. */
  public void trace(String who, Object... what) {
    if (traced) {
      StringBuilder text = new StringBuilder();
      for (Object part : what) {
        text.append(part);
      }
      tracer.line(scheduler.nowNanos(), who, text.toString());
    }
  }

  /** Ends the run: something is wrong. */
  public void fail(String oracle, String what) {
    throw new SimulationFailure(oracle, what);
  }

  /** Lets one thing happen. Returns false if nothing is left that could. */
  public boolean step() {
    boolean more = scheduler.step();
    if (!errors.isEmpty()) {
      fail("log", errors.getFirst());
    }
    return more;
  }

  // What befalls machines.

  /** Something may happen to somebody, soon. Called once for each operation of a client. */
  public void strike() {
    if (calm) {
      return;
    }
    strike(faults.crash, () -> crash(server()));
    strike(faults.pause, () -> server().pause(1 + random.exponential(PAUSE_NANOS_MEAN)));
    strike(faults.partition, this::cutOff);
    strike(
        faults.clockStep,
        () -> {
          Machine machine = server();
          long offset = random.between(-CLOCK_OFFSET_NANOS_MAX, CLOCK_OFFSET_NANOS_MAX);
          trace(machine.name(), "clock is set to be off by ", offset / 1_000_000, " ms");
          machine.clock().setOffset(offset);
          clocksSet++;
        });
    strike(faults.blocks, this::changeWeather);
  }

  private void strike(double probability, Runnable blow) {
    if (random.chance(probability)) {
      scheduler.afterEvents(
          1 + random.nextInt(STRIKE_WITHIN_EVENTS),
          () -> {
            if (!calm) {
              blow.run();
            }
          });
    }
  }

  /** A server: shards and CDC more often than the others, whose faults show less. */
  private Machine server() {
    return switch (random.nextInt(8)) {
      case 0 -> shuckle;
      case 1 -> blockMachines.get(random.nextInt(BLOCK_SERVERS));
      case 2, 3, 4 -> cdc;
      default -> shardMachines.get(random.nextInt(shardMachines.size()));
    };
  }

  private void crash(Machine machine) {
    if (machine.isUp()) {
      crashes++;
      machine.crash();
      scheduler.after(
          random.exponential(DOWN_NANOS_MEAN),
          () -> {
            if (!machine.isUp()) {
              machine.start();
            }
          });
    }
  }

  private void cutOff() {
    Machine one = server();
    Machine other = machines.get(random.nextInt(machines.size()));
    long until = scheduler.nowNanos() + random.exponential(PARTITION_NANOS_MEAN);
    trace(one.name(), "does not reach ", other.name(), " for a while");
    network.block(one, other, until);
    if (random.nextInt(2) == 0) {
      trace(other.name(), "does not reach ", one.name(), " for a while");
      network.block(other, one, until);
    }
  }

  private void changeWeather() {
    BlockMachine.Weather[] all = BlockMachine.Weather.values();
    BlockMachine machine = blockMachines.get(random.nextInt(BLOCK_SERVERS));
    machine.setWeather(random.nextInt(2) == 0 ? all[0] : all[random.nextInt(all.length)]);
  }

  /** From now on nothing befalls anybody, and whoever is down comes up; or the faults go on. */
  public void setCalm(boolean nowCalm) {
    calm = nowCalm;
    network.setCalm(nowCalm);
    if (nowCalm) {
      for (Machine machine : machines) {
        machine.endPause();
        if (!machine.isUp()) {
          machine.start();
        }
      }
      for (BlockMachine machine : blockMachines) {
        machine.setWeather(BlockMachine.Weather.GOOD);
      }
    }
  }

  /** Whether nothing is under way any more between servers. */
  public boolean isIdle() {
    return network.underWay() == 0
        && cdc.isIdle()
        && shuckle.isIdle()
        && shardMachines.stream().allMatch(ShardMachine::isIdle);
  }

  // What auditors see.

  /** The durable state of a shard. */
  public View shardView(int shard) {
    return shardMachines.get(shard % shardMachines.size()).durable();
  }

  /** The durable state of the CDC. */
  public View cdcView() {
    return cdc.durable();
  }

  /** What a shard knows about block services. */
  public BlockServices blockServices(int shard) {
    HostedShard hosted =
        shardMachines.get(shard % shardMachines.size()).hosted(shard / shardMachines.size());
    return hosted.blockServices();
  }

  /** Is told of a block. */
  public interface BlockVisitor {
    /** One block on the disk of a service. */
    void visit(long service, long blockId);
  }

  /** Visits all blocks on all disks. */
  public void forEachBlock(BlockVisitor visitor) {
    for (BlockMachine machine : blockMachines) {
      machine.durableBlocks().forEach(block -> visitor.visit(machine.id(), block));
    }
  }

  /** The CRC of a block on its disk, or null if it is not there. */
  public Integer blockCrc(long service, long blockId) {
    BlockMachine machine = blockMachine(service);
    BlockMachine.Block block = machine == null ? null : machine.durable(blockId);
    return block == null ? null : block.crc();
  }
}
