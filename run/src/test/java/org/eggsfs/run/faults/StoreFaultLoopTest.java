package org.eggsfs.run.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Goal: whichever call to a file fails, below RocksDB too, nothing acknowledged is lost, nothing is
 * acknowledged that is not durable, and a restart works. Method: {@link FaultLoop} in a process of
 * its own with {@code src/test/native/faults.c} preloaded.
 *
 * <p>Only every so many calls are tried; with {@code -Deggs.faults=all}, every one. Without a C
 * compiler nothing is.
 */
class StoreFaultLoopTest {
  private static final boolean IS_WHOLE = "all".equals(System.getProperty("eggs.faults"));
  private static final int MINUTES_MAX = IS_WHOLE ? 180 : 10;

  @TempDir Path directory;

  /** Steps are prime, so that kinds try different calls. */
  @ParameterizedTest
  @CsvSource({
    "store, 47, 300, 100, 40",
    "shard, 101, 200, 60, 20",
    "shuckle, 101, 200, 60, 20",
    "cdc, 101, 200, 60, 20"
  })
  void eachCallMayFail(String subject, int step, int callsMin, int changesMin, int writesMin)
      throws IOException, InterruptedException {
    String output = run(subject, IS_WHOLE ? 1 : step, 0);
    int loops = 0;
    for (String line : output.lines().toList()) {
      String[] words = line.split(" ");
      if (words.length == 3
          && words[0].chars().allMatch(c -> c == '_' || Character.isUpperCase(c))) {
        loops++;
        int atLeast =
            switch (FileFaults.Kind.valueOf(words[0])) {
              case FULL_ONCE, FULL_FOR_GOOD -> changesMin;
              case SHORT_WRITE -> writesMin;
              default -> callsMin;
            };
        assertTrue(Integer.parseInt(words[1]) >= atLeast, line);
      }
    }
    assertEquals(FileFaults.Kind.values().length - 1, loops, output);
  }

  @Test
  void aStoreThatForgetsToSyncIsFound() throws IOException, InterruptedException {
    String output = run("forgetful", 47, 1);
    assertTrue(output.contains("DEATH at call"), output);
    assertTrue(output.contains("acknowledged"), output);
  }

  /** What the loop printed. */
  private String run(String subject, int step, int status)
      throws IOException, InterruptedException {
    Path library = directory.resolve("libfaults.so");
    assumeTrue(FileFaults.compile(Path.of("src/test/native/faults.c"), library), "no C compiler");
    Path log = directory.resolve("log");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "--add-modules",
            "jdk.incubator.vector",
            "-cp",
            System.getProperty("java.class.path"),
            FaultLoop.class.getName(),
            library.toString(),
            Files.createDirectories(directory.resolve("data")).toString(),
            subject,
            String.valueOf(step));
    builder.environment().put("LD_PRELOAD", library.toString());
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    boolean ended = process.waitFor(MINUTES_MAX, TimeUnit.MINUTES);
    process.destroyForcibly().waitFor();
    String output = Files.readString(log);
    assertTrue(ended, output);
    assertEquals(status, process.exitValue(), output);
    return output;
  }
}
