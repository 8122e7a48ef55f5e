package org.eggsfs.bench;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.eggsfs.cli.TablePrinter;

/** Collects figures and prints them at the end: a table, or JSON for programs. */
final class Report {
  private final boolean json;
  private final PrintStream out;
  private final List<Figure> figures = new ArrayList<>();

  Report(boolean json, PrintStream out) {
    this.json = json;
    this.out = out;
  }

  /** Adds a figure; says so at once on standard error, since all together take a while. */
  void add(Figure figure) {
    figures.add(figure);
    System.err.printf(
        Locale.ROOT,
        "%s, %d workers: %.1f %s%n",
        figure.name(),
        figure.workers(),
        figure.rate(),
        figure.unit());
  }

  void print() {
    if (json) {
      ArrayNode list = JsonNodeFactory.instance.arrayNode();
      for (Figure f : figures) {
        list.addObject()
            .put("name", f.name())
            .put("workers", f.workers())
            .put("count", f.count())
            .put("seconds", f.seconds())
            .put("rate", f.rate())
            .put("unit", f.unit())
            .put("p50Millis", f.p50Nanos() / 1e6)
            .put("p99Millis", f.p99Nanos() / 1e6);
      }
      out.println(list.toPrettyString());
      return;
    }
    TablePrinter table =
        new TablePrinter("WHAT", ">WORKERS", ">COUNT", ">SECONDS", ">RATE", "UNIT", ">P50", ">P99");
    for (Figure f : figures) {
      table.row(
          f.name(),
          f.workers(),
          f.count(),
          String.format(Locale.ROOT, "%.2f", f.seconds()),
          String.format(Locale.ROOT, "%,.1f", f.rate()),
          f.unit(),
          millis(f.p50Nanos()),
          millis(f.p99Nanos()));
    }
    table.print(out);
  }

  private static String millis(long nanos) {
    return nanos == 0 ? "-" : String.format(Locale.ROOT, "%.2f ms", nanos / 1e6);
  }
}
