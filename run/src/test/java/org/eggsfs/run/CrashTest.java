package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.eggsfs.cli.ExitCodes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: an instance of many processes bears the loss of four block servers, and keeps every file
 * that a copy has reported when all its processes are killed at once. Method: real processes and
 * {@code SIGKILL}; afterwards the same data directory in this process.
 */
class CrashTest {
  private static final int FILES = 400;
  private static final int REPORTED_BEFORE_CRASH = 60;
  private static final long READY_SECONDS_MAX = 120;

  @TempDir private Path folder;

  @Test
  void blockServersAndThenEverythingKilled() throws Exception {
    InstanceOptions options = InstanceTest.options(folder);
    Path tree = folder.resolve("tree");
    Files.createDirectories(tree);
    SplittableRandom random = new SplittableRandom(7);
    int[] sizes = {100, 5_000, 60_000, 300_000};
    for (int i = 0; i < FILES; i++) {
      Trees.makeFile(tree.resolve("f" + i), sizes[i % sizes.length], random);
    }
    Path first = folder.resolve("first");
    Files.createDirectories(first);
    for (int i = 0; i < 40; i++) {
      Trees.makeFile(first.resolve("g" + i), sizes[i % sizes.length], random);
    }

    List<String> reported = new ArrayList<>();
    try (ProcessInstance instance =
        ProcessInstance.start(options, false, "error", new Lifetime())) {
      long end = System.nanoTime() + READY_SECONDS_MAX * 1_000_000_000L;
      while (!instance.isReady()) {
        assertTrue(System.nanoTime() < end, "the instance did not become ready");
        Thread.sleep(20);
      }
      InstanceLayout layout = new InstanceLayout(options.dataDir);
      String shuckle = "127.0.0.1:" + instance.shuckleAddress().getPort();
      assertEquals(0, cli(shuckle, "cp", "-r", first.toString(), "eggs:/first").waitFor());
      for (int server : new int[] {1, 4, 7, 11}) {
        kill(layout.pids().resolve(InstanceLayout.blockServer(server) + ".pid"));
      }
      Path out = folder.resolve("out");
      assertEquals(0, cli(shuckle, "cp", "-r", "eggs:/first", out.toString()).waitFor());
      Trees.assertSame(first, out);
    }

    try (ProcessInstance instance =
        ProcessInstance.start(options, false, "error", new Lifetime())) {
      long end = System.nanoTime() + READY_SECONDS_MAX * 1_000_000_000L;
      while (!instance.isReady()) {
        assertTrue(System.nanoTime() < end, "the instance did not become ready again");
        Thread.sleep(20);
      }
      InstanceLayout layout = new InstanceLayout(options.dataDir);
      String shuckle = "127.0.0.1:" + instance.shuckleAddress().getPort();
      Process copy = cli(shuckle, "cp", "-r", "-v", tree.toString(), "eggs:/tree");
      try (BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(copy.getInputStream(), StandardCharsets.UTF_8))) {
        for (String line = lines.readLine();
            line != null && reported.size() < REPORTED_BEFORE_CRASH;
            line = lines.readLine()) {
          reported.add(line.substring(line.lastIndexOf('/') + 1));
        }
        killAll(layout.pids());
        // Not through the process object: that would close what it has still to say.
        copy.toHandle().destroyForcibly();
        // What was said before the end counts too.
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          reported.add(line.substring(line.lastIndexOf('/') + 1));
        }
      }
    }
    assertTrue(reported.size() >= REPORTED_BEFORE_CRASH, "reported " + reported.size());

    try (LocalInstance instance = InstanceTest.startReady(options)) {
      Cli cli = new Cli(instance);
      Path out = folder.resolve("after");
      cli.ok("cp", "-r", "eggs:/tree", out.toString());
      for (String name : reported) {
        assertTrue(Files.exists(out.resolve(name)), name + " was reported and is gone");
      }
      try (Stream<Path> files = Files.list(out)) {
        for (Path file : files.toList()) {
          assertArrayEquals(
              Files.readAllBytes(tree.resolve(file.getFileName())),
              Files.readAllBytes(file),
              file + " is not whole");
        }
      }
      String check = cli.ok("fsck");
      assertTrue(check.contains("clean"), check);
    }
    assertEquals(ExitCodes.OK, Eggs.start("fsck", "--data-dir", options.dataDir.toString()));
  }

  private Process cli(String shuckle, String... args) throws Exception {
    List<String> command = new ArrayList<>(ChildCommand.of("cli", folder));
    command.addAll(List.of("--shuckle", shuckle));
    command.addAll(List.of(args));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  private static void killAll(Path pids) throws Exception {
    try (Stream<Path> files = Files.list(pids)) {
      List<Path> all = files.toList();
      assertFalse(all.isEmpty());
      for (Path file : all) {
        kill(file);
      }
    }
  }

  private static void kill(Path pidFile) throws Exception {
    long pid = Long.parseLong(Files.readString(pidFile).strip());
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
  }
}
