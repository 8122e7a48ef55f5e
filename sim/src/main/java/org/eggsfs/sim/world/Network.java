package org.eggsfs.sim.world;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import org.eggsfs.sim.kernel.Scheduler;
import org.eggsfs.sim.kernel.SimRandom;

/**
 * Datagrams between machines. Each ordered pair of roles is a link with its own rates of loss,
 * duplication and delay; every datagram takes its own time, so they overtake each other. Whole
 * pairs of machines can be cut off.
 *
 * <p>What the protocol needs is taken for granted: no datagram travels for longer than shards
 * remember answers (shard.md section 4.8), and one from a client to a shard does not outlive the
 * shard's process, which would execute what it has refused before. One from the CDC to a shard may
 * do both: their ids are in order, so that shards know those that come too late.
 */
public final class Network {
  /** What a machine does. */
  public enum Role {
    /** A client. */
    CLIENT(0),
    /** A host of shards. */
    SHARD(1),
    /** The CDC. */
    CDC(2),
    /** The shuckle, which is asked over connections. */
    SHUCKLE(3),
    /** A block server, which is asked over connections. */
    BLOCKS(4);

    private final int number;

    Role(int number) {
      this.number = number;
    }

    /** From 0 on. */
    int number() {
      return number;
    }
  }

  /** Ordered pairs of roles. */
  static final int LINKS = Role.values().length * Role.values().length;

  private static int link(Machine from, Machine to) {
    return from.role().number() * Role.values().length + to.role().number();
  }

  private static final long TRAVEL_NANOS_MIN = 20_000;
  private static final double TRAVEL_NANOS_MEAN = 60_000;
  private static final double LATE_NANOS_MEAN = 300_000_000;

  /** A few datagrams wander around for a long time; none for longer than this. */
  private static final double LOST_NANOS_MEAN = 8_000_000_000.0;

  private static final long LATE_NANOS_MAX = 25_000_000_000L;

  /** From the CDC to a shard: as long as many transactions and restarts take. */
  private static final double ORDERED_LOST_NANOS_MEAN = 30_000_000_000.0;

  private static final long ORDERED_LATE_NANOS_MAX = 300_000_000_000L;
  private static final double WANDERING = 0.1;

  /** Of the doubled datagrams: those that come at once do little. */
  private static final double LATE_DUPLICATES = 0.5;

  /** Takes what arrives at an address. */
  interface Endpoint {
    /** A datagram; the buffer is the receiver's. */
    void receive(InetSocketAddress source, ByteBuffer datagram);
  }

  private record Bound(Machine machine, Endpoint endpoint) {}

  private final Scheduler scheduler;
  private final SimRandom random;
  private final Faults faults;
  private final Map<InetSocketAddress, Bound> endpoints = new HashMap<>();
  private final Map<Long, Long> blockedUntil = new HashMap<>();
  private boolean calm;
  private int underWay;
  private long sent;

  Network(Scheduler scheduler, SimRandom random, Faults faults) {
    this.scheduler = scheduler;
    this.random = random;
    this.faults = faults;
  }

  void bind(InetSocketAddress address, Machine machine, Endpoint endpoint) {
    endpoints.put(address, new Bound(machine, endpoint));
  }

  /** Whether links are as good as they can be from now on. */
  void setCalm(boolean calm) {
    this.calm = calm;
  }

  /** Datagrams that have not arrived yet. */
  int underWay() {
    return underWay;
  }

  /** Datagrams sent so far. */
  long sent() {
    return sent;
  }

  private static long pair(Machine from, Machine to) {
    return (long) from.number() << 32 | to.number();
  }

  /** Nothing goes from one machine to the other until then. */
  void block(Machine from, Machine to, long untilNanos) {
    blockedUntil.merge(pair(from, to), untilNanos, Math::max);
  }

  boolean isBlocked(Machine from, Machine to) {
    return !calm && blockedUntil.getOrDefault(pair(from, to), 0L) > scheduler.nowNanos();
  }

  /** Sends one datagram, which may be lost, come twice, or late. */
  void send(Machine from, InetSocketAddress source, ByteBuffer frame, InetSocketAddress to) {
    byte[] bytes = new byte[frame.remaining()];
    frame.get(bytes);
    sent++;
    Bound bound = endpoints.get(to);
    if (bound == null) {
      return;
    }
    int link = link(from, bound.machine);
    if (!calm) {
      if (random.chance(faults.loss(link)) || isBlocked(from, bound.machine)) {
        return;
      }
      if (random.chance(faults.duplication(link))) {
        carry(from, source, bound, bytes, random.chance(LATE_DUPLICATES));
      }
    }
    carry(from, source, bound, bytes, !calm && random.chance(faults.delay(link)));
  }

  private void carry(
      Machine from, InetSocketAddress source, Bound bound, byte[] bytes, boolean late) {
    long travel = TRAVEL_NANOS_MIN + random.exponential(TRAVEL_NANOS_MEAN);
    if (late) {
      boolean ordered = from.role() == Role.CDC && bound.machine.role() == Role.SHARD;
      double lost = ordered ? ORDERED_LOST_NANOS_MEAN : LOST_NANOS_MEAN;
      double mean = random.chance(WANDERING) ? lost : LATE_NANOS_MEAN;
      long max = ordered ? ORDERED_LATE_NANOS_MAX : LATE_NANOS_MAX;
      travel += Math.min(random.exponential(mean), max);
    }
    underWay++;
    boolean mortal = from.role() == Role.CLIENT && bound.machine.role() == Role.SHARD;
    int receiver = bound.machine.incarnation();
    scheduler.after(
        travel,
        () -> {
          underWay--;
          if (bound.machine.isUp() && !(mortal && bound.machine.incarnation() != receiver)) {
            bound.endpoint.receive(source, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
          }
        });
  }
}
