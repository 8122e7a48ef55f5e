package org.eggsfs.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.eggsfs.client.EggsClient;
import org.eggsfs.gc.Counters;
import picocli.CommandLine.Option;

/**
 * A job that goes through shards and remembers where it was. Shards are done some at a time, so
 * that a call that goes on repeats few of those that were done. Where the cycle of a shard failed,
 * the cursors are kept, and another call does that shard.
 */
abstract class ShardJobCommand extends JobCommand {
  private static final int SHARDS_AT_ONCE = 32;

  @Option(names = "--shard", paramLabel = "N", description = "Only this shard.")
  private Integer shard;

  @Option(names = "--cursor", paramLabel = "FILE", description = "Remembers how far it has come.")
  private Path cursor;

  @Option(
      names = {"-y", "--yes"},
      description = "Do not ask.")
  private boolean yes;

  /** What the cycles before the one that runs have counted. */
  private final Map<String, Long> before = new LinkedHashMap<>();

  @Override
  String resuming() {
    return resuming(cursor);
  }

  /** New counters for a cycle, which the next {@link #cycle} uses. */
  abstract Counters newCounters();

  /** One cycle over some shards; the result is those where it failed. */
  abstract BitSet cycle(EggsClient client, BitSet shards, JobCursors cursors, FailureList failures)
      throws IOException, InterruptedException;

  private Map<String, Long> sums(Counters running) {
    synchronized (before) {
      Map<String, Long> sums = new LinkedHashMap<>(before);
      running.values().forEach((name, value) -> sums.merge(name, value, Long::sum));
      return sums;
    }
  }

  final void ask(String what) throws CommandFailure {
    Confirmation.ask(yes, what);
  }

  final int allShards(EggsClient client, String job, String question) throws Exception {
    List<Integer> wanted = shards(shard);
    ask(question);
    FailureList failures = new FailureList();
    boolean stopped = false;
    AtomicReference<Counters> counters = new AtomicReference<>(newCounters());
    BitSet failed = new BitSet();
    try (JobCursors cursors = JobCursors.open(cursor, job, counters.get().job());
        ProgressLine _ = progress(() -> sums(counters.get()), wanted.size())) {
      try {
        List<Integer> remaining = cursors.remaining(wanted);
        for (int from = 0; from < remaining.size(); from += SHARDS_AT_ONCE) {
          List<Integer> some =
              remaining.subList(from, Math.min(from + SHARDS_AT_ONCE, remaining.size()));
          BitSet set = new BitSet();
          some.forEach(set::set);
          BitSet unfinished = cycle(client, set, cursors, failures);
          some.stream().filter(number -> !unfinished.get(number)).forEach(cursors::done);
          failed.or(unfinished);
          synchronized (before) {
            before.putAll(sums(counters.get()));
            counters.set(newCounters());
          }
        }
        if (failed.isEmpty()) {
          cursors.finish();
        }
      } catch (InterruptedException | InterruptedIOException e) {
        stopped = true;
      }
    }
    failed.stream()
        .forEach(number -> failures.add("shard " + number + " could not be visited to its end"));
    Map<String, Long> sums = sums(counters.get());
    report(sums, stopped, failures.kept());
    if (stopped) {
      return ExitCodes.PARTIAL;
    }
    return failures.count() > 0 ? ExitCodes.PARTIAL : ExitCodes.OK;
  }
}
