package org.eggsfs.core;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/**
 * The system's times: nanoseconds since 1970-01-01 UTC in a long, 0 for none (wire.md section 2.2).
 * Only the edges of a program read a clock; state machines get times as arguments.
 */
public final class Timestamps {
  private static final long SECOND = 1_000_000_000L;
  private static final DateTimeFormatter SECONDS =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss", Locale.ROOT).withZone(ZoneOffset.UTC);

  private Timestamps() {}

  /** The nanoseconds of an instant between 1970 and 2262. */
  public static long of(Instant instant) {
    return Math.addExact(Math.multiplyExact(instant.getEpochSecond(), SECOND), instant.getNano());
  }

  /** The instant of a time. */
  public static Instant toInstant(long nanos) {
    return Instant.ofEpochSecond(Math.floorDiv(nanos, SECOND), Math.floorMod(nanos, SECOND));
  }

  /** Text form with all nine digits: {@code 2026-01-31T12:00:00.000000000Z}. */
  public static String format(long nanos) {
    return SECONDS.format(toInstant(nanos))
        + String.format(Locale.ROOT, ".%09dZ", Math.floorMod(nanos, SECOND));
  }

  /**
   * Reads the text form, with any number of fraction digits.
   *
   * @throws java.time.format.DateTimeParseException if it is none
   */
  public static long parse(String text) {
    return of(Instant.parse(text));
  }
}
