package org.eggsfs.tests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.CommandRunner;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.cli.Logging;
import org.eggsfs.core.Durations;
import org.eggsfs.tests.scenario.Scenario;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** {@code eggstests}: integration tests of real clusters with faults. */
@Command(
    name = "eggstests",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Start real clusters, run scenarios with faults against them, and judge each.",
      "One line for each scenario; the data of a failure stays, with the command that repeats it."
    })
public final class TestsCommand implements Callable<Integer> {
  @Option(
      names = "--filter",
      paramLabel = "REGEX",
      description = "Only scenarios whose name contains a match.")
  private String filter = "";

  @Option(names = "--short", description = "Small sizes; without a filter only some scenarios.")
  private boolean isShort;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of all random choices (default: another one each time).")
  private Long seed;

  @Option(
      names = "--processes",
      description = "Every cluster in one process for each role and block server.")
  private boolean processes;

  @Option(
      names = "--one-at-a-time",
      description = "Do not run what goes on for long beside the other scenarios.")
  private boolean single;

  @Option(
      names = "--duration",
      paramLabel = "DUR",
      converter = DurationConverter.class,
      description = "Of scenarios that go on for a time, e.g. 90s, 30m, 24h (default: their own).")
  private Duration duration;

  @Option(
      names = {"--keep", "--preserve-data-dir"},
      description = "Keep the data directories also of what succeeded.")
  private boolean keep;

  @Option(
      names = {"--data-dir", "--tmp-dir"},
      paramLabel = "DIR",
      description = "Where data directories are made (default: the folder for temporary files).")
  private Path dataDir;

  @Option(names = "--report", paramLabel = "FILE", description = "Write the report as JSON.")
  private Path report;

  @Option(names = "--list", description = "List the scenarios and end.")
  private boolean list;

  /** Durations with units. */
  static final class DurationConverter implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      try {
        return Duration.ofNanos(Durations.parse(text));
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /** Runs the command; the result is the exit code. */
  public static int run(String... args) {
    return CommandRunner.run(new TestsCommand(), args);
  }

  @Override
  public Integer call() throws Exception {
    Logging.level("error");
    Pattern pattern;
    try {
      pattern = Pattern.compile(filter);
    } catch (PatternSyntaxException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--filter: " + e.getMessage());
    }
    long chosenSeed = seed == null ? System.nanoTime() & 0xffff_ffffL : seed;
    Path folder = list ? Path.of("") : folder();
    Report lines = new Report(System.out, chosenSeed, isShort);
    Suite suite =
        new Suite(
            new Suite.SuiteOptions(
                pattern, isShort, chosenSeed, processes, single, keep, folder, duration),
            lines);
    if (list) {
      for (Scenario scenario : suite.chosen()) {
        System.out.printf("%-24s %s%n", scenario.name(), scenario.oracle());
      }
      return ExitCodes.OK;
    }
    if (suite.chosen().isEmpty()) {
      throw new CommandFailure(ExitCodes.USAGE, "no scenario has '" + filter + "' in its name");
    }
    // Clients report each damage that they meet, as they should, but not between our lines.
    Logging.file(folder.resolve("clients.log"), "info");
    System.out.println("seed " + chosenSeed + ", data in " + folder);
    suite.run();
    Logging.level("error");
    lines.finish(report);
    if (lines.count(Outcome.Verdict.FAILED) > 0) {
      return ExitCodes.FAILED;
    }
    if (!keep) {
      Suite.delete(folder);
    }
    return ExitCodes.OK;
  }

  private Path folder() throws IOException {
    if (dataDir != null) {
      Files.createDirectories(dataDir);
      return Files.createTempDirectory(dataDir, "eggs-tests-");
    }
    return Files.createTempDirectory("eggs-tests-");
  }
}
