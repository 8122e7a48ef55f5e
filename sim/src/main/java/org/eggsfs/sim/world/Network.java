package org.eggsfs.sim.world;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.sim.kernel.Scheduler;
import org.eggsfs.sim.kernel.SimRandom;

/**
 * Datagrams between machines. Each ordered pair of roles is a link with its own rates of loss,
 * duplication and delay; every datagram takes its own time, so they overtake each other. Whole
 * pairs of machines can be cut off.
 *
 * <p>What the protocol needs is taken for granted: no datagram travels for longer than shards
 * remember answers (shard.md section 4.8), and one from the CDC to a shard outlives neither of the
 * two processes: a shard that has forgotten it, or has seen its repetition under another id, would
 * execute it again. A LockCurrentEdge that comes after its transaction has ended would lock the
 * edge for good, a SetDirectoryOwner undo a later move. CreateLockedCurrentEdge is excepted, since
 * its oldCreationTime protects it.
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
  private static final double WANDERING = 0.1;

  /** Of the doubled datagrams: those that come at once do little. */
  private static final double LATE_DUPLICATES = 0.5;

  /** Where a request's kind is: behind magic and id. */
  private static final int KIND_OFFSET = Frames.UDP_HEADER_SIZE - 1;

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
      double mean = random.chance(WANDERING) ? LOST_NANOS_MEAN : LATE_NANOS_MEAN;
      travel += Math.min(random.exponential(mean), LATE_NANOS_MAX);
    }
    underWay++;
    boolean mortal =
        from.role() == Role.CDC
            && bound.machine.role() == Role.SHARD
            && bytes[KIND_OFFSET] != (byte) ShardKind.CREATE_LOCKED_CURRENT_EDGE;
    int sender = from.incarnation();
    int receiver = bound.machine.incarnation();
    scheduler.after(
        travel,
        () -> {
          underWay--;
          boolean same = from.incarnation() == sender && bound.machine.incarnation() == receiver;
          if (bound.machine.isUp() && (same || !mortal)) {
            bound.endpoint.receive(source, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
          }
        });
  }
}
