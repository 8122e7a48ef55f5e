package org.eggsfs.sim.world;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.eggsfs.sim.kernel.SimRandom;

/**
 * How bad the world is in one run: drawn from the seed, so that runs differ in which faults they
 * have and how many, and combinations come up that a fixed mixture would not have.
 */
public final class Faults {
  /** Kinds of faults, as the command's {@code --faults} names them. */
  public enum Kind {
    /** Lost datagrams, per link and direction. */
    LOSS,
    /** Doubled datagrams. */
    DUPLICATION,
    /** Datagrams that come late, also behind later ones. */
    DELAY,
    /** Links that carry nothing for a while, in one direction or both. */
    PARTITION,
    /** Processes that die at any step and lose what is not synced. */
    CRASH,
    /** Processes that stand still for a while. */
    PAUSE,
    /** Clocks that are off, run too fast or slow, and are set. */
    CLOCK,
    /** Syncs that take long. */
    SLOW_DISK,
    /** Block services that fail, are slow, or die. */
    BLOCKS,
    /** Clients that give up. */
    CLIENT;

    /** The option's form. */
    public String label() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** A kind of fault is present in a run with this probability. */
  private static final double PRESENCE = 0.7;

  private static final double LOSS_MAX = 0.15;
  private static final double DUPLICATION_MAX = 0.1;
  private static final double DELAY_MAX = 0.1;
  private static final double EVENT_MAX = 0.02;
  private static final double SLOW_DISK_MAX = 0.06;
  private static final double BLOCKS_MAX = 0.2;

  private final double[] loss = new double[Network.LINKS];
  private final double[] duplication = new double[Network.LINKS];
  private final double[] delay = new double[Network.LINKS];

  /** Chance per client operation. */
  final double partition;

  final double crash;
  final double pause;
  final double clockStep;
  final double clientCrash;

  /** Chance per sync. */
  final double slowSync;

  /** Chance per block service and change of weather. */
  final double blocks;

  /** Whether clocks are off and drift. */
  final boolean clocksDiffer;

  private final String text;

  private Faults(SimRandom random, Set<Kind> allowed) {
    Set<Kind> present = EnumSet.noneOf(Kind.class);
    for (Kind kind : Kind.values()) {
      // Drawn for all kinds, so that a run without one is otherwise the same.
      if (random.chance(PRESENCE) && allowed.contains(kind)) {
        present.add(kind);
      }
    }
    double lossMax = random.nextDouble() * random.nextDouble() * LOSS_MAX;
    double duplicationMax = random.nextDouble() * DUPLICATION_MAX;
    double delayMax = random.nextDouble() * DELAY_MAX;
    for (int link = 0; link < Network.LINKS; link++) {
      loss[link] = level(present, Kind.LOSS, lossMax * random.nextDouble());
      duplication[link] = level(present, Kind.DUPLICATION, duplicationMax * random.nextDouble());
      delay[link] = level(present, Kind.DELAY, delayMax * random.nextDouble());
    }
    partition = level(present, Kind.PARTITION, random.nextDouble() * EVENT_MAX / 2);
    crash = level(present, Kind.CRASH, random.nextDouble() * EVENT_MAX);
    pause = level(present, Kind.PAUSE, random.nextDouble() * EVENT_MAX);
    clockStep = level(present, Kind.CLOCK, random.nextDouble() * EVENT_MAX);
    clientCrash = level(present, Kind.CLIENT, random.nextDouble() * EVENT_MAX);
    slowSync = level(present, Kind.SLOW_DISK, random.nextDouble() * SLOW_DISK_MAX);
    blocks = level(present, Kind.BLOCKS, random.nextDouble() * BLOCKS_MAX);
    clocksDiffer = present.contains(Kind.CLOCK);
    text = present.stream().map(Kind::label).collect(Collectors.joining(","));
  }

  /** The faults of a run. */
  public static Faults draw(SimRandom random, Set<Kind> allowed) {
    return new Faults(random, allowed);
  }

  private static double level(Set<Kind> present, Kind kind, double value) {
    return present.contains(kind) ? value : 0;
  }

  double loss(int link) {
    return loss[link];
  }

  double duplication(int link) {
    return duplication[link];
  }

  double delay(int link) {
    return delay[link];
  }

  @Override
  public String toString() {
    return text.isEmpty() ? "none" : text;
  }
}
