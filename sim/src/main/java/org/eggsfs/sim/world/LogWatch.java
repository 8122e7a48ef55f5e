package org.eggsfs.sim.world;

import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/**
 * Listens to what the servers' code logs. An engine survives any exception and logs it as an error:
 * in a simulation that is a failure. Everything else is not for the simulator's output.
 */
final class LogWatch {
  private static final ThreadLocal<List<String>> ERRORS = ThreadLocal.withInitial(ArrayList::new);

  /** Kept, since the logging system forgets loggers that nobody holds. */
  private static final Logger LOGGER = Logger.getLogger("org.eggsfs");

  static {
    LOGGER.setUseParentHandlers(false);
    LOGGER.addHandler(new Watcher());
  }

  private LogWatch() {}

  /** The errors that this thread logs from now on. */
  static List<String> errors() {
    List<String> errors = ERRORS.get();
    errors.clear();
    return errors;
  }

  private static final class Watcher extends Handler {
    @Override
    public void publish(LogRecord logged) {
      if (logged.getLevel().intValue() >= Level.SEVERE.intValue()) {
        String text = logged.getMessage();
        for (Throwable t = logged.getThrown(); t != null; t = t.getCause()) {
          text += ": " + t + " at " + (t.getStackTrace().length == 0 ? "?" : t.getStackTrace()[0]);
        }
        ERRORS.get().add(text);
      }
    }

    @Override
    public void flush() {
      // Nothing is buffered.
    }

    @Override
    public void close() {
      // Nothing is open.
    }
  }
}
