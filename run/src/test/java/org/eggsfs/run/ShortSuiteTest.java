package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Path;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.fuse.EggsMount;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: the suite of {@code eggs tests} works, and its quickest scenarios hold in every build.
 * Method: the command itself with a fixed seed on a cluster in one process: races on names, and
 * files read back from damaged disks, a scrub, and a mount beside a model; its report must say so.
 */
class ShortSuiteTest {
  @TempDir private Path folder;

  @Test
  void theQuickestScenariosHold() throws Exception {
    Path report = folder.resolve("report.json");
    int code =
        Eggs.start(
            "tests",
            "--short",
            "--seed",
            "1",
            "--filter",
            "^(name races|direct files|scrub|mount model)$",
            "--data-dir",
            folder.resolve("data").toString(),
            "--report",
            report.toString());
    JsonNode scenarios = new JsonMapper().readTree(report.toFile()).get("scenarios");
    assertEquals(ExitCodes.OK, code, scenarios.toPrettyString());
    assertEquals(4, scenarios.size());
    boolean mounts = EggsMount.unavailable() == null;
    for (JsonNode scenario : scenarios) {
      boolean skipped = !mounts && scenario.get("scenario").asText().startsWith("mount");
      assertEquals(
          skipped ? "skipped" : "ok", scenario.get("verdict").asText(), scenario.toPrettyString());
    }
    JsonNode damaged = scenarios.get(0).get("counts").get("blocks damaged");
    assertTrue(damaged != null && damaged.asLong() > 0, scenarios.toPrettyString());
  }

  @Test
  void aFilterThatMatchesNothingIsAnError() {
    assertEquals(ExitCodes.USAGE, Eggs.start("tests", "--filter", "no such scenario"));
  }
}
