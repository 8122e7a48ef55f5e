package org.eggsfs.sim;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.cli.CommandRunner;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.sim.defect.Defect;
import org.eggsfs.sim.defect.DefectRun;
import org.eggsfs.sim.world.Faults;
import org.eggsfs.sim.world.Tracer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code eggs sim}: runs simulations from seeds until one fails. */
@Command(
    name = "eggssim",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Run the whole metadata plane in one thread, on virtual time, from a seed.",
      "The same seed, steps and faults always give the same run."
    })
public final class SimCommand implements Callable<Integer> {
  /** The last lines of a failed run that are shown. */
  private static final int STORY_LINES = 60;

  private static final double SECOND = 1e9;
  private static final long PROGRESS_NANOS = 10_000_000_000L;

  @Spec private CommandSpec spec;

  @Option(
      names = "--seeds",
      paramLabel = "FIRST-LAST",
      defaultValue = "1-100",
      description = "seeds to run, one after another (${DEFAULT-VALUE})")
  private String seeds;

  @Option(names = "--seed", paramLabel = "N", description = "run this seed alone")
  private Long seed;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "2000",
      description = "client operations in each run (${DEFAULT-VALUE})")
  private long steps;

  @Option(
      names = "--faults",
      paramLabel = "KIND,…",
      defaultValue = "all",
      description = {
        "what may happen: all, none, or some of loss, duplication, delay, partition, crash,",
        "pause, clock, slow-disk, blocks, client; each run draws its share (${DEFAULT-VALUE})"
      })
  private String faults;

  @Option(
      names = "--jobs",
      paramLabel = "N",
      defaultValue = "1",
      description = "runs at the same time (${DEFAULT-VALUE})")
  private int jobs;

  @Option(
      names = "--defects",
      description = {
        "switch on one known mistake after the other in the servers' classes, and show which",
        "oracle sees each, after how many runs"
      })
  private boolean defects;

  @Option(
      names = "--defect",
      paramLabel = "NAME",
      description = "the same for this mistake alone, with what was seen")
  private String defect;

  @Option(names = "--trace", description = "tell the whole story of each run")
  private boolean trace;

  private final AtomicBoolean stopping = new AtomicBoolean();
  private final AtomicLong runs = new AtomicLong();
  private final AtomicLong operations = new AtomicLong();
  private final AtomicLong events = new AtomicLong();
  private final AtomicLong crashes = new AtomicLong();
  private final AtomicLong undecided = new AtomicLong();
  private final List<Simulation.Result> failures = new ArrayList<>();

  /** Runs the command; the result is the exit code. */
  public static int run(String... args) {
    return CommandRunner.run(new SimCommand(), args);
  }

  @Override
  public Integer call() throws InterruptedException, ExecutionException {
    long first = seed == null ? bound(0) : seed;
    long last = seed == null ? bound(1) : seed;
    Set<Faults.Kind> allowed = allowed();
    if (steps < 1 || jobs < 1 || last < first) {
      throw new ParameterException(spec.commandLine(), "steps, jobs and seeds must be positive");
    }
    if (defects || defect != null) {
      return tryDefects(last - first + 1);
    }
    long start = System.nanoTime();
    AtomicLong next = new AtomicLong(first);
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> workers = new ArrayList<>();
      for (int i = 0; i < jobs; i++) {
        workers.add(executor.submit(() -> work(next, last, allowed, start)));
      }
      for (Future<?> worker : workers) {
        worker.get();
      }
    }
    report(System.nanoTime() - start);
    for (Simulation.Result failure : failures) {
      show(failure, allowed);
    }
    return failures.isEmpty() ? ExitCodes.OK : ExitCodes.FAILED;
  }

  private int tryDefects(long seedsMax) {
    List<Defect> chosen =
        Defect.all().stream()
            .filter(candidate -> defect == null || candidate.name().equals(defect))
            .toList();
    if (chosen.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "no defect is called '" + defect + "'; see --defects");
    }
    int missed = 0;
    System.out.printf("%-24s %-16s %5s %7s  %s%n", "DEFECT", "SEEN BY", "RUNS", "TIME", "MISTAKE");
    for (Defect candidate : chosen) {
      DefectRun.Outcome outcome = DefectRun.run(candidate, seedsMax, steps);
      System.out.printf(
          Locale.ROOT,
          "%-24s %-16s %5d %5.1f s  %s%n",
          candidate.name(),
          outcome.oracle() == null ? "NOBODY" : outcome.oracle(),
          outcome.seeds(),
          outcome.nanos() / SECOND,
          candidate.description());
      if (defect != null) {
        System.out.println(outcome.what());
      }
      missed += outcome.oracle() == null ? 1 : 0;
    }
    return missed == 0 ? ExitCodes.OK : ExitCodes.FAILED;
  }

  private long bound(int which) {
    String[] bounds = seeds.split("-", 2);
    try {
      return Long.parseLong(bounds[Math.min(which, bounds.length - 1)]);
    } catch (NumberFormatException e) {
      throw new ParameterException(
          spec.commandLine(), "--seeds wants FIRST-LAST, not '" + seeds + "'", e);
    }
  }

  private Set<Faults.Kind> allowed() {
    if (faults.equals("all")) {
      return EnumSet.allOf(Faults.Kind.class);
    }
    Set<Faults.Kind> kinds = EnumSet.noneOf(Faults.Kind.class);
    if (!faults.equals("none")) {
      for (String label : faults.split(",")) {
        try {
          kinds.add(Faults.Kind.valueOf(label.toUpperCase(Locale.ROOT).replace('-', '_')));
        } catch (IllegalArgumentException e) {
          throw new ParameterException(spec.commandLine(), "no fault is called '" + label + "'", e);
        }
      }
    }
    return kinds;
  }

  private void work(AtomicLong next, long last, Set<Faults.Kind> allowed, long start) {
    Tracer tracer = trace ? SimCommand::print : Tracer.NONE;
    while (!stopping.get()) {
      long mine = next.getAndIncrement();
      if (mine > last) {
        return;
      }
      Simulation.Result result = Simulation.run(mine, steps, allowed, tracer);
      count(result, start);
    }
  }

  private long lastProgressNanos;

  private synchronized void count(Simulation.Result result, long start) {
    runs.incrementAndGet();
    operations.addAndGet(result.operations());
    events.addAndGet(result.events());
    crashes.addAndGet(result.crashes());
    undecided.addAndGet(result.undecidedNames());
    if (result.failure() != null) {
      failures.add(result);
      stopping.set(true);
    }
    long now = System.nanoTime();
    if (now - Math.max(start, lastProgressNanos) > PROGRESS_NANOS) {
      lastProgressNanos = now;
      report(now - start);
    }
  }

  private void report(long nanos) {
    System.out.printf(
        Locale.ROOT,
        "%d runs, %d operations (%.0f/s), %d events, %d crashes, %d names undecided, %.1f s%n",
        runs.get(),
        operations.get(),
        operations.get() * SECOND / nanos,
        events.get(),
        crashes.get(),
        undecided.get(),
        nanos / SECOND);
  }

  private static void print(long nanos, String who, String what) {
    System.out.printf(Locale.ROOT, "%14.6f %-10s %s%n", nanos / SECOND, who, what);
  }

  /** Runs it once more, listening. */
  private void show(Simulation.Result failed, Set<Faults.Kind> allowed) {
    if (!trace) {
      List<String> story = new ArrayList<>();
      Simulation.run(
          failed.seed(),
          steps,
          allowed,
          (nanos, who, what) ->
              story.add(String.format(Locale.ROOT, "%14.6f %-10s %s", nanos / SECOND, who, what)));
      System.out.println("the last things that happened:");
      story
          .subList(Math.max(0, story.size() - STORY_LINES), story.size())
          .forEach(System.out::println);
    }
    System.out.println();
    System.out.println(
        "seed "
            + failed.seed()
            + " FAILED ("
            + failed.failure().oracle()
            + "), faults: "
            + failed.faults());
    System.out.println(failed.failure().getMessage());
    System.out.println(
        "again: ./eggs sim --seed "
            + failed.seed()
            + " --steps "
            + steps
            + (faults.equals("all") ? "" : " --faults " + faults)
            + " --trace");
  }
}
