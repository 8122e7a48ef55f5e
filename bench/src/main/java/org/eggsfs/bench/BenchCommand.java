package org.eggsfs.bench;

import org.eggsfs.cli.ClusterOptions;
import org.eggsfs.cli.ClusterOwner;
import org.eggsfs.cli.CommandRunner;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code eggs bench}: figures of a running instance and of the codecs. */
@Command(
    name = "eggsbench",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Measure a running instance (or one made for it, with --start).",
    subcommands = {
      MetadataBench.class,
      DataBench.class,
      SmallFilesBench.class,
      RepairBench.class,
      MountBench.class,
      PassThroughCommand.class,
      CodecBench.class,
      JmhBench.class
    })
public final class BenchCommand implements Runnable, ClusterOwner {
  @Mixin private ClusterOptions cluster;

  @Spec private CommandSpec spec;

  /** Runs a benchmark; the result is the exit code. */
  public static int run(String... args) {
    return CommandRunner.run(new BenchCommand(), args);
  }

  @Override
  public ClusterOptions cluster() {
    return cluster;
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "which figures? " + String.join(", ", spec.subcommands().keySet()));
  }
}
