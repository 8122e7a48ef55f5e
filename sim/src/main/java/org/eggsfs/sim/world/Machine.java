package org.eggsfs.sim.world;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import org.eggsfs.sim.kernel.SimClock;

/**
 * Something with a process in it that can die, stand still and start again, and with clocks of its
 * own. What a process has scheduled is forgotten when it dies, and waits while it stands still.
 */
public abstract class Machine {
  private static final double DRIFT_MAX = 0.001;

  private final World world;
  private final Network.Role role;
  private final int number;
  private final String name;
  private final SimClock clock;
  private boolean up;
  private int incarnation;
  private long pausedUntilNanos;

  Machine(World world, Network.Role role, String name) {
    this.world = world;
    this.role = role;
    this.name = name;
    this.number = world.add(this);
    boolean differs = world.faults().clocksDiffer;
    this.clock =
        new SimClock(
            world.scheduler(),
            differs
                ? world
                    .random()
                    .between(-World.CLOCK_OFFSET_NANOS_MAX, World.CLOCK_OFFSET_NANOS_MAX)
                : 0,
            differs ? 1 + DRIFT_MAX * (2 * world.random().nextDouble() - 1) : 1,
            world.random().nextLong() >>> 8);
  }

  final World world() {
    return world;
  }

  final Network.Role role() {
    return role;
  }

  final int number() {
    return number;
  }

  /** For people. */
  public final String name() {
    return name;
  }

  final SimClock clock() {
    return clock;
  }

  /** Which process this is, counted from 1. */
  final int incarnation() {
    return incarnation;
  }

  final boolean isUp() {
    return up;
  }

  /** An address of this machine. */
  final InetSocketAddress address(int port) {
    byte[] ip = {10, (byte) role.number(), (byte) (number >>> 8), (byte) number};
    try {
      return new InetSocketAddress(InetAddress.getByAddress(ip), port);
    } catch (UnknownHostException e) {
      throw new AssertionError("four bytes are an address", e);
    }
  }

  /** Runs something later in this process, if it lives so long. */
  final void after(long nanos, Runnable action) {
    int born = incarnation;
    world.scheduler().after(nanos, () -> runAwake(born, action));
  }

  private void runAwake(int born, Runnable action) {
    if (!up || incarnation != born) {
      return;
    }
    long asleep = pausedUntilNanos - world.scheduler().nowNanos();
    if (asleep > 0) {
      world.scheduler().after(asleep, () -> runAwake(born, action));
      return;
    }
    action.run();
  }

  /** Starts a process. */
  final void start() {
    up = true;
    incarnation++;
    pausedUntilNanos = 0;
    world.trace(name, "starts");
    started();
  }

  /** Kills the process. */
  final void crash() {
    if (up) {
      up = false;
      world.trace(name, "dies");
      died();
    }
  }

  /** Stops the process for a while. */
  final void pause(long nanos) {
    pausedUntilNanos = Math.max(pausedUntilNanos, world.scheduler().nowNanos() + nanos);
    world.trace(name, "stands still for ", nanos / 1_000_000, " ms");
  }

  /** Ends a pause. */
  final void endPause() {
    pausedUntilNanos = 0;
  }

  abstract void started();

  abstract void died();
}
