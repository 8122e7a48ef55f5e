package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a whole instance with real sockets and disks does what users ask by the command line, keeps
 * it over a restart, bears damaged disks, and its metadata is sound at the end. Method: everything
 * in this process on any free ports, checked by both fscks after each test.
 */
class InstanceTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int SERVERS = 15;
  private static final long READY_SECONDS_MAX = 60;

  @TempDir private Path folder;
  private LocalInstance instance;
  private Cli cli;

  static InstanceOptions options(Path folder) {
    InstanceOptions options = new InstanceOptions();
    options.dataDir = folder.resolve("data");
    options.shucklePort = 0;
    options.failureDomains = SERVERS;
    options.hddBlockServices = 0;
    options.flashBlockServices = 1;
    options.reservedStorage = 0;
    return options;
  }

  static LocalInstance startReady(InstanceOptions options)
      throws CommandFailure, InterruptedException {
    LocalInstance started = LocalInstance.start(options, new Lifetime());
    long end = System.nanoTime() + READY_SECONDS_MAX * 1_000_000_000L;
    while (!started.isReady()) {
      if (System.nanoTime() > end) {
        started.close();
        throw new AssertionError("the instance did not become ready");
      }
      Thread.sleep(10);
    }
    return started;
  }

  @BeforeEach
  void start() throws CommandFailure, InterruptedException {
    instance = startReady(options(folder));
    cli = new Cli(instance);
  }

  @AfterEach
  void checkAndStop() {
    try {
      String online = cli.ok("fsck");
      assertTrue(online.contains("clean"), online);
    } finally {
      instance.close();
    }
    assertEquals(
        ExitCodes.OK, Eggs.start("fsck", "--data-dir", options(folder).dataDir.toString()));
  }

  @Test
  void aTreeGoesInComesOutAndSurvivesARestart() throws Exception {
    Path tree = folder.resolve("tree");
    Trees.make(tree, 1);
    cli.ok("mkdir", "-p", "/x/y");
    cli.ok("cp", "-r", tree.toString(), "eggs:/x/y");
    cli.ok("cp", "-r", "eggs:/x/y/tree", folder.resolve("out1").toString());
    Trees.assertSame(tree, folder.resolve("out1"));

    instance.close();
    instance = startReady(options(folder));
    cli = new Cli(instance);
    cli.ok("cp", "-r", "-j", "3", "eggs:/x/y/tree", folder.resolve("out2").toString());
    Trees.assertSame(tree, folder.resolve("out2"));
  }

  /** A local path with escaped bytes, whatever the locale of this process. */
  private static Path raw(Path directory, String escaped) {
    return Path.of(URI.create(directory.toUri() + "/" + escaped));
  }

  @Test
  void namesGoInAndComeOutByteForByte() throws Exception {
    Path tree = Files.createDirectory(folder.resolve("tree"));
    // Latin-1; a character that stands for what cannot be shown; a line end.
    Map<String, String> files =
        Map.of("a%E4", "first", "a%E5", "second", "a%EF%BF%BD", "third", "n%0Al", "fourth");
    for (Map.Entry<String, String> file : files.entrySet()) {
      Files.writeString(raw(tree, file.getKey()), file.getValue());
    }
    Path below = Files.createDirectory(raw(tree, "d%FF"));
    Files.writeString(below.resolve("f"), "fifth");
    Files.createSymbolicLink(tree.resolve("l"), raw(tree, "a%E5").getFileName());
    cli.ok("cp", "-r", tree.toString(), "eggs:/tree");
    assertEquals(6, JSON.readTree(cli.ok("ls", "--json", "/tree")).size());

    Path out = folder.resolve("out");
    String told = cli.ok("cp", "-r", "-v", "eggs:/tree", out.toString());
    assertTrue(told.contains("eggs:$'/tree/a\\xe4' -> $'" + out + "/a\\xe4'\n"), told);
    assertTrue(told.contains("eggs:$'/tree/n\\nl' -> "), told);
    for (Map.Entry<String, String> file : files.entrySet()) {
      assertEquals(file.getValue(), Files.readString(raw(out, file.getKey())), file.getKey());
    }
    assertEquals("fifth", Files.readString(raw(out, "d%FF").resolve("f")));
    assertEquals("second", Files.readString(out.resolve("l")));

    // On a terminal each is one line, and in JSON it has its bytes.
    String listed = cli.ok("ls", "/tree");
    assertEquals(
        List.of("$'a\\xe4'", "$'a\\xe5'", "a\ufffd", "$'d\\xff'", "l", "$'n\\nl'"),
        listed.lines().toList());
    assertTrue(cli.ok("ls", "-l", "/tree").contains("l -> $'a\\xe5'"));
    String found = cli.ok("find", "/tree");
    assertTrue(found.contains(" $'/tree/d\\xff/f'\n"), found);
    assertEquals(8, found.lines().count(), found);
    JsonNode stat = JSON.readTree(cli.ok("stat", "--json", "$'/tree/a\\xe4'"));
    assertEquals("/tree/a\ufffd", stat.get("path").asText());
    assertEquals("2f747265652f61e4", stat.get("pathBytes").asText());
    assertEquals(5, stat.get("size").asLong());
    String id = stat.get("id").asText();
    assertEquals(id + " $'/tree/a\\xe4'\n", cli.ok("resolve", id));
    Cli.Ran missing = cli.run("stat", "$'/tree/\\x1b[2J\\n'");
    assertEquals(1, missing.errors().lines().count(), missing.errors());
    assertTrue(missing.errors().contains("/tree/\\x1b[2J\\n"), missing.errors());
    cli.ok("ln", "-s", "$'\\xe4'", "/tree/m");
    assertEquals(
        "e4", JSON.readTree(cli.ok("stat", "--json", "/tree/m")).get("targetBytes").asText());
    cli.ok("mv", "$'/tree/a\\xe4'", "$'/tree/b\\xe4'");
    cli.ok("rm", "eggs:$'/tree/b\\xe4'");
    assertTrue(cli.ok("snapshots", "$'/tree/b\\xe4'").contains("kept"));
    cli.ok("resurrect", "$'/tree/b\\xe4'");
    assertEquals(id, JSON.readTree(cli.ok("stat", "--json", "$'/tree/b\\xe4'")).get("id").asText());

    // One of them alone, named as it is shown.
    cli.ok("cp", "eggs:$'/tree/a\\xe5'", folder.toString());
    assertEquals("second", Files.readString(raw(folder, "a%E5")));
  }

  @Test
  void aCopyStaysInItsDirectory() throws Exception {
    Path other = Files.createDirectory(folder.resolve("other"));
    Path precious = Files.writeString(other.resolve("f"), "precious");
    Path tree = Files.createDirectories(folder.resolve("tree/x")).getParent();
    Files.writeString(tree.resolve("x/f"), "new");
    Files.writeString(tree.resolve("g"), "new");
    cli.ok("cp", "-r", tree.toString(), "eggs:/tree");

    // What were symlinks once are a directory and a file now.
    Path out = Files.createDirectory(folder.resolve("out"));
    Files.createSymbolicLink(out.resolve("x"), other);
    Files.createSymbolicLink(out.resolve("g"), other);
    // Given as the destination, a symlink is the directory that it leads to.
    Path link = Files.createSymbolicLink(folder.resolve("link"), out);
    Cli.Ran ran = cli.run("cp", "-r", "-v", "eggs:/tree/x", "eggs:/tree/g", link.toString());
    assertEquals(ExitCodes.PARTIAL, ran.exitCode());
    assertTrue(ran.errors().contains("a symlink is where"), ran.errors());
    assertEquals("precious", Files.readString(precious));
    assertEquals(1, folder.resolve("other").toFile().list().length);
    assertEquals("new", Files.readString(out.resolve("g")));
    assertFalse(Files.isSymbolicLink(out.resolve("g")));
  }

  @Test
  void anyFourBlocksOfEachSpanMayBeDamaged() throws Exception {
    Path tree = folder.resolve("tree");
    Trees.make(tree, 2);
    cli.ok("cp", "-r", tree.toString(), "eggs:/tree");
    // The four disks with most blocks: two lose everything, two hold wrong bytes.
    List<List<Path>> disks = new ArrayList<>();
    for (int server = 0; server < SERVERS; server++) {
      disks.add(blocksOf(server));
    }
    disks.sort(Comparator.comparingInt((List<Path> blocks) -> blocks.size()).reversed());
    for (int i = 0; i < 4; i++) {
      assertFalse(disks.get(i).isEmpty());
      damage(disks.get(i), i < 2);
    }
    cli.ok("cp", "-r", "eggs:/tree", folder.resolve("out").toString());
    Trees.assertSame(tree, folder.resolve("out"));
  }

  private List<Path> blocksOf(int server) throws IOException {
    Path disk = new InstanceLayout(options(folder).dataDir).blockService(server, 0);
    try (Stream<Path> files = Files.walk(disk.resolve("with_crc"))) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  private static void damage(List<Path> blocks, boolean delete) throws IOException {
    for (Path block : blocks) {
      if (delete) {
        Files.delete(block);
      } else {
        byte[] bytes = Files.readAllBytes(block);
        for (int i = 0; i < bytes.length; i += 1000) {
          bytes[i] ^= 0x55;
        }
        Files.write(block, bytes);
      }
    }
  }

  @Test
  void namesAreMadeMovedListedAndRemoved() throws Exception {
    cli.ok("mkdir", "/d", "/e");
    cli.ok("mkdir", "-p", "/d/sub/sub");
    Path local = folder.resolve("local");
    Files.writeString(local, "hello");
    cli.ok("cp", local.toString(), "eggs:/d/f");
    cli.ok("ln", "-s", "f", "/d/l");
    assertEquals("f\nl\nsub\n", cli.ok("ls", "/d"));
    assertEquals("hello", contentOf("/d/f"));

    JsonNode stat = JSON.readTree(cli.ok("stat", "--json", "eggs:/d/f"));
    assertEquals(5, stat.get("size").asLong());
    assertEquals("file", stat.get("type").asText());
    JsonNode link = JSON.readTree(cli.ok("stat", "--json", "/d/l"));
    assertEquals("f", link.get("target").asText());
    String blocks = cli.ok("stat", "--blocks", "/d/l");
    assertTrue(blocks.contains("inline, 1 bytes"), blocks);

    cli.ok("mv", "/d/f", "/d/g");
    cli.ok("mv", "/d/g", "/e");
    assertEquals("g\n", cli.ok("ls", "/e"));
    cli.ok("mv", "/d/sub", "/e/moved");
    assertEquals("hello", contentOf("/e/g"));
    Cli.Ran loop = cli.run("mv", "/e", "/e/moved/e");
    assertEquals(ExitCodes.FAILED, loop.exitCode(), loop.errors());

    String found = cli.ok("find", "/", "--type", "d");
    assertTrue(found.contains(" /e/moved/sub\n"), found);
    JsonNode usage = JSON.readTree(cli.ok("du", "--json", "/"));
    assertEquals(1, usage.get("files").asLong());
    assertEquals(5, usage.get("bytes").asLong());

    Cli.Ran notEmpty = cli.run("rm", "/e");
    assertEquals(ExitCodes.FAILED, notEmpty.exitCode());
    assertTrue(notEmpty.errors().contains("-r"), notEmpty.errors());
    cli.ok("rm", "-r", "/e");
    cli.ok("rm", "/d/l");
    assertEquals("d\n", cli.ok("ls", "/"));
  }

  private String contentOf(String path) throws IOException {
    Path out = folder.resolve("content");
    cli.ok("cp", "eggs:" + path, out.toString());
    return Files.readString(out);
  }

  @Test
  void errorsNameThePath() {
    Cli.Ran missing = cli.run("stat", "/not/there");
    assertEquals(ExitCodes.FAILED, missing.exitCode());
    assertTrue(missing.errors().contains("/not/there"), missing.errors());
    assertEquals(1, missing.errors().lines().count(), missing.errors());
    Cli.Ran exists = cli.run("mkdir", "/twice", "/twice");
    assertEquals(ExitCodes.PARTIAL, exists.exitCode(), exists.errors());
    assertEquals(ExitCodes.USAGE, cli.run("ls", "relative").exitCode());
    // A wrong path is told before anything is done.
    assertEquals(ExitCodes.USAGE, cli.run("mkdir", "/made", "relative").exitCode());
    assertEquals(ExitCodes.FAILED, cli.run("stat", "/made").exitCode());
    assertEquals(ExitCodes.USAGE, cli.run("cp", "a", "b").exitCode());
    assertEquals(ExitCodes.USAGE, cli.run("nonsense").exitCode());
    Cli.Ran noSource = cli.run("cp", folder.resolve("none").toString(), "eggs:/x");
    assertEquals(ExitCodes.FAILED, noSource.exitCode(), noSource.errors());
  }

  @Test
  void tablesPoliciesAndRawRequests() throws Exception {
    assertEquals(256, JSON.readTree(cli.ok("shards", "--json")).size());
    assertEquals(1, JSON.readTree(cli.ok("cdc", "--json")).size());
    JsonNode services = JSON.readTree(cli.ok("blockservices", "--json"));
    assertEquals(SERVERS, services.size());
    assertEquals(
        1, JSON.readTree(cli.ok("blockservices", "--json", "--failure-domain", "bs_03")).size());
    assertTrue(JSON.readTree(cli.ok("df", "--json")).get("capacity").asLong() > 0);

    cli.ok("mkdir", "-p", "/p/q");
    cli.ok("set-policy", "--yes", "/p", "STRIPE", "{\"TargetStripeSize\":65536}");
    JsonNode policy = JSON.readTree(cli.ok("get-policy", "--json", "/p/q", "STRIPE"));
    assertEquals(65_536, policy.at("/STRIPE/policy/TargetStripeSize").asLong());
    assertTrue(policy.at("/STRIPE/inherited").asBoolean());
    cli.ok("set-policy", "--yes", "--remove", "/p", "STRIPE");
    JsonNode again = JSON.readTree(cli.ok("get-policy", "--json", "/p", "STRIPE"));
    assertEquals(1 << 20, again.at("/STRIPE/policy/TargetStripeSize").asLong());

    JsonNode lookup =
        JSON.readTree(
            cli.ok(
                "shard-req",
                "--shard",
                "0",
                "--kind",
                "LOOKUP",
                "--req",
                "{\"DirId\":\"0x2000000000000000\",\"Name\":\"p\"}"));
    JsonNode stat = JSON.readTree(cli.ok("stat", "--json", "/p"));
    assertEquals(stat.get("id").asText(), lookup.get("TargetId").asText());
    JsonNode made =
        JSON.readTree(
            cli.ok(
                "cdc-req",
                "--yes",
                "--kind",
                "MAKE_DIRECTORY",
                "--req",
                "{\"OwnerId\":\"0x2000000000000000\",\"Name\":\"raw\"}"));
    assertEquals(
        JSON.readTree(cli.ok("stat", "--json", "/raw")).get("id").asText(),
        made.get("Id").asText());
  }

  @Test
  void blocksAreShown() throws Exception {
    Path local = folder.resolve("local");
    byte[] bytes = new byte[100_000];
    Files.write(local, bytes);
    cli.ok("cp", local.toString(), "eggs:/f");
    JsonNode stat = JSON.readTree(cli.ok("stat", "--json", "--blocks", "/f"));
    JsonNode location = stat.at("/spans/0/locations/0");
    assertEquals(14, location.get("blocks").size());
    assertEquals("FLASH", location.get("class").asText());
    Path out = folder.resolve("out");
    cli.ok("cp", "eggs:/f", out.toString());
    assertArrayEquals(bytes, Files.readAllBytes(out));
  }
}
