package org.eggsfs.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code completion}: a script that completes commands and options in a shell. */
@Command(
    name = "completion",
    mixinStandardHelpOptions = true,
    description = "Print a completion script for bash and zsh: source <(eggscli completion).")
final class CompletionCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws CommandFailure {
    System.out.print(AutoComplete.bash("eggscli", spec.root().commandLine()));
    if (System.out.checkError()) {
      throw new CommandFailure("cannot write standard output");
    }
    return ExitCodes.OK;
  }
}
