package org.eggsfs.run;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.cli.EggsCli;

/** Runs commands of the command line in this process and catches what they print. */
final class Cli {
  private final String shuckle;

  /** What a command did. */
  record Ran(int exitCode, String output, String errors) {}

  Cli(LocalInstance instance) {
    this.shuckle =
        instance.shuckleAddress().getAddress().getHostAddress()
            + ":"
            + instance.shuckleAddress().getPort();
  }

  /** Runs one command; standard output and error belong to the whole process meanwhile. */
  Ran run(String... args) {
    synchronized (Cli.class) {
      List<String> all = new ArrayList<>(List.of("--shuckle", shuckle));
      all.addAll(List.of(args));
      PrintStream outBefore = System.out;
      PrintStream errBefore = System.err;
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
      try {
        int exitCode = EggsCli.run(all.toArray(String[]::new));
        return new Ran(
            exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
      } finally {
        System.setOut(outBefore);
        System.setErr(errBefore);
      }
    }
  }

  /** Runs a command that must succeed; the result is what it printed. */
  String ok(String... args) {
    Ran ran = run(args);
    if (ran.exitCode() != 0) {
      throw new AssertionError(
          List.of(args) + " ended with " + ran.exitCode() + ": " + ran.errors() + ran.output());
    }
    return ran.output();
  }
}
