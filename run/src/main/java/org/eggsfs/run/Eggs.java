package org.eggsfs.run;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.bench.BenchCommand;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.CommandRunner;
import org.eggsfs.cli.EggsCli;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.sim.SimCommand;
import org.eggsfs.tests.TestsCommand;

/** The one entry of the distribution: the first argument is the role, the rest is the role's. */
public final class Eggs {
  private static final String USAGE =
      """
      usage: eggs ROLE [OPTIONS]

        run       a whole instance on this machine (eggs run --help)
        cli       users' and operators' commands (eggs cli --help)
        shard     metadata shards
        cdc       the cross-directory coordinator
        blocks    a block server
        shuckle   the nameserver
        gc        the daemon that removes what was deleted, repairs and migrates
        fuse      mount a cluster on a directory (eggs fuse --help)
        bench     measure a running instance (eggs bench --help)
        sim       simulate the metadata plane from seeds (eggs sim --help)
        tests     integration tests of real clusters with faults (eggs tests --help)
        fsck      check the data of a running or stopped instance
        verify-equal  compare the metadata of two stopped instances
        test      build and run all tests (source tree only)
        build     build if needed (source tree only)
        help      this text

      The same roles are commands of their own in bin/: eggsrun, eggscli, eggsshard, eggscdc,
      eggsblocks, eggsshuckle, eggsgc, eggsfuse, eggstests. Long options take one dash or two.
      """;

  private Eggs() {}

  /** Starts a role and exits with its code. */
  public static void main(String[] args) {
    String role = args.length == 0 ? "help" : args[0];
    String[] rest = args.length == 0 ? args : Arrays.copyOfRange(args, 1, args.length);
    System.exit(start(role, rest));
  }

  /** For the build only, therefore not in the list of roles. */
  private static int train() {
    try {
      return Training.run();
    } catch (IOException | CommandFailure e) {
      System.err.println("eggs: " + e.getMessage());
      return ExitCodes.FAILED;
    }
  }

  /** What mount(8) calls: {@code mount.fuse.eggsfs SOURCE DIR [-sfnv] [-o OPTIONS]}. */
  private static int mount(String... args) {
    List<String> mine = new ArrayList<>(List.of("--background"));
    for (String arg : args) {
      // Sloppy, no mtab, verbose: nothing to do for us.
      if (!List.of("-s", "-n", "-v").contains(arg)) {
        mine.add(arg);
      }
    }
    String[] all = mine.toArray(String[]::new);
    return CommandRunner.run(new FuseCommand(all), all);
  }

  static int start(String role, String... args) {
    return switch (role) {
      case "run" -> CommandRunner.run(new RunCommand(), args);
      case "cli" -> EggsCli.run(args);
      case "bench" -> BenchCommand.run(args);
      case "sim" -> SimCommand.run(args);
      case "tests" -> TestsCommand.run(args);
      case "fsck" -> CommandRunner.run(new FsckCommand(), args);
      case "verify-equal" -> CommandRunner.run(new VerifyEqualCommand(), args);
      case "shard" -> CommandRunner.run(new ShardCommand(), args);
      case "cdc" -> CommandRunner.run(new CdcCommand(), args);
      case "blocks" -> CommandRunner.run(new BlocksCommand(), args);
      case "shuckle" -> CommandRunner.run(new ShuckleCommand(), args);
      case "gc" -> CommandRunner.run(new GcCommand(), args);
      case "fuse" -> CommandRunner.run(new FuseCommand(args), args);
      case "mount" -> mount(args);
      case "train" -> train();
      case "help", "--help", "-h", "-help" -> {
        System.out.print(USAGE);
        yield ExitCodes.OK;
      }
      default -> {
        System.err.println("eggs: no role '" + role + "'");
        System.err.print(USAGE);
        yield ExitCodes.USAGE;
      }
    };
  }
}
