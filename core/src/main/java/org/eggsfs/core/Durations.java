package org.eggsfs.core;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations in the spellings of the command lines (cli.md Overview 8); nanoseconds inside. */
public final class Durations {
  /** Go writes the micro sign, and reads the Greek letter as well. */
  private static final Pattern PART =
      Pattern.compile("(\\d+\\.?\\d*|\\.\\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d)");

  /** Longest accepted text; longer ones are mistakes. */
  private static final int TEXT_MAX = 100;

  private static final long MICRO = 1_000L;
  private static final long MILLI = 1_000_000L;
  private static final long SECOND = 1_000_000_000L;
  private static final long MINUTE = 60 * SECOND;
  private static final long HOUR = 60 * MINUTE;
  private static final long DAY = 24 * HOUR;

  private Durations() {}

  /**
   * Parses a sequence of number and unit such as {@code 1h30m}, {@code 1.5s}, {@code 250ms}, {@code
   * 30d} or {@code 0}; exact to the nanosecond.
   *
   * @return nanoseconds
   * @throws IllegalArgumentException if the text is no duration or too long for a long
   */
  public static long parse(String text) {
    if (text.equals("0")) {
      return 0;
    }
    BigDecimal total = BigDecimal.ZERO;
    int end = 0;
    if (text.length() <= TEXT_MAX) {
      Matcher part = PART.matcher(text);
      while (part.find() && part.start() == end) {
        BigDecimal number = new BigDecimal(part.group(1));
        total = total.add(number.multiply(BigDecimal.valueOf(unit(part.group(2)))));
        end = part.end();
      }
    }
    if (end == 0
        || end != text.length()
        || total.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
      throw new IllegalArgumentException(
          "'" + text + "' is no duration; write for example 250ms, 15s or 1h30m");
    }
    return total.setScale(0, RoundingMode.DOWN).longValueExact();
  }

  private static long unit(String unit) {
    return switch (unit) {
      case "ns" -> 1;
      case "us", "\u00b5s", "\u03bcs" -> MICRO;
      case "ms" -> MILLI;
      case "s" -> SECOND;
      case "m" -> MINUTE;
      case "h" -> HOUR;
      default -> DAY;
    };
  }

  /** A short text form with one decimal, such as {@code 1.5s}; for people. */
  public static String format(long nanos) {
    if (nanos >= HOUR) {
      return String.format(Locale.ROOT, "%.1fh", nanos / (double) HOUR);
    }
    if (nanos >= MINUTE) {
      return String.format(Locale.ROOT, "%.1fm", nanos / (double) MINUTE);
    }
    if (nanos >= SECOND) {
      return String.format(Locale.ROOT, "%.1fs", nanos / (double) SECOND);
    }
    if (nanos >= MILLI) {
      return String.format(Locale.ROOT, "%.1fms", nanos / (double) MILLI);
    }
    return String.format(Locale.ROOT, "%.1fus", nanos / (double) MICRO);
  }

  /**
   * The exact text form that Go's programs write and read, such as {@code 720h0m0s}, {@code
   * 1m30.5s} or {@code 250ms}.
   *
   * @param nanos not negative
   */
  public static String formatExact(long nanos) {
    if (nanos == 0) {
      return "0s";
    }
    if (nanos < MICRO) {
      return nanos + "ns";
    }
    if (nanos < MILLI) {
      return decimal(nanos, MICRO) + "\u00b5s";
    }
    if (nanos < SECOND) {
      return decimal(nanos, MILLI) + "ms";
    }
    StringBuilder text = new StringBuilder();
    if (nanos >= HOUR) {
      text.append(nanos / HOUR).append('h');
    }
    if (nanos >= MINUTE) {
      text.append(nanos % HOUR / MINUTE).append('m');
    }
    return text.append(decimal(nanos % MINUTE, SECOND)).append('s').toString();
  }

  private static String decimal(long nanos, long unit) {
    return BigDecimal.valueOf(nanos)
        .divide(BigDecimal.valueOf(unit))
        .stripTrailingZeros()
        .toPlainString();
  }
}
