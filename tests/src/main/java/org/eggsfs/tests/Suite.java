package org.eggsfs.tests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.eggsfs.tests.check.Aftermath;
import org.eggsfs.tests.cluster.Cluster;
import org.eggsfs.tests.cluster.ClusterConfig;
import org.eggsfs.tests.scenario.Run;
import org.eggsfs.tests.scenario.Scenario;
import org.eggsfs.tests.scenario.Scenarios;

/**
 * Runs scenarios one after another. Those that want equal clusters share one; after each the
 * cluster is emptied and checked, and after a failure it is stopped, its data kept, and the next
 * scenario gets a new one.
 */
final class Suite {
  private final SuiteOptions options;
  private final Report report;
  private volatile Cluster cluster;
  private int clusterCount;

  /**
   * What to run and how.
   *
   * @param filter scenarios whose name contains a match
   * @param isShort the small sizes, and only the scenarios of the short suite
   * @param processes all clusters in processes, also for scenarios that would do with one
   * @param keep keep the data directories also of what succeeded
   * @param folder where the data directories are made
   * @param duration of scenarios that go on for a time, or null for their own
   */
  record SuiteOptions(
      Pattern filter,
      boolean isShort,
      long seed,
      boolean processes,
      boolean keep,
      Path folder,
      Duration duration) {}

  Suite(SuiteOptions options, Report report) {
    this.options = options;
    this.report = report;
  }

  /** The scenarios that the options choose, in the order they run. */
  List<Scenario> chosen() {
    List<Scenario> chosen = new ArrayList<>();
    for (Scenario scenario : Scenarios.all()) {
      if (options.filter().matcher(scenario.name()).find()
          && (!options.isShort() || scenario.isInShortSuite())) {
        chosen.add(scenario);
      }
    }
    return chosen;
  }

  /** Runs them all; what went wrong is in the report. */
  void run() throws IOException, InterruptedException {
    Thread abort = Thread.ofPlatform().name("abort").unstarted(this::abort);
    Runtime.getRuntime().addShutdownHook(abort);
    try {
      for (Scenario scenario : chosen()) {
        report.add(run(scenario));
      }
    } finally {
      stop(true);
      Runtime.getRuntime().removeShutdownHook(abort);
    }
  }

  /** Ctrl-C: no process of ours stays behind. */
  private void abort() {
    Cluster running = cluster;
    if (running != null) {
      running.abandon();
    }
  }

  private Outcome run(Scenario scenario) throws IOException, InterruptedException {
    String missing = scenario.missing();
    if (missing != null) {
      return new Outcome(
          scenario.name(),
          scenario.oracle(),
          Outcome.Verdict.SKIPPED,
          0,
          Map.of(),
          missing,
          repeat(scenario));
    }
    long seed = options.seed() ^ Integer.toUnsignedLong(scenario.name().hashCode());
    long startNanos = System.nanoTime();
    Map<String, Long> counts = Map.of();
    String problem = null;
    String aftermath = "";
    try {
      prepare(scenario, seed);
      Path local = cluster.root().resolve("local");
      Run run = new Run(cluster, options.isShort(), seed, local, options.duration());
      try (run) {
        scenario.run(run);
      } finally {
        counts = run.counts();
      }
      aftermath = Aftermath.check(cluster);
      delete(local);
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      problem = e instanceof RuntimeException ? trace(e) : describe(e);
    }
    if (problem == null && !cluster.misbehaviour().isEmpty()) {
      problem = String.join("; ", cluster.misbehaviour());
    }
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    if (problem != null) {
      String kept = cluster == null ? "" : "; data in " + cluster.root();
      stop(false);
      return new Outcome(
          scenario.name(),
          scenario.oracle(),
          Outcome.Verdict.FAILED,
          seconds,
          counts,
          problem + kept,
          repeat(scenario));
    }
    if (scenario.usesUpCluster()) {
      stop(true);
    }
    return new Outcome(
        scenario.name(),
        scenario.oracle(),
        Outcome.Verdict.OK,
        seconds,
        counts,
        aftermath,
        repeat(scenario));
  }

  private static String describe(Exception e) {
    return e.getMessage() == null ? e.toString() : e.getMessage();
  }

  private static String trace(Exception e) {
    StackTraceElement[] stack = e.getStackTrace();
    return e + (stack.length == 0 ? "" : " at " + stack[0]);
  }

  private void prepare(Scenario scenario, long seed) throws IOException, InterruptedException {
    ClusterConfig wanted =
        options.processes() ? scenario.cluster().inProcesses() : scenario.cluster();
    if (cluster != null && cluster.config().equals(wanted)) {
      return;
    }
    stop(true);
    Path root = options.folder().resolve("cluster-" + clusterCount++);
    cluster = Cluster.start(wanted, root, seed);
  }

  private void stop(boolean mayDelete) throws IOException {
    if (cluster == null) {
      return;
    }
    Cluster stopped = cluster;
    cluster = null;
    stopped.close();
    if (mayDelete && !options.keep()) {
      delete(stopped.root());
    }
  }

  /** Removes a folder with all that is in it, if it is there. */
  static void delete(Path tree) throws IOException {
    if (!Files.exists(tree)) {
      return;
    }
    try (Stream<Path> files = Files.walk(tree)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private String repeat(Scenario scenario) {
    return "./eggs tests --seed "
        + options.seed()
        + " --filter '^"
        + scenario.name()
        + "$'"
        + (options.isShort() ? " --short" : "")
        + (options.processes() ? " --processes" : "")
        + (options.duration() == null ? "" : " --duration " + options.duration().toSeconds() + "s");
  }
}
