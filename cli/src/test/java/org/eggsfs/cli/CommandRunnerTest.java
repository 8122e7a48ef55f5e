package org.eggsfs.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.Callable;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.metadata.RetryPolicy;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Goal: the house's command line habits. Method: a small command with one option of each form. */
class CommandRunnerTest {
  @Command(name = "probe")
  static final class Probe implements Callable<Integer> {
    @Option(names = "--data-dir")
    String dataDir = "";

    @Option(names = {"-r", "--recursive"})
    boolean recursive;

    @Option(names = "-v")
    boolean verbose;

    @Override
    public Integer call() throws Exception {
      if (dataDir.equals("fail")) {
        throw new CommandFailure(ExitCodes.PARTIAL, "said so");
      }
      if (dataDir.equals("crash")) {
        throw new IllegalStateException("a bug");
      }
      return recursive && verbose ? 40 : ExitCodes.OK;
    }
  }

  @Test
  void longOptionsTakeOneDashOrTwo() {
    assertArrayEquals(
        new String[] {"--data-dir", "x", "--data-dir=y", "-rv", "--", "-data-dir"},
        CommandRunner.normalise(
            new CommandLine(new Probe()),
            "-data-dir",
            "x",
            "-data-dir=y",
            "-rv",
            "--",
            "-data-dir"));
    assertEquals(40, CommandRunner.run(new Probe(), "-rv"));
  }

  @Test
  void onlyTheNamedCommandIsRead() {
    assertEquals(1, EggsCli.commandLine("ls", "cp").getSubcommands().size());
    assertEquals(
        Set.of("ls"),
        EggsCli.commandLine("-shuckle", "cp", "--verbose", "--mtu=max", "ls", "/")
            .getSubcommands()
            .keySet());
    assertEquals(47, EggsCli.commandLine("--help").getSubcommands().size());
    assertEquals(47, EggsCli.commandLine("nonsense").getSubcommands().size());
    assertEquals(47, EggsCli.commandLine("completion").getSubcommands().size());
  }

  @Test
  void everyCommandHelps() {
    for (String command : EggsCli.commandLine("--help").getSubcommands().keySet()) {
      for (String help : new String[] {"-h", "--help"}) {
        CommandLine line = EggsCli.commandLine(command, help);
        assertTrue(
            line.parseArgs(command, help).subcommand().isUsageHelpRequested(),
            command + " " + help);
      }
    }
  }

  @Test
  void optionsOfTheClusterHoldForAnAddressGivenElsewhereToo() throws Exception {
    RetryPolicy patient = RetryPolicy.SHARD.withOverall(Duration.ofMinutes(1));
    ClientConfig silent = cluster("df").config("127.0.0.1:2", patient, RetryPolicy.CDC).build();
    assertEquals(patient, silent.shardRetry());
    ClientConfig told =
        cluster("df", "--shard-overall-timeout", "10s", "--mtu", "2000")
            .config("127.0.0.1:2", patient, RetryPolicy.CDC)
            .build();
    assertEquals(RetryPolicy.SHARD.withOverall(Duration.ofSeconds(10)), told.shardRetry());
    assertEquals(2000, told.mtu());
  }

  private static ClusterOptions cluster(String... args) {
    CommandLine line = EggsCli.commandLine(args);
    line.parseArgs(args);
    return ((ClusterOwner) line.getCommand()).cluster();
  }

  @Test
  void clusterOptionsStandBeforeOrBehindTheCommand() {
    for (String[] args :
        new String[][] {
          {"-shuckle", "127.0.0.1:1", "df", "-json"}, {"df", "--json", "--shuckle=127.0.0.1:1"}
        }) {
      CommandLine line = EggsCli.commandLine(args);
      line.parseArgs(CommandRunner.normalise(line, args));
      assertEquals("127.0.0.1:1", ((ClusterOwner) line.getCommand()).cluster().shuckle());
    }
  }

  @Test
  void exitCodes() {
    assertEquals(ExitCodes.OK, CommandRunner.run(new Probe()));
    assertEquals(ExitCodes.USAGE, CommandRunner.run(new Probe(), "-nonsense"));
    assertEquals(ExitCodes.PARTIAL, CommandRunner.run(new Probe(), "-data-dir", "fail"));
    assertEquals(ExitCodes.FAILED, CommandRunner.run(new Probe(), "-data-dir", "crash"));
  }
}
