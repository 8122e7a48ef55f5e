package org.eggsfs.sim;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eggsfs.sim.client.Program;
import org.eggsfs.sim.client.Session;
import org.eggsfs.sim.kernel.SimRandom;
import org.eggsfs.sim.oracle.Audit;
import org.eggsfs.sim.oracle.Linearizability.State;
import org.eggsfs.sim.oracle.Name;
import org.eggsfs.sim.oracle.NamespaceModel;
import org.eggsfs.sim.world.ClientMachine;
import org.eggsfs.sim.world.Faults;
import org.eggsfs.sim.world.SimulationFailure;
import org.eggsfs.sim.world.Tracer;
import org.eggsfs.sim.world.World;

/**
 * One run from one seed: clients work in a bad world for an epoch, then everything comes to rest
 * and is judged, and so on.
 */
public final class Simulation {
  private static final int CLIENTS_MIN = 2;
  private static final int CLIENTS_MAX = 6;

  /** Operations between two looks at everything. */
  private static final long EPOCH_OPERATIONS = 400;

  /** Operations of one client alone. */
  private static final long LONELY_OPERATIONS = 60;

  /** Nobody may need longer than this to come to rest. */
  private static final long REST_NANOS_MAX = 1_000_000_000_000L;

  /** Nobody may need longer than this for one epoch's operations. */
  private static final long EPOCH_NANOS_MAX = 100_000_000_000_000L;

  /** Until the first block services are assigned. */
  private static final long START_NANOS = 1_000_000_000L;

  /** Enough for every file that was given up to be seen as such. */
  private static final long LEAP_NANOS = 3 * World.CLOCK_OFFSET_NANOS_MAX + 200_000_000_000L;

  /**
   * What a run was like.
   *
   * @param failure null if nothing was wrong
   */
  public record Result(
      long seed,
      long operations,
      long events,
      long datagrams,
      long crashes,
      long virtualNanos,
      long undecidedNames,
      long foretoldAnswers,
      String faults,
      SimulationFailure failure) {}

  private final long seed;
  private final World world;
  private final Session session;
  private final Audit audit;
  private final List<ClientMachine> clients = new ArrayList<>();
  private final List<Program> programs = new ArrayList<>();

  private Simulation(long seed, Set<Faults.Kind> allowed, Tracer tracer) {
    this.seed = seed;
    SimRandom random = new SimRandom(seed);
    Faults faults = Faults.draw(random, allowed);
    world = new World(random, faults, tracer);
    session = new Session(world);
    audit = new Audit(world, session.knowledge(), session.history(), session.contents());
    int count = (int) random.between(CLIENTS_MIN, CLIENTS_MAX);
    for (int i = 0; i < count; i++) {
      clients.add(
          new ClientMachine(
              world,
              i,
              client -> {
                Program program = new Program(client, session);
                programs.add(program);
                program.run();
              }));
    }
  }

  /** Runs that many operations. */
  public static Result run(long seed, long operations, Set<Faults.Kind> allowed, Tracer tracer) {
    Simulation simulation = new Simulation(seed, allowed, tracer);
    SimulationFailure failure = null;
    try {
      simulation.run(operations);
    } catch (SimulationFailure e) {
      failure = e;
    } catch (RuntimeException e) {
      failure = failureIn(e);
    } finally {
      simulation.clients.forEach(ClientMachine::cancel);
    }
    return simulation.result(failure);
  }

  /**
   * Runs with all faults, for callers that know none of these classes.
   *
   * @return the oracle that has seen something and what it has seen, or nothing
   */
  public static String[] judge(long seed, long operations) {
    SimulationFailure failure =
        run(seed, operations, EnumSet.allOf(Faults.Kind.class), Tracer.NONE).failure();
    return failure == null ? new String[0] : new String[] {failure.oracle(), failure.getMessage()};
  }

  private static SimulationFailure failureIn(RuntimeException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof SimulationFailure failure) {
        return failure;
      }
    }
    StringBuilder text = new StringBuilder();
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      text.append(cause);
      for (int i = 0; i < Math.min(8, cause.getStackTrace().length); i++) {
        text.append("\n    at ").append(cause.getStackTrace()[i]);
      }
      text.append('\n');
    }
    return new SimulationFailure("exception", text.toString());
  }

  private Result result(SimulationFailure failure) {
    return new Result(
        seed,
        session.budget().done(),
        world.scheduler().eventCount(),
        world.datagrams(),
        world.crashes(),
        world.scheduler().nowNanos(),
        session.history().undecided(),
        session.foretelling().compared(),
        world.faults().toString(),
        failure);
  }

  private void run(long operations) {
    world.setCalm(true);
    leap(START_NANOS);
    Map<Name, State> names = Map.of();
    for (long left = operations; left > 0; left -= EPOCH_OPERATIONS) {
      if (world.random().nextInt(2) == 0) {
        long alone = Math.min(left, LONELY_OPERATIONS);
        left -= alone;
        operateAlone(alone, names);
      }
      session.budget().allow(Math.min(left, EPOCH_OPERATIONS));
      operate();
      names = audit.run();
      if (world.random().nextInt(2) == 0) {
        leap(LEAP_NANOS);
      }
    }
  }

  /** One client alone, whose answers are foretold. */
  private void operateAlone(long operations, Map<Name, State> names) {
    session.foretelling().begin(new NamespaceModel(names));
    session.budget().allowOne(operations);
    operate();
    NamespaceModel model = session.foretelling().end();
    Map<Name, State> found = audit.run();
    if (model != null && !model.names().equals(found)) {
      world.fail("model", "there is " + found + ", foretold was " + model.names());
    }
  }

  /** In a bad world until the operations are done, and then until everything has come to rest. */
  private void operate() {
    world.setCalm(false);
    long end = world.scheduler().nowNanos() + EPOCH_NANOS_MAX;
    while (!session.budget().isSpent()) {
      step(end, "operations do not come to an end");
    }
    rest();
  }

  /** No more faults until nothing is under way. */
  private void rest() {
    world.trace("world", "comes to rest");
    world.setCalm(true);
    long end = world.scheduler().nowNanos() + REST_NANOS_MAX;
    while (!programs.stream().allMatch(Program::isResting) || !world.isIdle()) {
      step(end, "the world does not come to rest");
    }
  }

  private void leap(long nanos) {
    long end = world.scheduler().nowNanos() + nanos;
    while (world.scheduler().nowNanos() < end) {
      step(Long.MAX_VALUE, "");
    }
  }

  private void step(long endNanos, String problem) {
    if (!world.step() || world.scheduler().nowNanos() > endNanos) {
      world.fail("progress", problem);
    }
  }
}
