package org.eggsfs.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
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
      "Paths are written /a/b or eggs:/a/b; those with control characters or bytes that are no"
          + " UTF-8 are shown, and may be given, as $'/a\\xe4'.",
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 partly done."
    })
public final class EggsCli implements Runnable, ClusterOwner {
  private static final Map<String, Supplier<Object>> COMMANDS = new LinkedHashMap<>();

  static {
    COMMANDS.put("ls", ListCommand::new);
    COMMANDS.put("stat", StatCommand::new);
    COMMANDS.put("mkdir", MakeDirectoryCommand::new);
    COMMANDS.put("mv", MoveCommand::new);
    COMMANDS.put("rm", RemoveCommand::new);
    COMMANDS.put("ln", LinkCommand::new);
    COMMANDS.put("cat", CatCommand::new);
    COMMANDS.put("cp", CopyCommand::new);
    COMMANDS.put("snapshots", SnapshotsCommand::new);
    COMMANDS.put("resurrect", ResurrectCommand::new);
    COMMANDS.put("find", FindCommand::new);
    COMMANDS.put("du", DiskUsageCommand::new);
    COMMANDS.put("df", DiskFreeCommand::new);
    COMMANDS.put("shards", ShardsCommand::new);
    COMMANDS.put("cdc", CdcCommand::new);
    COMMANDS.put("blockservices", BlockServicesCommand::new);
    COMMANDS.put("locations", LocationsCommand::new);
    COMMANDS.put("blockservice-flags", BlockServiceFlagsCommand::new);
    COMMANDS.put("decommission-blockservice", DecommissionBlockServiceCommand::new);
    COMMANDS.put("update-blockservice-path", UpdateBlockServicePathCommand::new);
    COMMANDS.put("migrate", MigrateCommand::new);
    COMMANDS.put("scrub", ScrubCommand::new);
    COMMANDS.put("scrub-file", ScrubFileCommand::new);
    COMMANDS.put("collect", CollectCommand::new);
    COMMANDS.put("destruct", DestructCommand::new);
    COMMANDS.put("defrag", DefragCommand::new);
    COMMANDS.put("defrag-spans", DefragSpansCommand::new);
    COMMANDS.put("migrate-status", MigrateStatusCommand::new);
    COMMANDS.put("file-health", FileHealthCommand::new);
    COMMANDS.put("at-risk", AtRiskCommand::new);
    COMMANDS.put("audit-blocks", AuditBlocksCommand::new);
    COMMANDS.put("verify-file", VerifyFileCommand::new);
    COMMANDS.put("file-locations", FileLocationsCommand::new);
    COMMANDS.put("count-files", CountFilesCommand::new);
    COMMANDS.put("file-sizes", FileSizesCommand::new);
    COMMANDS.put("resolve", ResolveCommand::new);
    COMMANDS.put("resolve-sample-paths", ResolveSamplePathsCommand::new);
    COMMANDS.put("get-policy", GetPolicyCommand::new);
    COMMANDS.put("set-policy", SetPolicyCommand::new);
    COMMANDS.put("set-dir-info", SetDirectoryInfoCommand::new);
    COMMANDS.put("remove-dir-info", RemoveDirectoryInfoCommand::new);
    COMMANDS.put("test-block-write", TestBlockWriteCommand::new);
    COMMANDS.put("write-block-req", WriteBlockRequestCommand::new);
    COMMANDS.put("shard-req", ShardRequestCommand::new);
    COMMANDS.put("cdc-req", CdcRequestCommand::new);
    COMMANDS.put("fsck", FsckCommand::new);
    COMMANDS.put("completion", CompletionCommand::new);
  }

  @Mixin private ClusterOptions cluster;

  @Spec private CommandSpec spec;

  /** Runs a command; the result is the exit code. */
  public static int run(String... args) {
    return CommandRunner.run(commandLine(args), args);
  }

  /**
   * The command line with the command that {@code args} name, or with all of them where none is
   * named. Reading the options of one command takes a few milliseconds, of all a tenth of a second.
   */
  static CommandLine commandLine(String... args) {
    CommandLine line = new CommandLine(new EggsCli());
    String named = commandName(line.getCommandSpec(), CommandRunner.normalise(line, args));
    boolean one = COMMANDS.containsKey(named) && !named.equals("completion");
    for (Map.Entry<String, Supplier<Object>> command : COMMANDS.entrySet()) {
      if (!one || command.getKey().equals(named)) {
        line.addSubcommand(command.getKey(), command.getValue().get());
      }
    }
    return line;
  }

  /** The first argument that is no option of the top command and no value of one. */
  private static String commandName(CommandSpec top, String... args) {
    for (int i = 0; i < args.length; i++) {
      if (!args[i].startsWith("-")) {
        return args[i];
      }
      OptionSpec option = top.findOption(args[i]);
      if (option != null && option.arity().max() > 0) {
        i++;
      }
    }
    return "";
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
