package org.eggsfs.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.logging.ConsoleHandler;
import java.util.logging.FileHandler;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Sets up what {@link System.Logger} writes to: standard error or a file, one line per message. */
public final class Logging {
  private static final Logger ROOT = Logger.getLogger("");

  /** Ours; what the JDK says below INFO is of no interest to an operator. Kept from collection. */
  private static final Logger OURS = Logger.getLogger("org.eggsfs");

  private static final int LOG_FILE_BYTES_MAX = 64 << 20;
  private static final int LOG_FILES_MAX = 4;

  private Logging() {}

  /** Log lines of at least this level ({@code trace debug info error}) to standard error. */
  public static void level(String name) {
    install(new ConsoleHandler(), level0(name));
  }

  /** Log lines of at least this level to a file, appending. */
  public static void file(Path file, String name) throws CommandFailure {
    try {
      install(
          new FileHandler(file.toString(), LOG_FILE_BYTES_MAX, LOG_FILES_MAX, true), level0(name));
    } catch (IOException e) {
      throw new CommandFailure("cannot write log file " + file + ": " + e.getMessage());
    }
  }

  private static Level level0(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "trace" -> Level.FINEST;
      case "debug" -> Level.FINE;
      case "info" -> Level.INFO;
      case "error" -> Level.WARNING;
      default ->
          throw new IllegalArgumentException(
              "log level '" + name + "'; there are trace, debug, info and error");
    };
  }

  private static void install(Handler handler, Level level) {
    for (Handler old : ROOT.getHandlers()) {
      ROOT.removeHandler(old);
    }
    handler.setFormatter(new Line());
    handler.setLevel(level);
    ROOT.addHandler(handler);
    ROOT.setLevel(level.intValue() < Level.INFO.intValue() ? Level.INFO : level);
    OURS.setLevel(level);
  }

  private static final class Line extends Formatter {
    private static final DateTimeFormatter TIME =
        DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS", Locale.ROOT)
            .withZone(ZoneId.systemDefault());

    @Override
    public String format(LogRecord record) {
      StringBuilder line = new StringBuilder();
      String logger = record.getLoggerName() == null ? "" : record.getLoggerName();
      line.append(TIME.format(record.getInstant()))
          .append(' ')
          .append(name(record.getLevel()))
          .append(' ')
          .append(logger.substring(logger.lastIndexOf('.') + 1))
          .append(": ")
          .append(formatMessage(record));
      for (Throwable t = record.getThrown(); t != null; t = t.getCause()) {
        line.append(": ").append(t);
      }
      if (record.getThrown() != null && OURS.isLoggable(Level.FINE)) {
        for (StackTraceElement frame : record.getThrown().getStackTrace()) {
          line.append("\n    at ").append(frame);
        }
      }
      return line.append('\n').toString();
    }

    private static String name(Level level) {
      if (level.intValue() >= Level.SEVERE.intValue()) {
        return "ERROR";
      }
      if (level.intValue() >= Level.WARNING.intValue()) {
        return "WARN";
      }
      return level.intValue() >= Level.INFO.intValue() ? "INFO" : "DEBUG";
    }
  }
}
