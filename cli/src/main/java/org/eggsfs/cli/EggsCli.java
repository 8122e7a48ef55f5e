package org.eggsfs.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The users' and operators' command line. */
@Command(
    name = "eggscli",
    mixinStandardHelpOptions = true,
    version = "EggsFS 0.1.0",
    sortOptions = false,
    description = "Commands of EggsFS, a distributed file system for immutable files.",
    footer = {
      "",
      "Paths are written /a/b or eggs:/a/b. Exit codes: 0 done, 1 failed, 2 wrong usage,"
          + " 3 partly done."
    },
    subcommands = {
      ListCommand.class,
      StatCommand.class,
      MakeDirectoryCommand.class,
      MoveCommand.class,
      RemoveCommand.class,
      LinkCommand.class,
      CatCommand.class,
      CopyCommand.class,
      FindCommand.class,
      DiskUsageCommand.class,
      DiskFreeCommand.class,
      ShardsCommand.class,
      CdcCommand.class,
      BlockServicesCommand.class,
      GetPolicyCommand.class,
      SetPolicyCommand.class,
      ShardRequestCommand.class,
      CdcRequestCommand.class,
      FsckCommand.class,
      CompletionCommand.class
    })
public final class EggsCli implements Runnable, ClusterOwner {
  @Mixin private ClusterOptions cluster;

  @Spec private CommandSpec spec;

  /** Runs a command; the result is the exit code. */
  public static int run(String... args) {
    return CommandRunner.run(new EggsCli(), args);
  }

  @Override
  public ClusterOptions cluster() {
    return cluster;
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "which command? " + String.join(", ", spec.subcommands().keySet()));
  }
}
