package org.eggsfs.cli;

/** A command that cannot do what it was asked; the message names the path or address and why. */
public final class CommandFailure extends Exception {
  private static final long serialVersionUID = 1;

  private final int exitCode;

  /** The operation failed (exit code 1). */
  public CommandFailure(String message) {
    this(ExitCodes.FAILED, message, null);
  }

  /** A failure with an exit code of {@link ExitCodes}. */
  public CommandFailure(int exitCode, String message) {
    this(exitCode, message, null);
  }

  /** A failure with an exit code of {@link ExitCodes} and what led to it. */
  public CommandFailure(int exitCode, String message, Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
  }

  /** What the process exits with. */
  public int exitCode() {
    return exitCode;
  }
}
