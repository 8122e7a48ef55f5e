package org.eggsfs.run.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** Runs programs in a directory of the mount, as a user would. */
final class Shell {
  /** A program that takes longer hangs. */
  private static final long SECONDS_MAX = 60;

  /** What a program did; a signal counts as 128 plus its number. */
  record Ran(int exitCode, String output, String errors) {
    /** Fails unless the program succeeded without a word on standard error. */
    Ran ok() {
      assertEquals(0, exitCode, errors + output);
      assertEquals("", errors);
      return this;
    }
  }

  private final Path directory;

  Shell(Path directory) {
    this.directory = directory;
  }

  /** Skips the test, with a reason, where a program is not installed. */
  static void assumeInstalled(String... programs) {
    for (String program : programs) {
      Assumptions.assumeTrue(find(program), program + " is not installed");
    }
  }

  private static boolean find(String program) {
    return Stream.of(System.getenv().getOrDefault("PATH", "/usr/bin:/bin").split(":"))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
  }

  /** Runs a script of bash, with no signal ignored, as tests in the background inherit it. */
  Ran bash(String script) throws IOException, InterruptedException {
    return run("env", "--default-signal", "bash", "-c", script);
  }

  /** Runs a script of the plain POSIX shell. */
  Ran sh(String script) throws IOException, InterruptedException {
    return run("sh", "-c", script);
  }

  Ran python(String script) throws IOException, InterruptedException {
    assumeInstalled("python3");
    return run("python3", "-c", script);
  }

  Ran run(String... command) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(List.of(command));
    ProcessBuilder builder = new ProcessBuilder(all).directory(directory.toFile());
    builder.environment().put("LC_ALL", "C.UTF-8");
    Process process = builder.start();
    process.getOutputStream().close();
    CompletableFuture<String> output =
        CompletableFuture.supplyAsync(() -> read(process.getInputStream()));
    CompletableFuture<String> errors =
        CompletableFuture.supplyAsync(() -> read(process.getErrorStream()));
    if (!process.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      assertTrue(process.destroyForcibly().waitFor(SECONDS_MAX, TimeUnit.SECONDS), "unkillable");
      throw new AssertionError(all + " hangs: " + output.join() + errors.join());
    }
    return new Ran(process.exitValue(), output.join(), errors.join());
  }

  private static String read(InputStream in) {
    try (in) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
