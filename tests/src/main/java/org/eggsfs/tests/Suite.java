package org.eggsfs.tests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.eggsfs.tests.scenario.Scenario;
import org.eggsfs.tests.scenario.Scenarios;

/** The scenarios that were chosen, and what comes of them. */
final class Suite {
  private final SuiteOptions options;
  private final Report report;
  private final List<Lane> lanes = new CopyOnWriteArrayList<>();

  /**
   * What to run and how.
   *
   * @param filter scenarios whose name contains a match
   * @param isShort the small sizes, and without a filter only the scenarios of the short suite
   * @param processes all clusters in processes, also for scenarios that would do with one
   * @param single one scenario at a time, also those that go on for long
   * @param keep keep the data directories also of what succeeded
   * @param folder where the data directories are made
   * @param duration of scenarios that go on for a time, or null for their own
   */
  record SuiteOptions(
      Pattern filter,
      boolean isShort,
      long seed,
      boolean processes,
      boolean single,
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
          && (!options.isShort()
              || scenario.isInShortSuite()
              || !options.filter().pattern().isEmpty())) {
        chosen.add(scenario);
      }
    }
    return chosen;
  }

  /**
   * Runs them all; what went wrong is in the report. Those that go on for long do so beside the
   * others, on clusters of their own, unless all are to run one at a time.
   */
  void run() throws IOException, InterruptedException {
    Thread abort = Thread.ofPlatform().name("abort").unstarted(() -> lanes.forEach(Lane::abandon));
    Runtime.getRuntime().addShutdownHook(abort);
    try {
      List<Scenario> beside = new ArrayList<>();
      List<Scenario> others = new ArrayList<>();
      for (Scenario scenario : chosen()) {
        boolean isBeside = scenario.goesOnForLong() && !options.isShort() && !options.single();
        (isBeside ? beside : others).add(scenario);
      }
      FutureTask<Void> second = new FutureTask<>(() -> run(beside, new Lane(options, "beside")));
      Thread.ofVirtual().name("beside").start(second);
      run(others, new Lane(options, "cluster"));
      try {
        second.get();
      } catch (ExecutionException e) {
        throw new IOException("while running beside the others", e.getCause());
      }
    } finally {
      lanes.forEach(Lane::abandon);
      Runtime.getRuntime().removeShutdownHook(abort);
    }
  }

  private Void run(List<Scenario> scenarios, Lane lane) throws IOException, InterruptedException {
    lanes.add(lane);
    try {
      for (Scenario scenario : scenarios) {
        report.add(lane.run(scenario));
      }
    } finally {
      lane.stop(true);
    }
    return null;
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
}
