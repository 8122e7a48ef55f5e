package org.eggsfs.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import picocli.CommandLine;

/**
 * Runs any command of the house the same way: long options with one dash or two, exit codes, and
 * errors as one line on standard error; stack traces only with {@code --trace}.
 */
public final class CommandRunner {
  private CommandRunner() {}

  /** Runs {@code command} with {@code args}; the result is the exit code. */
  public static int run(Object command, String... args) {
    return run(new CommandLine(command), args);
  }

  /** Runs a command line that is complete with all its subcommands. */
  static int run(CommandLine line, String... args) {
    style(line);
    return line.execute(normalise(line, args));
  }

  private static void style(CommandLine line) {
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setParameterExceptionHandler(
        (exception, args) -> {
          CommandLine failed = exception.getCommandLine();
          error(failed.getCommandSpec().qualifiedName(), exception.getMessage());
          System.err.println(
              "Try '" + failed.getCommandSpec().qualifiedName() + " --help' for its options.");
          return ExitCodes.USAGE;
        });
    line.setExecutionExceptionHandler(
        (exception, failed, result) -> {
          if (result.expandedArgs().contains("--trace")) {
            exception.printStackTrace();
          }
          error(failed.getCommandSpec().root().name(), describe(exception));
          return exception instanceof CommandFailure failure
              ? failure.exitCode()
              : ExitCodes.FAILED;
        });
  }

  /**
   * Gives long options written with one dash their second one: {@code -data-dir} is {@code
   * --data-dir}. Only names that the command has are touched, so clusters of short options stay
   * what they are.
   */
  static String[] normalise(CommandLine line, String... args) {
    Set<String> longNames = new HashSet<>();
    List<CommandLine> lines = new ArrayList<>(List.of(line));
    for (int i = 0; i < lines.size(); i++) {
      CommandLine next = lines.get(i);
      next.getCommandSpec().options().forEach(option -> longNames.addAll(List.of(option.names())));
      for (CommandLine sub : next.getSubcommands().values()) {
        if (!lines.contains(sub)) {
          lines.add(sub);
        }
      }
    }
    String[] result = args.clone();
    for (int i = 0; i < result.length; i++) {
      String arg = result[i];
      if (arg.equals("--")) {
        break;
      }
      if (arg.length() > 2 && arg.charAt(0) == '-' && arg.charAt(1) != '-') {
        int end = arg.indexOf('=');
        String name = "-" + (end < 0 ? arg : arg.substring(0, end));
        if (longNames.contains(name)) {
          result[i] = "-" + arg;
        }
      }
    }
    return result;
  }

  /** One line for people: what failed and, where we know it, what to do. */
  static String describe(Throwable failure) {
    if (failure instanceof CommandFailure) {
      return failure.getMessage();
    }
    if (failure instanceof EggsException eggs) {
      return eggs.getMessage() == null ? describe(eggs.code()) : eggs.getMessage();
    }
    if (failure instanceof IOException) {
      return failure.getMessage() == null
          ? failure.getClass().getSimpleName()
          : failure.getMessage();
    }
    return failure.getMessage() == null
        ? failure.toString()
        : failure.getClass().getSimpleName() + ": " + failure.getMessage();
  }

  /** An error code as words: {@code name not found}. */
  static String describe(ErrorCode code) {
    return code.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ');
  }

  static void error(String command, String message) {
    // A name in it must not break the line or reach the terminal with control characters.
    System.err.println(command + ": " + EggsPath.printable(message));
  }
}
