package org.eggsfs.run;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.EggsCli;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.cli.Logging;

/**
 * Does once what commands and servers do at their start, so that the build can keep the loaded
 * classes in a cache (see {@code assemble.sh}). Works in a temporary folder on any free ports.
 */
final class Training {
  private static final long READY_SECONDS_MAX = 30;
  private static final int SERVERS = 14;

  private Training() {}

  static int run() throws IOException, CommandFailure {
    Logging.level("error");
    Path folder = Files.createTempDirectory("eggs-training-");
    PrintStream out = System.out;
    System.setOut(new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8));
    try {
      InstanceOptions options = new InstanceOptions();
      options.dataDir = folder.resolve("data");
      options.shucklePort = 0;
      options.failureDomains = SERVERS;
      options.hddBlockServices = 0;
      options.flashBlockServices = 1;
      options.reservedStorage = 0;
      try (LocalInstance instance = LocalInstance.start(options, new Lifetime())) {
        long end = System.nanoTime() + READY_SECONDS_MAX * 1_000_000_000L;
        while (!instance.isReady()) {
          if (System.nanoTime() > end) {
            return ExitCodes.FAILED;
          }
          LockSupport.parkNanos(10_000_000);
        }
        return commands("127.0.0.1:" + instance.shuckleAddress().getPort(), folder);
      }
    } finally {
      System.setOut(out);
      try (Stream<Path> tree = Files.walk(folder)) {
        for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  private static int commands(String shuckle, Path folder) throws IOException {
    Path local = folder.resolve("local");
    Files.createDirectories(local);
    Files.write(local.resolve("small"), new byte[100]);
    Files.write(local.resolve("large"), new byte[300_000]);
    List<List<String>> commands =
        List.of(
            List.of("mkdir", "-p", "/a/b"),
            List.of("cp", "-r", "-v", local.toString(), "eggs:/a"),
            List.of("cp", "-r", "eggs:/a", folder.resolve("back").toString()),
            List.of("ls", "-l", "/a/local"),
            List.of("ls", "--json", "/"),
            List.of("stat", "--blocks", "/a/local/large"),
            List.of("stat", "/a"),
            List.of("find", "/"),
            List.of("du", "/"),
            List.of("df"),
            List.of("shards"),
            List.of("cdc"),
            List.of("blockservices"),
            List.of("get-policy", "/a"),
            List.of("mv", "/a/local/small", "/a/b"),
            List.of("rm", "-r", "/a"),
            List.of("--help"));
    int worst = ExitCodes.OK;
    for (List<String> command : commands) {
      List<String> args = new java.util.ArrayList<>(List.of("--shuckle", shuckle));
      args.addAll(command);
      worst = Math.max(worst, EggsCli.run(args.toArray(String[]::new)));
    }
    return worst;
  }
}
