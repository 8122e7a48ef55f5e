package org.eggsfs.cli;

import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Sizes, rates and times as people read them. */
public final class Units {
  private static final String[] BINARY = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  private static final DateTimeFormatter LOCAL_TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private Units() {}

  /** {@code 1.5 MiB}; whole bytes below 1024. */
  public static String bytes(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < BINARY.length - 1) {
      value /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, value < 10 ? "%.2f %s" : "%.1f %s", value, BINARY[unit]);
  }

  /** A protocol time (nanoseconds since 1970) in local time, seconds only; {@code -} for none. */
  public static String time(long nanos) {
    if (nanos == 0) {
      return "-";
    }
    return LOCAL_TIME.format(instant(nanos).atZone(ZoneId.systemDefault()));
  }

  /** A protocol time as an instant. */
  public static Instant instant(long nanos) {
    return Instant.ofEpochSecond(
        Long.divideUnsigned(nanos, NANOS_PER_SECOND),
        Long.remainderUnsigned(nanos, NANOS_PER_SECOND));
  }

  /** The protocol time of an instant. */
  public static long nanos(Instant instant) {
    return instant.getEpochSecond() * NANOS_PER_SECOND + instant.getNano();
  }

  /** How long ago, coarse: {@code 12s}, {@code 5m}, {@code 3h}, {@code 2d}. */
  public static String ago(long nanos, Instant now) {
    if (nanos == 0) {
      return "never";
    }
    return seconds(Math.max(0, now.getEpochSecond() - instant(nanos).getEpochSecond()));
  }

  /** A duration in its largest unit. */
  public static String seconds(long seconds) {
    if (seconds < 120) {
      return seconds + "s";
    }
    if (seconds < 2 * 3600) {
      return seconds / 60 + "m";
    }
    return seconds < 2 * 86_400 ? seconds / 3600 + "h" : seconds / 86_400 + "d";
  }
}
