package org.eggsfs.cli;

/** What a command exits with (cli.md section 5). */
public final class ExitCodes {
  /** Everything asked for was done. */
  public static final int OK = 0;

  /** The operation failed. */
  public static final int FAILED = 1;

  /** The command line is wrong. */
  public static final int USAGE = 2;

  /** Some of it was done, some failed. */
  public static final int PARTIAL = 3;

  private ExitCodes() {}
}
