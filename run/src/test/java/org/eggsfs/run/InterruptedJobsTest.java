package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a long command that Ctrl-C stops says how to go on, one that {@code kill -9} ends loses
 * little, and going on visits what is left, not everything. Method: the command in a process of its
 * own, so slow that it cannot be done when the signal comes.
 */
class InterruptedJobsTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int FILES = 240;
  private static final int FILE_SIZE = 3_000;

  /** What the cursors say of a shard that is done. */
  private static final String DONE = " ffffffffffffffff";

  private static final long PATIENCE_NANOS = 60_000_000_000L;

  @TempDir private Path folder;
  private LocalInstance instance;

  @BeforeEach
  void start() throws Exception {
    InstanceOptions options = InstanceTest.options(folder);
    options.noGc = true;
    instance = InstanceTest.startReady(options);
    try (EggsClient client =
        EggsClient.connect(ClientConfig.builder().shuckle(instance.shuckleAddress()).build())) {
      new StoredFiles(client).make("d", FILES, FILE_SIZE);
    }
  }

  @AfterEach
  void stop() {
    instance.close();
  }

  /** A scrub that would take a minute, with what it says in a file. */
  private Process slowScrub(Path cursor, Path output) throws Exception {
    // A test that was started in the background inherits that interrupts are ignored.
    List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
    command.addAll(ChildCommand.of("cli", folder));
    command.addAll(
        List.of(
            "--shuckle",
            "127.0.0.1:" + instance.shuckleAddress().getPort(),
            "scrub",
            "--json",
            "--bytes-per-second",
            Long.toString((long) FILES * FILE_SIZE / 10),
            "--cursor",
            cursor.toString()));
    return new ProcessBuilder(command)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .redirectOutput(output.toFile())
        .start();
  }

  /** Waits until the cursors of some shards say that these are done. */
  private static void awaitDoneShards(Path cursor) throws Exception {
    long end = System.nanoTime() + PATIENCE_NANOS;
    while (!Files.exists(cursor)
        || Files.readAllLines(cursor).stream().noneMatch(line -> line.endsWith(DONE))) {
      assertTrue(System.nanoTime() < end, "no cursors are saved");
      Thread.sleep(50);
    }
  }

  private JsonNode goOn(Path cursor) throws Exception {
    return JSON.readTree(new Cli(instance).ok("scrub", "--json", "--cursor", cursor.toString()));
  }

  @Test
  void stoppedAndKilledScrubsAreGoneOnWith() throws Exception {
    Path stoppedCursor = folder.resolve("stopped.cursor");
    Path killedCursor = folder.resolve("killed.cursor");
    Path said = folder.resolve("said");
    Process stopped = slowScrub(stoppedCursor, said);
    awaitDoneShards(stoppedCursor);
    new ProcessBuilder("kill", "-INT", Long.toString(stopped.pid())).start().waitFor();
    stopped.waitFor();
    Process killed = slowScrub(killedCursor, folder.resolve("unsaid"));
    awaitDoneShards(killedCursor);
    killed.destroyForcibly().waitFor();

    JsonNode first = JSON.readTree(Files.readString(said));
    assertTrue(first.path("stopped").asBoolean(), first.toString());
    String resuming = first.path("resuming").asText();
    assertTrue(resuming.contains("--cursor " + stoppedCursor), resuming);
    long before = first.path("visited_files").asLong();
    assertTrue(before > 0 && before < FILES, first.toString());

    JsonNode rest = goOn(stoppedCursor);
    assertFalse(rest.path("stopped").asBoolean());
    long after = rest.path("visited_files").asLong();
    assertTrue(after < FILES, after + " files after " + before);
    assertTrue(before + after >= FILES, "files are left out: " + before + " and " + after);
    assertFalse(Files.exists(stoppedCursor), "a job that is done leaves no cursor");
    assertEquals(FILES, goOn(stoppedCursor).path("visited_files").asLong());

    long afterKill = goOn(killedCursor).path("visited_files").asLong();
    assertTrue(afterKill > 0 && afterKill < FILES, afterKill + " files again");
  }
}
