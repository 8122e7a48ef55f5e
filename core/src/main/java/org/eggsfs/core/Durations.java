package org.eggsfs.core;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations in the spellings of the command lines (cli.md Overview 8). */
public final class Durations {
  private static final Pattern PART = Pattern.compile("(\\d+(?:\\.\\d+)?)(ns|us|µs|ms|s|m|h|d)");

  private Durations() {}

  /**
   * Parses a sequence of number and unit such as {@code 1h30m}, {@code 250ms} or {@code 0}.
   *
   * @return nanoseconds
   * @throws IllegalArgumentException if the text is no duration or too long for a long
   */
  public static long parse(String text) {
    if (text.equals("0")) {
      return 0;
    }
    Matcher part = PART.matcher(text);
    double total = 0;
    int end = 0;
    while (part.find() && part.start() == end) {
      total += Double.parseDouble(part.group(1)) * unit(part.group(2));
      end = part.end();
    }
    if (end == 0 || end != text.length() || total > Long.MAX_VALUE) {
      throw new IllegalArgumentException(
          "'" + text + "' is no duration; write for example 250ms, 15s or 1h30m");
    }
    return Math.round(total);
  }

  private static double unit(String unit) {
    return switch (unit) {
      case "ns" -> 1;
      case "us", "µs" -> 1e3;
      case "ms" -> 1e6;
      case "s" -> 1e9;
      case "m" -> 60e9;
      case "h" -> 3600e9;
      default -> 86_400e9;
    };
  }

  /** A short text form with one decimal, such as {@code 1.5s}. */
  public static String format(long nanos) {
    if (nanos >= 3_600_000_000_000L) {
      return String.format(Locale.ROOT, "%.1fh", nanos / 3600e9);
    }
    if (nanos >= 60_000_000_000L) {
      return String.format(Locale.ROOT, "%.1fm", nanos / 60e9);
    }
    if (nanos >= 1_000_000_000L) {
      return String.format(Locale.ROOT, "%.1fs", nanos / 1e9);
    }
    if (nanos >= 1_000_000L) {
      return String.format(Locale.ROOT, "%.1fms", nanos / 1e6);
    }
    return String.format(Locale.ROOT, "%.1fus", nanos / 1e3);
  }
}
