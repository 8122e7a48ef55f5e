package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.eggsfs.cli.ExitCodes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: each operators' command says the truth about a real instance, and its exit code tells
 * scripts so. Method: one instance for all tests; each test has a directory of its own and damages
 * only its own files; the one that gives a disk up comes last.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OperatorsTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int FILE_SIZE = 3_000_000;

  private Path folder;
  private InstanceOptions options;
  private LocalInstance instance;
  private Cli cli;

  @BeforeAll
  void start(@TempDir Path given) throws Exception {
    folder = given;
    options = InstanceTest.options(folder);
    // What the daemon does is done by hand here; a few disks are given up or emptied.
    options.noGc = true;
    options.failureDomains = 18;
    options.eraseCutoff = 0L;
    instance = InstanceTest.startReady(options);
    cli = new Cli(instance);
  }

  @AfterAll
  void stop() {
    instance.close();
  }

  private void put(String path, int size) throws IOException {
    byte[] content = new byte[size];
    new SplittableRandom(path.hashCode()).nextBytes(content);
    Path local = Files.createTempFile(folder, "in", "");
    Files.write(local, content);
    cli.ok("cp", local.toString(), "eggs:" + path);
  }

  private JsonNode json(String... args) throws IOException {
    return JSON.readTree(cli.ok(args));
  }

  /** The file of the first block of a file, by the path that its service tells. */
  private Path blockFile(String path) throws IOException {
    JsonNode block = json("stat", "--blocks", "--json", path).at("/spans/0/locations/0/blocks/0");
    String name = block.path("id").asText().substring(2);
    try (Stream<Path> files = Files.walk(options.dataDir)) {
      return files
          .filter(file -> file.getFileName().toString().equals(name))
          .findFirst()
          .orElseThrow(() -> new AssertionError("no file of block " + block));
    }
  }

  @Test
  void healthAndVerificationFindADamagedBlock() throws Exception {
    cli.ok("mkdir", "/health");
    put("/health/good", FILE_SIZE);
    put("/health/bad", FILE_SIZE);
    put("/health/small", 100);
    JsonNode good = json("file-health", "--check", "--json", "/health/good");
    assertEquals(4, good.get("worst").asInt());
    assertEquals("full", cli.ok("file-health", "/health/good").strip().replaceAll("(?s).* ", ""));
    assertTrue(cli.ok("file-health", "/health/small").contains("1 inline spans"));
    assertTrue(cli.ok("verify-file", "/health/good", "/health/small").contains("good"));

    Path block = blockFile("/health/bad");
    byte[] bytes = Files.readAllBytes(block);
    bytes[17] ^= 1;
    Files.write(block, bytes);

    assertEquals(ExitCodes.OK, cli.run("file-health", "/health/bad").exitCode());
    Cli.Ran checked = cli.run("file-health", "--check", "--json", "/health/bad");
    assertEquals(ExitCodes.FAILED, checked.exitCode());
    assertEquals(3, JSON.readTree(checked.output()).get("worst").asInt());
    Cli.Ran verified = cli.run("verify-file", "/health/bad", "/health/good");
    assertEquals(ExitCodes.PARTIAL, verified.exitCode(), verified.output());
    assertTrue(verified.output().contains("bad block crc"), verified.output());
    Cli.Ran atRisk = cli.run("at-risk", "--check", "/health");
    assertEquals(ExitCodes.FAILED, atRisk.exitCode());
    assertTrue(atRisk.output().contains("remaining 3 lost 1 /health/bad"), atRisk.output());
    assertTrue(atRisk.output().contains("1 of 3 files at risk"), atRisk.output());
    assertEquals(ExitCodes.OK, cli.run("at-risk", "--check", "--below", "3", "/health").exitCode());
    Cli.Ran found = cli.run("find", "/health", "--type", "f", "--check-blocks");
    assertEquals(ExitCodes.FAILED, found.exitCode());
    assertTrue(found.errors().contains("/health/bad"), found.errors());
    assertFalse(found.errors().contains("/health/good"), found.errors());
  }

  @Test
  void flagsAreSetAndUnset() throws Exception {
    JsonNode service = json("blockservices", "--json").get(3);
    String id = service.get("id").asText();
    String domain = service.get("failureDomain").asText();
    cli.ok("blockservice-flags", "--id", id, "--set", "NO_WRITE");
    assertTrue(cli.ok("blockservices", "--id", id).contains("NO_WRITE"));
    cli.ok("blockservice-flags", "--failure-domain", domain, "--unset", "NO_WRITE", "--yes");
    assertFalse(cli.ok("blockservices", "--id", id).contains("NO_WRITE"));
    assertEquals(
        ExitCodes.USAGE,
        cli.run("blockservice-flags", "--id", id, "--unset", "DECOMMISSIONED").exitCode());
    assertEquals(ExitCodes.USAGE, cli.run("blockservice-flags", "--set", "NO_READ").exitCode());
    Cli.Ran unasked = cli.run("blockservice-flags", "--id", id, "--set", "DECOMMISSIONED");
    assertEquals(ExitCodes.USAGE, unasked.exitCode());
    assertTrue(unasked.errors().contains("--yes"), unasked.errors());
    assertEquals(
        ExitCodes.FAILED,
        cli.run("blockservice-flags", "--id", "12345", "--set", "NO_READ").exitCode());
  }

  @Test
  @Order(Integer.MAX_VALUE)
  void aDecommissionedServiceShowsItsFilesUntilTheyAreMoved() throws Exception {
    cli.ok("mkdir", "/migrate");
    put("/migrate/f", FILE_SIZE);
    String id =
        json("stat", "--blocks", "--json", "/migrate/f")
            .at("/spans/0/locations/0/blocks/0/service")
            .asText();
    assertTrue(cli.ok("migrate-status").contains("no block service"));
    assertEquals(ExitCodes.USAGE, cli.run("decommission-blockservice", "--id", id).exitCode());
    cli.ok("decommission-blockservice", "--id", id, "--yes");
    Cli.Ran status = cli.run("migrate-status", "--json");
    assertEquals(ExitCodes.FAILED, status.exitCode());
    JsonNode row = JSON.readTree(status.output()).get(0);
    assertEquals(id, row.get("id").asText());
    assertTrue(row.get("files").asLong() >= 1);
  }

  @Test
  void sizesAndCounts() throws Exception {
    cli.ok("mkdir", "-p", "/sizes/\"d\"");
    put("/sizes/a", 100);
    put("/sizes/\"d\"/b", 20_000);
    String csv = cli.ok("file-sizes", "/sizes");
    assertEquals(2, csv.lines().count(), csv);
    assertTrue(csv.contains(",\"/sizes/a\",100,100"), csv);
    assertTrue(csv.contains(",\"/sizes/\"\"d\"\"/b\",20000,"), csv);
    assertTrue(cli.ok("file-sizes", "--brief").startsWith("upper_bound,bytes\n"));
    JsonNode count = json("count-files", "--json", "--per-shard");
    assertTrue(count.get("files").asLong() >= 2);
    assertEquals(256, count.get("shards").size());

    Path histogram = folder.resolve("histogram.csv");
    JsonNode usage =
        json("du", "--json", "--physical", "--histogram", histogram.toString(), "/sizes");
    assertEquals(2, usage.get("files").asLong());
    assertEquals(20_100, usage.get("bytes").asLong());
    List<String> rows = Files.readAllLines(histogram);
    assertEquals(
        "logical_upper_bound,file_count,total_logical_size,total_physical_size", rows.getFirst());
    assertEquals("255,1,100,100", rows.get(1));
    assertEquals(3, rows.size());
    assertEquals(100, json("du", "--json", "--pattern", "a$", "/sizes").get("bytes").asLong());

    JsonNode locations = json("file-locations", "--json", "/sizes/\"d\"/b");
    assertEquals(0, locations.at("/locations/0/location").asInt());
    assertEquals(
        usage.get("physicalBytes").asLong() - 100, locations.at("/locations/0/bytes").asLong());
    assertTrue(cli.ok("locations").contains("ID"));
  }

  @Test
  void inodesAreResolved() throws Exception {
    cli.ok("mkdir", "-p", "/resolve/a/b", "/resolve/other");
    put("/resolve/a/b/f", 10);
    put("/resolve/a/moved", 10);
    cli.ok("mv", "/resolve/a/moved", "/resolve/other/here");
    String directory = json("stat", "--json", "/resolve/a/b").get("id").asText();
    String file = json("stat", "--json", "/resolve/a/b/f").get("id").asText();
    String moved = json("stat", "--json", "/resolve/other/here").get("id").asText();
    assertEquals(
        directory
            + " /resolve/a/b\n"
            + file
            + " /resolve/a/b/f\n"
            + moved
            + " /resolve/other/here\n",
        cli.ok("resolve", directory, file, moved));
    assertEquals(ExitCodes.PARTIAL, cli.run("resolve", file, "0x40000000deadbe00").exitCode());

    InputStream before = System.in;
    try {
      System.setIn(
          new ByteArrayInputStream(
              ("f," + directory + ",7\n\"x,y\"," + directory + "\n")
                  .getBytes(StandardCharsets.UTF_8)));
      assertEquals(
          "/resolve/a/b/f," + directory + ",7\n\"/resolve/a/b/x,y\"," + directory + "\n",
          cli.ok("resolve-sample-paths"));
    } finally {
      System.setIn(before);
    }
  }

  @Test
  void policiesByInode() throws Exception {
    cli.ok("mkdir", "/policies");
    String id = json("stat", "--json", "/policies").get("id").asText();
    String policy = "{\"DeleteAfterVersions\":3}";
    cli.ok("set-dir-info", "--id", id, "--tag", "SNAPSHOT", "--body", policy, "--yes");
    assertTrue(cli.ok("get-policy", "/policies", "SNAPSHOT").contains(policy));
    cli.ok("remove-dir-info", "--id", id, "--tag", "SNAPSHOT", "--yes");
    assertFalse(cli.ok("get-policy", "/policies", "SNAPSHOT").contains(policy));
    assertEquals(
        ExitCodes.USAGE,
        cli.run("remove-dir-info", "--id", "0x2000000000000000", "--tag", "SPAN", "-y").exitCode());
  }

  @Test
  void disksAreTried() throws Exception {
    JsonNode services = json("blockservices", "--json");
    String two = services.get(0).get("id").asText() + "," + services.get(1).get("id").asText();
    JsonNode test = json("test-block-write", "--json", "--bs", two, "--size", "3000000");
    assertTrue(test.get("bytesPerSecond").asLong() > 0);
    assertEquals(2, test.get("services").size());

    Path content = folder.resolve("block");
    Files.writeString(content, "hello");
    String service = services.get(0).get("id").asText();
    JsonNode request =
        json(
            "write-block-req",
            "--json",
            "-b",
            "0x1200",
            "--bs",
            service,
            "--file",
            content.toString());
    assertEquals(5, request.get("size").asInt());
    assertEquals(16, request.get("certificate").asText().length());
    String newPath = "elsewhere:/disk";
    cli.ok("update-blockservice-path", "--id", service, "--new-path", newPath);
    assertTrue(cli.ok("blockservices", "--id", service).contains(newPath));
  }

  @Test
  void aScrubRepairsWhatIsBroken() throws Exception {
    cli.ok("mkdir", "/scrub");
    put("/scrub/a", FILE_SIZE);
    put("/scrub/b", FILE_SIZE);
    Files.delete(blockFile("/scrub/a"));
    Path block = blockFile("/scrub/b");
    byte[] bytes = Files.readAllBytes(block);
    bytes[bytes.length - 100] ^= 1;
    Files.write(block, bytes);

    String file = cli.ok("scrub-file", "/scrub/a");
    assertTrue(file.contains("1 bad, 1 repaired"), file);
    Path cursor = folder.resolve("cursor");
    JsonNode all = json("scrub", "--json", "--cursor", cursor.toString());
    assertTrue(all.get("scrubbed_blocks").asLong() >= 1, all.toString());
    assertTrue(all.get("visited_files").asLong() >= 2, all.toString());
    assertFalse(all.get("stopped").asBoolean());
    assertFalse(Files.exists(cursor));
    cli.ok("verify-file", "/scrub/a", "/scrub/b");
    assertEquals(ExitCodes.USAGE, cli.run("scrub", "--shard", "256").exitCode());
  }

  @Test
  void aServiceIsEmptiedByHand() throws Exception {
    cli.ok("mkdir", "/empty");
    put("/empty/f", FILE_SIZE);
    String id =
        json("stat", "--blocks", "--json", "/empty/f")
            .at("/spans/0/locations/0/blocks/1/service")
            .asText();
    assertEquals(ExitCodes.USAGE, cli.run("migrate", "--id", id).exitCode());
    cli.ok("blockservice-flags", "--id", id, "--set", "NO_WRITE");
    String[] status = {"migrate-status", "--flags", "NO_WRITE"};
    assertEquals(ExitCodes.FAILED, cli.run(status).exitCode());
    String moved = cli.ok("migrate", "--id", id, "--file", "/empty/f", "--yes");
    assertTrue(moved.contains("1 files, 1 blocks"), moved);
    JsonNode rest = json("migrate", "--id", id, "--yes", "--json");
    assertEquals(0, rest.get("failures").size(), rest.toString());
    for (JsonNode row : json("migrate-status", "--all", "--json")) {
      if (row.get("id").asText().equals(id)) {
        assertEquals(0, row.get("files").asLong());
      }
    }
    cli.ok(status);
    cli.ok("verify-file", "/empty/f");
    assertEquals(
        ExitCodes.FAILED,
        cli.run("migrate", "--id", id, "--no-flags", "NO_WRITE", "-y").exitCode());
    cli.ok("blockservice-flags", "--id", id, "--unset", "NO_WRITE");
    assertEquals(
        ExitCodes.USAGE,
        cli.run("migrate", "--flags", "STALE", "--no-flags", "STALE", "--yes").exitCode());
  }

  @Test
  void whatIsExpiredIsCollectedAndDestroyed() throws Exception {
    cli.ok("mkdir", "/expired");
    put("/expired/f", FILE_SIZE);
    Path block = blockFile("/expired/f");
    String id = json("stat", "--json", "/expired/f").get("id").asText();
    cli.ok("set-policy", "--yes", "/expired", "SNAPSHOT", "{\"DeleteAfterVersions\":0}");
    cli.ok("rm", "/expired/f");
    assertEquals(ExitCodes.USAGE, cli.run("collect", "--dir", "/expired").exitCode());
    JsonNode kept = json("collect", "--dir", "/expired", "--yes", "--json");
    assertEquals(0, kept.get("collected_edges").asLong(), kept.toString());
    JsonNode collected =
        json("collect", "--dir", "/expired", "--min-edge-age", "0s", "--yes", "--json");
    assertEquals(2, collected.get("collected_edges").asLong(), collected.toString());
    assertEquals(ExitCodes.FAILED, cli.run("resurrect", "/expired/f").exitCode());

    assertTrue(Files.exists(block));
    assertEquals(ExitCodes.USAGE, cli.run("destruct", "--file", id).exitCode());
    JsonNode destroyed = json("destruct", "--file", id, "--yes", "--json");
    assertEquals(1, destroyed.get("destructed_files").asLong(), destroyed.toString());
    assertFalse(Files.exists(block));
    assertEquals(ExitCodes.FAILED, cli.run("destruct", "--file", id, "--yes").exitCode());
    // Everywhere, with nothing left that could go.
    Path cursor = folder.resolve("collect-cursor");
    cli.ok("collect", "--yes", "--cursor", cursor.toString());
    cli.ok("destruct", "--yes", "--shard", "7");
    assertFalse(Files.exists(cursor));
  }

  @Test
  void filesAreBroughtToTheirPolicies() throws Exception {
    cli.ok("mkdir", "/defrag");
    put("/defrag/f", FILE_SIZE);
    cli.ok(
        "set-policy",
        "--yes",
        "/defrag",
        "SPAN",
        "{\"Entries\":[{\"MaxSize\":27484160,\"Parity\":[4,4]}]}");
    JsonNode done = json("defrag", "--json", "/defrag");
    assertEquals(1, done.get("defragged_spans").asLong(), done.toString());
    assertEquals(
        "(4,4)",
        json("stat", "--blocks", "--json", "/defrag/f").at("/spans/0/locations/0/parity").asText());
    cli.ok("verify-file", "/defrag/f");
    assertEquals(0, json("defrag", "--json", "/defrag").get("defragged_spans").asLong());
  }
}
