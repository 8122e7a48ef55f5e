package org.eggsfs.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Set;
import java.util.concurrent.Callable;
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
