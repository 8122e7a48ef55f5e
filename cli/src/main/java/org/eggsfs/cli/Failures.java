package org.eggsfs.cli;

import java.util.Locale;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;

/** Errors of the protocol in the words of a file system, with the path they belong to. */
final class Failures {
  private Failures() {}

  /** A failure at a path or address. */
  static CommandFailure at(String where, Exception e) {
    return new CommandFailure(ExitCodes.FAILED, where + ": " + words(e), e);
  }

  /** What went wrong, without where. */
  static String words(Exception e) {
    return e instanceof EggsException eggs ? words(eggs.code()) : CommandRunner.describe(e);
  }

  static boolean isNotFound(EggsException e) {
    return switch (e.code()) {
      case FILE_NOT_FOUND, DIRECTORY_NOT_FOUND, NAME_NOT_FOUND, EDGE_NOT_FOUND -> true;
      default -> false;
    };
  }

  static String words(ErrorCode code) {
    return switch (code) {
      case FILE_NOT_FOUND, DIRECTORY_NOT_FOUND, NAME_NOT_FOUND, EDGE_NOT_FOUND ->
          "no such file or directory";
      case OLD_DIRECTORY_NOT_FOUND, NEW_DIRECTORY_NOT_FOUND -> "no such directory";
      case TYPE_IS_DIRECTORY -> "is a directory";
      case TYPE_IS_NOT_DIRECTORY -> "is not a directory";
      case CANNOT_OVERRIDE_NAME -> "exists already";
      case DIRECTORY_NOT_EMPTY -> "directory is not empty";
      case LOOP_IN_DIRECTORY_RENAME -> "cannot move a directory into itself";
      case COULD_NOT_PICK_BLOCK_SERVICES ->
          "not enough block services to write to; see 'eggs cli blockservices'";
      case TIMEOUT -> "no answer in time; is the instance running? (eggs cli shards)";
      default -> code.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    };
  }
}
