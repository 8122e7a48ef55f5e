package org.eggsfs.tests;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** One line for each scenario while they run, and all of them as JSON at the end. */
final class Report {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int NAME_WIDTH = 24;

  private final PrintStream out;
  private final long seed;
  private final boolean isShort;
  private final long startNanos = System.nanoTime();
  private final List<Outcome> outcomes = new ArrayList<>();

  Report(PrintStream out, long seed, boolean isShort) {
    this.out = out;
    this.seed = seed;
    this.isShort = isShort;
  }

  synchronized void add(Outcome outcome) {
    outcomes.add(outcome);
    out.printf(
        Locale.ROOT,
        "%-7s %-" + NAME_WIDTH + "s %7.1f s  %s%n",
        outcome.verdict().name().toLowerCase(Locale.ROOT),
        outcome.scenario(),
        outcome.seconds(),
        tail(outcome));
    if (outcome.verdict() == Outcome.Verdict.FAILED) {
      out.println("        repeat: " + outcome.repeat());
    }
    out.flush();
  }

  private static String tail(Outcome outcome) {
    if (outcome.verdict() != Outcome.Verdict.OK) {
      return outcome.detail();
    }
    StringBuilder text = new StringBuilder();
    for (Map.Entry<String, Long> count : outcome.counts().entrySet()) {
      text.append(count.getValue()).append(' ').append(count.getKey());
      if (count.getKey().equals("operations") && outcome.seconds() > 0) {
        text.append(" (").append(Math.round(count.getValue() / outcome.seconds())).append("/s)");
      }
      text.append(", ");
    }
    return text + outcome.oracle() + "; " + outcome.detail();
  }

  long count(Outcome.Verdict verdict) {
    return outcomes.stream().filter(outcome -> outcome.verdict() == verdict).count();
  }

  void finish(Path json) throws IOException {
    double seconds = (System.nanoTime() - startNanos) / 1e9;
    out.printf(
        Locale.ROOT,
        "%d ok, %d failed, %d skipped in %.0f s, seed %d%n",
        count(Outcome.Verdict.OK),
        count(Outcome.Verdict.FAILED),
        count(Outcome.Verdict.SKIPPED),
        seconds,
        seed);
    if (json == null) {
      return;
    }
    ObjectNode node = JSON.createObjectNode();
    node.put("seed", seed).put("short", isShort).put("seconds", seconds);
    ArrayNode scenarios = node.putArray("scenarios");
    for (Outcome outcome : outcomes) {
      ObjectNode one = scenarios.addObject();
      one.put("scenario", outcome.scenario())
          .put("verdict", outcome.verdict().name().toLowerCase(Locale.ROOT))
          .put("seconds", outcome.seconds())
          .put("oracle", outcome.oracle())
          .put("detail", outcome.detail())
          .put("repeat", outcome.repeat());
      ObjectNode counts = one.putObject("counts");
      outcome.counts().forEach(counts::put);
    }
    Files.writeString(json, node.toPrettyString() + "\n");
  }
}
