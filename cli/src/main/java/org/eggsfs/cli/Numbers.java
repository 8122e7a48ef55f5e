package org.eggsfs.cli;

import java.time.DateTimeException;
import java.time.Instant;
import org.eggsfs.core.Durations;
import org.eggsfs.core.InodeIds;

/** Numbers, ids, sizes and times as operators type them. */
final class Numbers {
  private static final long MAX = Long.MAX_VALUE;

  /** The year 2262. */
  private static final Instant END = Units.instant(MAX);

  private Numbers() {}

  /** A decimal or 0x hex id of 64 bits. */
  static long id(String option, String text) throws CommandFailure {
    try {
      return text.startsWith("0x") || text.startsWith("0X")
          ? Long.parseUnsignedLong(text.substring(2), 16)
          : Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new CommandFailure(
          ExitCodes.USAGE, option + ": '" + text + "' is no id; write decimal or 0x hex");
    }
  }

  /** An inode id. */
  static long inode(String option, String text) throws CommandFailure {
    try {
      return InodeIds.parse(text);
    } catch (NumberFormatException e) {
      throw new CommandFailure(
          ExitCodes.USAGE, option + ": '" + text + "' is no inode id; write decimal or 0x hex");
    }
  }

  static boolean looksLikeId(String text) {
    return !text.isEmpty() && Character.isDigit(text.charAt(0));
  }

  /**
   * A moment: an RFC 3339 time, or a duration before {@code now}. Times of the protocol begin in
   * 1970 and have no sign: what is earlier is the beginning, and what is later than any clock shows
   * is the end.
   *
   * @return nanoseconds since 1970, 0 to {@link Long#MAX_VALUE}
   */
  static long moment(String option, String text, Instant now) throws CommandFailure {
    try {
      Instant moment = Instant.parse(text);
      return moment.getEpochSecond() < 0 ? 0 : moment.isBefore(END) ? Units.nanos(moment) : MAX;
    } catch (DateTimeException e) {
      try {
        return Math.max(0, Units.nanos(now) - Durations.parse(text));
      } catch (IllegalArgumentException f) {
        throw new CommandFailure(
            ExitCodes.USAGE,
            option + ": '" + text + "' is neither an RFC 3339 time nor a duration");
      }
    }
  }
}
