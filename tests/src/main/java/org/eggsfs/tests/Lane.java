package org.eggsfs.tests;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.eggsfs.tests.check.Aftermath;
import org.eggsfs.tests.cluster.Cluster;
import org.eggsfs.tests.cluster.ClusterConfig;
import org.eggsfs.tests.scenario.Run;
import org.eggsfs.tests.scenario.Scenario;

/**
 * Runs scenarios one after another. Those that want equal clusters share one; after each the
 * cluster is emptied and checked, and after a failure it is stopped, its data kept, and the next
 * scenario gets a new one.
 */
final class Lane {
  private final Suite.SuiteOptions options;
  private final String name;
  private volatile Cluster cluster;
  private int clusterCount;

  /** A lane whose clusters have its name in theirs. */
  Lane(Suite.SuiteOptions options, String name) {
    this.options = options;
    this.name = name;
  }

  /** No process of ours stays behind. */
  void abandon() {
    Cluster running = cluster;
    if (running != null) {
      running.abandon();
    }
  }

  /** Runs one and judges it. */
  Outcome run(Scenario scenario) throws IOException, InterruptedException {
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
      Suite.delete(local);
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
    Path root = options.folder().resolve(name + "-" + clusterCount++);
    cluster = Cluster.start(wanted, root, seed);
  }

  /** Stops what runs. */
  void stop(boolean mayDelete) throws IOException {
    if (cluster == null) {
      return;
    }
    Cluster stopped = cluster;
    cluster = null;
    stopped.close();
    if (mayDelete && !options.keep()) {
      Suite.delete(stopped.root());
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
