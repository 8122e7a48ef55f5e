package org.eggsfs.run;

import java.io.IOException;
import java.net.BindException;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;

/** Why a server does not start, with the remedy. */
final class StartFailures {
  private StartFailures() {}

  /** A failure to start; {@code portOption} is the option that chooses the port. */
  static CommandFailure explain(IOException e, String portOption) {
    String message = e.getMessage() == null ? e.toString() : e.getMessage();
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof BindException) {
        return new CommandFailure(
            ExitCodes.FAILED,
            message + "; is another instance running? Stop it or choose another " + portOption,
            e);
      }
    }
    return new CommandFailure(ExitCodes.FAILED, message, e);
  }
}
