package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.eggsfs.client.EggsClient;
import picocli.CommandLine.Option;

/** A job of the daemon run once by hand (gc.md): shows its counters and ends in order on Ctrl-C. */
abstract class JobCommand extends LookingCommand {
  @Option(
      names = {"-v", "--details"},
      description = "Tell each item.")
  boolean details;

  @Override
  final int run(EggsClient client) throws Exception {
    return LongWork.run(() -> job(client));
  }

  /** Does the work; an interrupt ends it. The result is the exit code. */
  abstract int job(EggsClient client) throws Exception;

  /** A line for a terminal: counters that are not 0, and the time left if shards are counted. */
  ProgressLine progress(Supplier<Map<String, Long>> counters, int shardsTotal) {
    long start = System.nanoTime();
    return ProgressLine.start(
        () -> {
          Map<String, Long> values = counters.get();
          long done = values.getOrDefault("cycles", 0L) + values.getOrDefault("failed_cycles", 0L);
          String left = "";
          if (shardsTotal > 1 && done > 0) {
            double seconds = (System.nanoTime() - start) / 1e9;
            left =
                done
                    + "/"
                    + shardsTotal
                    + " shards, "
                    + Units.seconds(Math.round(seconds * (shardsTotal - done) / done))
                    + " left, ";
          }
          return left + words(values);
        });
  }

  /** A command does one cycle of each shard, which is no news. */
  private static boolean isCycles(String counter) {
    return counter.equals("cycles") || counter.endsWith("_cycles") && !counter.startsWith("failed");
  }

  private static String words(Map<String, Long> values) {
    return values.entrySet().stream()
        .filter(entry -> entry.getValue() != 0 && !isCycles(entry.getKey()))
        .map(entry -> entry.getKey().replace('_', ' ') + " " + entry.getValue())
        .collect(Collectors.joining(", "));
  }

  /** How a call that was stopped is gone on with, in words. */
  String resuming() {
    return "call it again for what is left";
  }

  /** The same for a job that may have a file for its cursors. */
  static String resuming(Path cursor) {
    return cursor == null
        ? "called again it begins anew; with --cursor FILE it would go on where it was"
        : "call it again with --cursor " + cursor + " to go on where it was";
  }

  /** Prints what was done. */
  void report(Map<String, Long> counters, boolean stopped, List<String> failures) {
    if (json) {
      ObjectNode node = object();
      counters.forEach(node::put);
      node.put("stopped", stopped);
      if (stopped) {
        node.put("resuming", resuming());
      }
      failures.forEach(node.putArray("failures")::add);
      print(node);
      return;
    }
    failures.forEach(failure -> CommandRunner.error(spec.name(), failure));
    String words = words(counters);
    out.println(
        (stopped ? "stopped: " : "")
            + (words.isEmpty() ? stopped ? "nothing done" : "nothing to do" : words));
    if (stopped) {
      out.println(resuming());
    }
  }

  /** The shards of an option: one, or all. */
  static List<Integer> shards(Integer one) throws CommandFailure {
    if (one == null) {
      return new ArrayList<>(Shards.all());
    }
    if (one < 0 || one >= Shards.all().size()) {
      throw new CommandFailure(ExitCodes.USAGE, "--shard is 0 to 255");
    }
    return List.of(one);
  }
}
