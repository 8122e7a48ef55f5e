package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Path;
import java.util.List;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.fuse.EggsMount;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: the suite of {@code eggs tests} works, and those scenarios of the short suite that need no
 * processes of their own hold in every build. Method: the command itself with a fixed seed; its
 * report must say so.
 */
class ShortSuiteTest {
  private static final List<String> ONE_PROCESS =
      List.of(
          "file history",
          "direct files",
          "parallel directories",
          "parallel write and readdir",
          "directory listing",
          "many files",
          "many directories",
          "scrub",
          "mount model",
          "name races",
          "directory races",
          "crash history",
          "packets name races");

  @TempDir private Path folder;

  @Test
  void theScenariosOfOneProcessHold() throws Exception {
    Path report = folder.resolve("report.json");
    int code =
        Eggs.start(
            "tests",
            "--short",
            "--seed",
            "1",
            "--filter",
            "^(" + String.join("|", ONE_PROCESS) + ")$",
            "--data-dir",
            folder.resolve("data").toString(),
            "--report",
            report.toString());
    JsonNode scenarios = new JsonMapper().readTree(report.toFile()).get("scenarios");
    assertEquals(ExitCodes.OK, code, scenarios.toPrettyString());
    assertEquals(ONE_PROCESS.size(), scenarios.size());
    boolean mounts = EggsMount.unavailable() == null;
    for (JsonNode scenario : scenarios) {
      boolean skipped = !mounts && scenario.get("scenario").asText().startsWith("mount");
      assertEquals(
          skipped ? "skipped" : "ok", scenario.get("verdict").asText(), scenario.toPrettyString());
    }
    JsonNode damaged = scenarios.get(1).get("counts").get("blocks damaged");
    assertTrue(damaged != null && damaged.asLong() > 0, scenarios.toPrettyString());
  }

  @Test
  void aFilterThatMatchesNothingIsAnError() {
    assertEquals(ExitCodes.USAGE, Eggs.start("tests", "--filter", "no such scenario"));
  }
}
