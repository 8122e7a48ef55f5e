package org.eggsfs.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.eggsfs.cli.CommandFailure;

/** An instance in a process of its own and a temporary folder, gone when it is closed. */
final class TemporaryInstance implements AutoCloseable {
  private static final Pattern READY = Pattern.compile("ready .*shuckle at ([^ ,]+).*");
  private static final long STOP_SECONDS_MAX = 20;

  private final Path folder;
  private final Process process;
  private final String address;

  private TemporaryInstance(Path folder, Process process, String address) {
    this.folder = folder;
    this.process = process;
    this.address = address;
  }

  static TemporaryInstance start() throws IOException, CommandFailure {
    String home = System.getProperty("eggsfs.home");
    if (home == null) {
      throw new CommandFailure("--start works only through the launcher (./eggs bench)");
    }
    Path folder = Files.createTempDirectory("eggs-bench-");
    Process process =
        new ProcessBuilder(
                Path.of(home, "bin", "eggsrun").toString(),
                "--data-dir",
                folder.toString(),
                "--shuckle-port",
                "0",
                "--no-mount")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      Matcher ready = READY.matcher(line);
      if (ready.matches()) {
        return new TemporaryInstance(folder, process, ready.group(1));
      }
    }
    throw new CommandFailure("the instance did not become ready");
  }

  String address() {
    return address;
  }

  @Override
  public void close() throws IOException {
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS_MAX, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
