package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: whatever happens to a tree, it comes back as it was at a time, byte for byte and, where it
 * was not moved out of the tree, with its inodes; and nothing else is harmed. Method: one instance,
 * a directory for each test; random histories are compared with what the tree showed at the time,
 * and metadata is checked at the end.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UndeleteTest {
  private static final JsonMapper JSON = new JsonMapper();

  /** What a path shows: an inode, and the content of a file. */
  private record Node(long id, String content) {}

  private LocalInstance instance;
  private Cli cli;
  private EggsClient client;
  private Path folder;

  @BeforeAll
  void start(@TempDir Path given) throws Exception {
    folder = given;
    InstanceOptions options = InstanceTest.options(folder);
    options.noGc = true;
    instance = InstanceTest.startReady(options);
    cli = new Cli(instance);
    String address =
        instance.shuckleAddress().getAddress().getHostAddress()
            + ":"
            + instance.shuckleAddress().getPort();
    client = EggsClient.connect(ClientConfig.builder().shuckle(address).build());
  }

  @AfterAll
  void checkAndStop() {
    String online = cli.ok("fsck");
    assertTrue(online.contains("clean"), online);
    client.close();
    instance.close();
    assertEquals(
        ExitCodes.OK,
        Eggs.start("fsck", "--data-dir", InstanceTest.options(folder).dataDir.toString()));
  }

  private long write(String path, String content) throws Exception {
    try (FileWriter writer = client.paths().create(path)) {
      writer.write(content.getBytes(StandardCharsets.UTF_8));
      return writer.commit();
    }
  }

  private String read(long id) throws Exception {
    try (FileReader reader = client.files().open(id)) {
      return new String(reader.stream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private String read(String path) throws Exception {
    return read(client.paths().resolve(path).id());
  }

  /** The whole tree below a path. */
  private TreeMap<String, Node> tree(String path) throws Exception {
    TreeMap<String, Node> found = new TreeMap<>();
    look(client.paths().resolve(path).id(), "", found);
    return found;
  }

  private void look(long directory, String path, Map<String, Node> found) throws Exception {
    List<CurrentEdge> edges = new ArrayList<>();
    client.inodes().list(directory, edges::add);
    for (CurrentEdge edge : edges) {
      String child = path + "/" + new String(edge.name(), StandardCharsets.UTF_8);
      long id = edge.targetId();
      if (InodeIds.isDirectory(id)) {
        found.put(child, new Node(id, null));
        look(id, child, found);
      } else {
        found.put(child, new Node(id, read(id)));
      }
    }
  }

  /** A moment that is certainly between what was done and what will be done. */
  private static String moment() throws InterruptedException {
    Thread.sleep(3);
    String now = Instant.now().toString();
    Thread.sleep(3);
    return now;
  }

  private static TreeMap<String, String> contents(Map<String, Node> tree) {
    TreeMap<String, String> contents = new TreeMap<>();
    tree.forEach((path, node) -> contents.put(path, node.content == null ? "<dir>" : node.content));
    return contents;
  }

  // ---- files ----

  @Test
  void aRemovedFileComesBack() throws Exception {
    client.paths().mkdirs("/one");
    long id = write("/one/f", "first");
    client.paths().unlink("/one/f");
    assertTrue(cli.ok("resurrect", "--dry-run", "/one/f").contains("would be"));
    assertEquals(ExitCodes.FAILED, cli.run("stat", "/one/f").exitCode());
    assertTrue(cli.ok("resurrect", "/one/f").contains("resurrected"));
    assertEquals(id, client.paths().resolve("/one/f").id());
    assertEquals("first", read("/one/f"));
    Cli.Ran again = cli.run("resurrect", "/one/f");
    assertEquals(ExitCodes.FAILED, again.exitCode());
    assertTrue(again.errors().contains("--version"), again.errors());
  }

  @Test
  void anOldVersionIsChosen() throws Exception {
    client.paths().mkdirs("/versions/other");
    long first = write("/versions/f", "one");
    String then = moment();
    write("/versions/f", "two");
    write("/versions/f", "three");
    JsonNode versions = JSON.readTree(cli.ok("snapshots", "--json", "/versions/f"));
    assertEquals(3, versions.size());
    assertEquals("current", versions.get(0).get("state").asText());
    assertEquals("kept", versions.get(2).get("state").asText());
    assertEquals(3, versions.get(2).get("size").asLong());
    assertEquals(versions.get(1).get("created").asText(), versions.get(2).get("ended").asText());

    assertEquals(
        ExitCodes.FAILED, cli.run("resurrect", "--version", then, "/versions/f").exitCode());
    assertEquals("three", read("/versions/f"));
    cli.ok("resurrect", "--version", then, "--to", "/versions/other/old", "/versions/f");
    assertEquals(first, client.paths().resolve("/versions/other/old").id());
    assertEquals("three", read("/versions/f"));
    Cli.Ran moved = cli.run("resurrect", "--version", then, "--overwrite", "/versions/f");
    assertEquals(ExitCodes.FAILED, moved.exitCode());
    assertTrue(moved.errors().contains("resolve"), moved.errors());
    String second = versions.get(1).get("id").asText();
    cli.ok("resurrect", "--version", second, "--overwrite", "/versions/f");
    assertEquals("two", read("/versions/f"));
    // The replaced one is a version like the others.
    cli.ok(
        "resurrect", "--version", versions.get(0).get("id").asText(), "--overwrite", "/versions/f");
    assertEquals("three", read("/versions/f"));
  }

  @Test
  void aListIsDoneAsFarAsPossible() throws Exception {
    client.paths().mkdirs("/list");
    write("/list/a", "a");
    write("/list/b", "b");
    client.paths().unlink("/list/a");
    client.paths().unlink("/list/b");
    Path list = folder.resolve("list");
    Files.writeString(list, "/list/a\n/list/never\n\n/list/b\n");
    Cli.Ran ran = cli.run("resurrect", "--list", list.toString());
    assertEquals(ExitCodes.PARTIAL, ran.exitCode());
    assertTrue(ran.errors().contains("/list/never"), ran.errors());
    assertEquals("a", read("/list/a"));
    assertEquals("b", read("/list/b"));
  }

  @Test
  void aWalkOverSnapshotsLeavesMovedDirectoriesOut() throws Exception {
    client.paths().mkdirs("/walked/a/moved");
    client.paths().mkdirs("/walked/a/removed");
    client.paths().mkdirs("/walked/b");
    write("/walked/a/moved/f", "moved");
    write("/walked/a/removed/f", "removed");
    client.paths().rename("/walked/a/moved", "/walked/b/moved");
    cli.ok("rm", "-r", "/walked/a/removed");
    String old = cli.ok("find", "--snapshot", "/walked/a", "--type", "f");
    assertTrue(old.contains("/walked/a/removed/f"), old);
    assertFalse(old.contains("/walked/a/moved/f"), old);
    JsonNode usage = JSON.readTree(cli.ok("du", "--snapshot", "--json", "/walked/a"));
    assertEquals("removed".length(), usage.get("bytes").asLong());
    // From above it is found where it is.
    String all = cli.ok("find", "--snapshot", "/walked", "--type", "f");
    assertTrue(all.contains("/walked/b/moved/f"), all);
    assertFalse(all.contains("/walked/a/moved/f"), all);
  }

  // ---- trees ----

  @Test
  void aRemovedTreeComesBackWithItsInodes() throws Exception {
    client.paths().mkdirs("/gone/a/b");
    client.paths().mkdirs("/gone/empty");
    write("/gone/f", "f");
    write("/gone/a/b/g", "x".repeat(300_000));
    client.paths().symlink("f", "/gone/l");
    TreeMap<String, Node> before = tree("/gone");
    String then = moment();
    cli.ok("rm", "-r", "/gone");
    Cli.Ran file = cli.run("resurrect", "/gone/f");
    assertTrue(file.errors().contains("resurrect -r /gone"), file.errors());
    assertTrue(cli.ok("snapshots", "--contents", "/gone").contains("kept"));

    String dry = cli.ok("resurrect", "-r", "--dry-run", "/gone/a", "--as-of", then);
    assertTrue(dry.contains("directory restored /gone/a/b"), dry);
    assertTrue(dry.contains("resurrected /gone/a/b/g"), dry);
    assertEquals(ExitCodes.FAILED, cli.run("stat", "/gone").exitCode());
    // First only a part: what is above it comes back with it.
    cli.ok("resurrect", "-r", "/gone/a", "--as-of", then);
    assertEquals(before.get("/a/b/g"), tree("/gone").get("/a/b/g"));
    assertFalse(tree("/gone").containsKey("/f"));
    cli.ok("resurrect", "-r", "/gone", "--as-of", then);
    assertEquals(before, tree("/gone"));
    // Again: nothing is left to do.
    String again = cli.ok("resurrect", "-r", "/gone", "--as-of", then);
    assertTrue(again.contains("6 unchanged"), again);
    assertFalse(again.contains(","), again);
  }

  /** A removed directory that never had an entry goes with the next collection. */
  @Test
  void aCollectedDirectoryDoesNotKeepTheRestFromComingBack() throws Exception {
    client.paths().mkdirs("/collected/empty");
    write("/collected/f", "f");
    String then = moment();
    cli.ok("rm", "-r", "/collected/empty");
    client.paths().unlink("/collected/f");
    cli.ok("collect", "--yes", "--min-edge-age", "0");
    Cli.Ran ran = cli.run("resurrect", "-r", "/collected", "--as-of", then);
    assertEquals(ExitCodes.PARTIAL, ran.exitCode());
    assertTrue(ran.errors().contains("/collected/empty: lost"), ran.errors());
    assertEquals("f", read("/collected/f"));
  }

  @Test
  void whatHasANameNowIsKeptUnlessToldOtherwise() throws Exception {
    client.paths().mkdirs("/conflict/d");
    write("/conflict/f", "old");
    write("/conflict/d/g", "old");
    write("/conflict/same", "same");
    TreeMap<String, Node> before = tree("/conflict");
    String then = moment();
    cli.ok("rm", "-r", "/conflict/d");
    client.paths().mkdirs("/conflict/d");
    write("/conflict/d/new", "new");
    write("/conflict/f", "new");
    Cli.Ran refused = cli.run("resurrect", "-r", "/conflict", "--as-of", then);
    assertEquals(ExitCodes.PARTIAL, refused.exitCode());
    assertTrue(refused.errors().contains("/conflict/f: conflict"), refused.errors());
    assertTrue(refused.errors().contains("/conflict/d: conflict"), refused.errors());
    assertEquals("new", read("/conflict/f"));
    assertEquals("new", read("/conflict/d/new"));

    String copied =
        cli.ok("resurrect", "-r", "/conflict", "--as-of", then, "--to", "/conflict-then/here");
    assertTrue(copied.contains("3 copied"), copied);
    assertEquals(contents(before), contents(tree("/conflict-then/here")));
    assertEquals(
        client.paths().stat("/conflict/same").mtime(),
        client.paths().stat("/conflict-then/here/same").mtime());
    assertEquals("new", read("/conflict/f"));
    assertTrue(
        cli.ok("resurrect", "-r", "/conflict", "--as-of", then, "--to", "/conflict-then/here")
            .contains("3 unchanged"));

    String done = cli.ok("resurrect", "-r", "/conflict", "--as-of", then, "--overwrite");
    assertTrue(done.contains("1 set aside"), done);
    TreeMap<String, Node> after = tree("/conflict");
    before.forEach((path, node) -> assertEquals(node, after.get(path), path));
    assertEquals(1, after.keySet().stream().filter(path -> path.endsWith("/new")).count());
    cli.ok("resurrect", "-r", "/conflict", "--as-of", then, "--exact");
    assertEquals(before, tree("/conflict"));
  }

  /** More names than a command keeps at a time. */
  @Test
  void aLargeDirectoryIsRemovedAndComesBack() throws Exception {
    int files = 5_000;
    long directory = client.paths().mkdirs("/large");
    client.paths().mkdirs("/large/sub/sub");
    try (ExecutorService writers = Executors.newFixedThreadPool(16)) {
      for (int i = 0; i < files; i++) {
        byte[] name = ("f" + i).getBytes(StandardCharsets.UTF_8);
        writers.submit(() -> client.files().symlink(directory, name, name));
      }
    }
    List<String> names = cli.ok("ls", "/large").lines().toList();
    assertEquals(files + 1, names.size());
    assertEquals(names.stream().sorted().toList(), names);
    String then = moment();
    client.paths().rename("/large/f1", "/large/g1");
    cli.ok("rm", "-r", "/large");
    assertEquals(
        files + 4, JSON.readTree(cli.ok("snapshots", "-d", "--json", "/large")).size() - files);
    String done = cli.ok("resurrect", "-r", "/large", "--as-of", then, "--exact");
    assertTrue(done.contains("1 moved back"), done);
    assertTrue(done.contains((files - 1) + " resurrected"), done);
    Path out = folder.resolve("large");
    cli.ok("cp", "-r", "eggs:/large", out.toString());
    try (Stream<Path> copied = Files.list(out)) {
      assertEquals(names, copied.map(path -> path.getFileName().toString()).sorted().toList());
    }
    assertEquals("f77", Files.readSymbolicLink(out.resolve("f77")).toString());
  }

  @Test
  void aCopyThatWasInterruptedIsGoneOnWith() throws Exception {
    client.paths().mkdirs("/again");
    client.paths().symlink("text", "/again/l");
    write("/again/f", "f");
    String then = moment();
    cli.ok("resurrect", "-r", "/again", "--as-of", then, "--to", "/again-then");
    assertEquals(
        client.paths().stat("/again/f").mtime(), client.paths().stat("/again-then/f").mtime());
    // It was ended before the symlink got its time.
    client.paths().setTimes("/again-then/l", 1, 1);
    String more = cli.ok("resurrect", "-r", "/again", "--as-of", then, "--to", "/again-then");
    assertTrue(more.contains("2 unchanged"), more);
  }

  @Test
  void nothingIsRemovedWhereNotAllCameBack() throws Exception {
    client.paths().mkdirs("/partly/project");
    write("/partly/project/f", "old work");
    write("/partly/a", "renamed later");
    TreeMap<String, Node> before = tree("/partly");
    String then = moment();
    cli.ok("rm", "-r", "/partly/project");
    client.paths().mkdirs("/partly/project");
    write("/partly/project/g", "new work");
    client.paths().rename("/partly/a", "/partly/b");
    write("/partly/a", "something else");
    TreeMap<String, Node> now = tree("/partly");
    Cli.Ran ran = cli.run("resurrect", "-r", "/partly", "--as-of", then, "--exact");
    assertEquals(ExitCodes.FAILED, ran.exitCode());
    assertTrue(ran.output().contains("2 conflict"), ran.output());
    assertTrue(ran.errors().contains("left alone"), ran.errors());
    assertEquals(now, tree("/partly"));

    // Whatever is removed has been replaced by what was there.
    String dry =
        cli.ok(
            "resurrect", "-r", "/partly", "--as-of", then, "--exact", "--overwrite", "--dry-run");
    assertTrue(dry.contains("moved back /partly/a"), dry);
    assertFalse(dry.contains("removed /partly/b"), dry);
    assertEquals(now, tree("/partly"));
    cli.ok("resurrect", "-r", "/partly", "--as-of", then, "--exact", "--overwrite");
    assertEquals(before, tree("/partly"));
  }

  @Test
  void whatWasMovedOutIsCopiedAndWhatIsElsewhereIsNamed() throws Exception {
    client.paths().mkdirs("/out/d");
    client.paths().mkdirs("/elsewhere");
    write("/out/f", "f");
    write("/out/d/g", "g");
    TreeMap<String, Node> before = tree("/out");
    String then = moment();
    client.paths().rename("/out/f", "/elsewhere/f");
    client.paths().rename("/out/d", "/elsewhere/d");
    String done = cli.ok("resurrect", "-r", "/out", "--as-of", then);
    assertTrue(done.contains("2 copied"), done);
    assertEquals(contents(before), contents(tree("/out")));
    assertEquals("f", read("/elsewhere/f"));
    assertEquals("g", read("/elsewhere/d/g"));

    client.paths().rename("/out", "/elsewhere/out");
    Cli.Ran named = cli.run("resurrect", "-r", "/out", "--as-of", then);
    assertEquals(ExitCodes.FAILED, named.exitCode());
    assertTrue(named.errors().contains("/elsewhere/out"), named.errors());
  }

  @Test
  void namesThatChangedPlacesChangeBack() throws Exception {
    client.paths().mkdirs("/swap/a/b");
    write("/swap/x", "x");
    write("/swap/y", "y");
    write("/swap/a/z", "z");
    TreeMap<String, Node> before = tree("/swap");
    String then = moment();
    client.paths().rename("/swap/x", "/swap/t");
    client.paths().rename("/swap/y", "/swap/x");
    client.paths().rename("/swap/t", "/swap/y");
    client.paths().rename("/swap/a/z", "/swap/z");
    client.paths().rename("/swap/a/b", "/swap/b");
    client.paths().rename("/swap/a", "/swap/b/a");
    // A file is moved into a directory that then is removed with it.
    cli.ok("resurrect", "-r", "/swap", "--as-of", then, "--overwrite", "--exact");
    assertEquals(before, tree("/swap"));
    client.paths().rename("/swap/x", "/swap/a/b/x");
    cli.ok("rm", "-r", "/swap/a");
    cli.ok("resurrect", "-r", "/swap", "--as-of", then);
    assertEquals(before, tree("/swap"));
  }

  @Test
  void wrongTimesAreRefused() throws Exception {
    client.paths().mkdirs("/times");
    assertEquals(ExitCodes.USAGE, cli.run("resurrect", "-r", "/times").exitCode());
    assertEquals(
        ExitCodes.USAGE,
        cli.run("resurrect", "-r", "/times", "--as-of", "2999-01-01T00:00:00Z").exitCode());
    Cli.Ran early = cli.run("resurrect", "-r", "/times", "--as-of", "2001-01-01T00:00:00Z");
    assertEquals(ExitCodes.FAILED, early.exitCode());
    assertTrue(early.errors().contains("did not exist then"), early.errors());
  }

  /** All sorts of changes at once, several moments, each restored in turn. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void randomHistoriesAreUndone(long seed) throws Exception {
    String root = "/random" + seed;
    SplittableRandom random = new SplittableRandom(seed);
    client.paths().mkdirs(root);
    client.paths().mkdirs("/outside" + seed);
    List<String> moments = new ArrayList<>();
    List<TreeMap<String, Node>> trees = new ArrayList<>();
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 40; i++) {
        change(random, root, "/outside" + seed);
      }
      moments.add(moment());
      trees.add(tree(root));
    }
    for (int i = 0; i < 40; i++) {
      change(random, root, "/outside" + seed);
    }
    for (int round : new int[] {2, 0, 1, 2}) {
      TreeMap<String, String> outside = contents(tree("/outside" + seed));
      String what = "seed " + seed + " round " + round;
      String to = root + "-copy" + round;
      cli.ok("resurrect", "-r", root, "--as-of", moments.get(round), "--to", to);
      assertEquals(contents(trees.get(round)), contents(tree(to)), what);
      cli.ok("rm", "-r", to);
      cli.ok("resurrect", "-r", root, "--as-of", moments.get(round), "--overwrite", "--exact");
      assertEquals(contents(trees.get(round)), contents(tree(root)), what);
      assertEquals(outside, contents(tree("/outside" + seed)), what);
    }
  }

  private void change(SplittableRandom random, String root, String outside) throws Exception {
    TreeMap<String, Node> now = tree(root);
    List<String> paths = new ArrayList<>(now.keySet());
    List<String> directories = new ArrayList<>(List.of(""));
    paths.stream().filter(path -> now.get(path).content == null).forEach(directories::add);
    String directory = root + directories.get(random.nextInt(directories.size()));
    String name = directory + "/" + "abcd".charAt(random.nextInt(4));
    String any = paths.isEmpty() ? null : root + paths.get(random.nextInt(paths.size()));
    Node taken = now.get(name.substring(root.length()));
    int choice = random.nextInt(10);
    if (choice < 4 || any == null) {
      if (taken == null || taken.content != null) {
        write(name, "content " + random.nextInt(1_000_000));
      }
    } else if (choice < 6) {
      if (taken == null) {
        client.paths().mkdirs(name);
      }
    } else if (choice < 8) {
      boolean directoryMoves = now.get(any.substring(root.length())).content == null;
      boolean fits =
          taken == null || (!directoryMoves && taken.content != null && !any.equals(name));
      if (fits && !(name + "/").startsWith(any + "/")) {
        client.paths().rename(any, name);
      }
    } else if (choice < 9) {
      cli.ok("rm", "-r", any);
    } else {
      client.paths().rename(any, outside + "/" + Long.toHexString(random.nextLong()));
    }
  }
}
