package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.FileWriter;
import org.eggsfs.client.Stat;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.gc.defrag.DefragCounters;
import org.eggsfs.gc.defrag.DefragListener;
import org.eggsfs.gc.defrag.DefragSettings;
import org.eggsfs.gc.defrag.ResizedFile;
import org.eggsfs.gc.defrag.SpanSizeDefragmenter;
import org.eggsfs.gc.repair.SpanPages;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.SpanPolicy;
import org.eggsfs.protocol.struct.SpanPolicyEntry;
import org.eggsfs.protocol.struct.TransientFile;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: files get spans of the size that their policy asks for, and users see nothing of it: not in
 * bytes, not in times, and whatever they do to a name meanwhile stands. Method: one instance; each
 * test has a directory, whose policy changes after its files are written; what happens to names
 * happens between the end of the copying and the exchange, or at any moment.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SpanSizesInstanceTest {
  private static final int SMALL = 64 << 10;
  private static final int LARGE = 256 << 10;
  private static final int PARITY = Parity.of(2, 1);
  private static final JsonMapper JSON = new JsonMapper();

  private LocalInstance instance;
  private EggsClient client;
  private Cli cli;

  @BeforeAll
  void start(@TempDir Path folder) throws Exception {
    InstanceOptions options = InstanceTest.options(folder);
    options.noGc = true;
    instance = InstanceTest.startReady(options);
    client = EggsClient.connect(ClientConfig.builder().shuckle(instance.shuckleAddress()).build());
    cli = new Cli(instance);
  }

  @AfterAll
  void checkAndStop() {
    try {
      String online = cli.ok("fsck");
      assertTrue(online.contains("clean"), online);
    } finally {
      client.close();
      instance.close();
    }
  }

  private void policy(String directory, int spanSizeMax) throws Exception {
    Message policy = new SpanPolicy(List.of(new SpanPolicyEntry(spanSizeMax, PARITY)));
    ByteBuffer body = Frames.buffer(policy.encodedSize());
    policy.encode(body);
    client
        .inodes()
        .setPolicy(client.paths().resolve(directory).id(), DirectoryInfoTag.SPAN, body.array());
  }

  private static byte[] content(int seed, int size) {
    byte[] content = new byte[size];
    new SplittableRandom(seed).nextBytes(content);
    return content;
  }

  private long put(String path, byte[] content) throws Exception {
    try (FileWriter writer = client.paths().create(path)) {
      writer.write(content, 0, content.length);
      return writer.commit();
    }
  }

  private byte[] get(long file) throws Exception {
    try (FileReader reader = client.files().open(file)) {
      ByteBuffer into = ByteBuffer.allocate((int) reader.size());
      reader.readFully(0, into);
      return into.array();
    }
  }

  private byte[] get(String path) throws Exception {
    return get(client.paths().resolve(path).id());
  }

  private List<Long> spanSizes(long file) throws Exception {
    List<Long> sizes = new ArrayList<>();
    SpanPages pages = new SpanPages(client, file);
    for (List<StoredSpan> spans = pages.next(); !spans.isEmpty(); spans = pages.next()) {
      spans.forEach(span -> sizes.add(span.size()));
    }
    return sizes;
  }

  private List<Long> spanSizes(String path) throws Exception {
    return spanSizes(client.paths().resolve(path).id());
  }

  private static List<Long> sizes(long... sizes) {
    return Arrays.stream(sizes).boxed().toList();
  }

  private Map<String, Long> names(String directory) throws Exception {
    Map<String, Long> names = new TreeMap<>();
    for (CurrentEdge edge : client.paths().list(directory)) {
      names.put(new String(edge.name(), StandardCharsets.UTF_8), edge.targetId());
    }
    return names;
  }

  /** All edges of a name: snapshots by age, then the current one. */
  private List<Edge> edges(String directory, String name) throws Exception {
    long id = client.paths().resolve(directory).id();
    FullReadDirResponse all =
        client.shard(
            InodeIds.shard(id),
            new FullReadDirRequest(id, 4, name.getBytes(StandardCharsets.UTF_8), 0, 0, 0));
    return all.results();
  }

  private DefragCounters run(String path, DefragListener listener) throws Exception {
    DefragCounters counters = new DefragCounters();
    try (SpanSizeDefragmenter defragmenter =
        new SpanSizeDefragmenter(client, DefragSettings.DEFAULT, counters)) {
      defragmenter.run(path, listener);
    }
    return counters;
  }

  @Test
  void spansOfEverySizeBecomeAsThePolicySays() throws Exception {
    client.paths().mkdir("/sizes");
    policy("/sizes", SMALL);
    int[] sizes = {0, 1, 255, 256, SMALL - 1, SMALL, SMALL + 1, LARGE, LARGE + 255, 700_001};
    Map<Integer, Long> before = new HashMap<>();
    for (int size : sizes) {
      before.put(size, put("/sizes/" + size, content(size, size)));
      client.paths().setTimes("/sizes/" + size, 1_000_000_007L + size, 2_000_000_011L + size);
    }
    assertEquals(11, spanSizes("/sizes/700001").size());
    policy("/sizes", LARGE);
    Set<String> announced = ConcurrentHashMap.newKeySet();
    DefragCounters counters =
        run(
            "/sizes",
            new DefragListener() {
              @Override
              public void unfit(ResizedFile file) {
                announced.add(file.path() + " " + file.spansBefore() + " " + file.spansAfter());
              }
            });
    assertEquals(
        Set.of(
            "/sizes/" + (SMALL + 1) + " 2 1",
            "/sizes/" + LARGE + " 4 1",
            "/sizes/" + (LARGE + 255) + " 5 2",
            "/sizes/700001 11 3"),
        announced);
    assertEquals(4, counters.resizedFiles.get());
    assertEquals(sizes.length, counters.analyzedFiles.get());
    assertEquals(0, counters.failedFiles.get());
    assertEquals(sizes(LARGE, 255), spanSizes("/sizes/" + (LARGE + 255)));
    assertEquals(sizes(LARGE, LARGE, 700_001 - 2 * LARGE), spanSizes("/sizes/700001"));
    for (int size : sizes) {
      assertArrayEquals(content(size, size), get("/sizes/" + size));
      Stat stat = client.paths().stat("/sizes/" + size);
      assertEquals(1_000_000_007L + size, stat.mtime());
      assertEquals(2_000_000_011L + size, stat.atime());
      List<Edge> edges = edges("/sizes", "" + size);
      if (stat.id() == before.get(size)) {
        assertEquals(1, edges.size());
      } else {
        // The old version is a snapshot, as after an overwrite, and whole.
        assertEquals(2, edges.size());
        assertEquals(InodeIds.withExtra(before.get(size), true), edges.getFirst().targetId());
        assertArrayEquals(content(size, size), get(before.get(size)));
      }
    }
    assertEquals(0, run("/sizes", DefragListener.NONE).resizedFiles.get(), "nothing is left");

    // And the other way: spans that are too large.
    policy("/sizes", SMALL);
    assertEquals(4, run("/sizes", DefragListener.NONE).resizedFiles.get());
    assertEquals(sizes(SMALL, SMALL, SMALL, SMALL, 255), spanSizes("/sizes/" + (LARGE + 255)));
    for (int size : sizes) {
      assertArrayEquals(content(size, size), get("/sizes/" + size));
      assertEquals(1_000_000_007L + size, client.paths().stat("/sizes/" + size).mtime());
    }
  }

  /** A file that was renamed here from a directory of another shard lives in that shard. */
  @Test
  void timesComeAlongFromAnotherShard() throws Exception {
    client.paths().mkdir("/cross");
    int number = 0;
    while (InodeIds.shard(client.paths().mkdir("/cross/from" + number))
        == InodeIds.shard(client.paths().resolve("/cross").id())) {
      number++;
    }
    String from = "/cross/from" + number;
    policy("/cross", SMALL);
    long file = put(from + "/f", content(1, 200_000));
    client.paths().setTimes(from + "/f", 11, 12);
    client.paths().rename(from + "/f", "/cross/f");
    assertNotEquals(InodeIds.shard(file), InodeIds.shard(client.paths().resolve("/cross").id()));
    policy("/cross", LARGE);
    assertEquals(1, run("/cross/f", DefragListener.NONE).resizedFiles.get());
    Stat stat = client.paths().stat("/cross/f");
    assertEquals(11, stat.mtime());
    assertEquals(12, stat.atime());
    assertEquals(sizes(200_000), spanSizes(stat.id()));
    assertArrayEquals(content(1, 200_000), get(stat.id()));
  }

  /** Everything happens when the copy is complete, which is the worst moment. */
  @Test
  void whatIsDoneToANameMeanwhileStands() throws Exception {
    client.paths().mkdir("/race");
    client.paths().mkdir("/race/d");
    client.paths().mkdir("/race/other");
    policy("/race", SMALL);
    List<String> cases =
        List.of(
            "overwritten",
            "removed",
            "renamed",
            "movedAway",
            "removedAndDirectory",
            "thereAndBack",
            "overwrittenByRename",
            "touched",
            "untouched");
    for (int i = 0; i < cases.size(); i++) {
      put("/race/d/" + cases.get(i), content(i, 150_000));
    }
    put("/race/other/newer", content(100, 5_000));
    Map<String, Long> before = names("/race/d");
    policy("/race", LARGE);
    Set<String> changed = ConcurrentHashMap.newKeySet();
    AtomicInteger copies = new AtomicInteger();
    DefragCounters counters =
        run(
            "/race/d",
            new DefragListener() {
              @Override
              public void copied(String path, long file) {
                copies.incrementAndGet();
                try {
                  meddle(path);
                } catch (Exception e) {
                  throw new IllegalStateException(e);
                }
              }

              @Override
              public void nameChanged(String path, long file) {
                changed.add(path.substring(path.lastIndexOf('/') + 1));
              }
            });
    assertEquals(cases.size(), copies.get());
    assertEquals(0, counters.failedFiles.get());
    assertEquals(Set.copyOf(cases.subList(0, 7)), changed);
    assertEquals(7, counters.changedNames.get());
    assertEquals(2, counters.resizedFiles.get());

    Map<String, Long> after = names("/race/d");
    assertEquals(
        Set.of(
            "overwritten",
            "renamedTo",
            "removedAndDirectory",
            "thereAndBack",
            "overwrittenByRename",
            "touched",
            "untouched"),
        after.keySet());
    assertArrayEquals(content(50, 3_000), get("/race/d/overwritten"));
    assertEquals(before.get("renamed"), after.get("renamedTo"));
    assertEquals(before.get("movedAway"), client.paths().resolve("/race/other/movedHere").id());
    assertTrue(InodeIds.isDirectory(after.get("removedAndDirectory")));
    assertEquals(before.get("thereAndBack"), after.get("thereAndBack"));
    assertArrayEquals(content(100, 5_000), get("/race/d/overwrittenByRename"));
    // Times that were set while the copying went on are the copy's.
    assertNotEquals(before.get("touched"), after.get("touched"));
    assertEquals(77, client.paths().stat("/race/d/touched").mtime());
    assertEquals(78, client.paths().stat("/race/d/touched").atime());
    assertNotEquals(before.get("untouched"), after.get("untouched"));
    for (String name : List.of("touched", "untouched")) {
      assertArrayEquals(content(cases.indexOf(name), 150_000), get("/race/d/" + name));
      assertEquals(sizes(150_000), spanSizes("/race/d/" + name));
    }
  }

  private void meddle(String path) throws Exception {
    String name = path.substring(path.lastIndexOf('/') + 1);
    switch (name) {
      case "overwritten" -> put(path, content(50, 3_000));
      case "removed" -> client.paths().unlink(path);
      case "renamed" -> client.paths().rename(path, "/race/d/renamedTo");
      case "movedAway" -> client.paths().rename(path, "/race/other/movedHere");
      case "removedAndDirectory" -> {
        client.paths().unlink(path);
        client.paths().mkdir(path);
      }
      case "thereAndBack" -> {
        client.paths().rename(path, "/race/d/away");
        client.paths().rename("/race/d/away", path);
      }
      case "overwrittenByRename" -> client.paths().rename("/race/other/newer", path);
      case "touched" -> client.paths().setTimes(path, 77, 78);
      default -> assertEquals("untouched", name);
    }
  }

  /**
   * Each name has one user, who alone knows what must be there; the policy changes to and fro, so
   * that there is always something to copy.
   */
  @Test
  void manyNamesInUseAtAnyMoment() throws Exception {
    int names = 6;
    int steps = 25;
    client.paths().mkdir("/busy");
    policy("/busy", SMALL);
    AtomicBoolean stop = new AtomicBoolean();
    Map<String, byte[]> expected = new ConcurrentHashMap<>();
    DefragCounters total = new DefragCounters();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        SpanSizeDefragmenter defragmenter =
            new SpanSizeDefragmenter(client, DefragSettings.DEFAULT, total)) {
      List<Future<?>> users = new ArrayList<>();
      for (int user = 0; user < names; user++) {
        int number = user;
        users.add(
            threads.submit(
                () -> {
                  use("/busy/n" + number, number, steps, expected);
                  return null;
                }));
      }
      Future<?> defrag =
          threads.submit(
              () -> {
                for (int round = 0; !stop.get() || round < 2; round++) {
                  policy("/busy", round % 2 == 0 ? LARGE : SMALL);
                  defragmenter.run("/busy", DefragListener.NONE);
                }
                return null;
              });
      try {
        for (Future<?> user : users) {
          user.get();
        }
      } finally {
        stop.set(true);
      }
      defrag.get();
    }
    assertEquals(0, total.failedFiles.get());
    assertTrue(total.resizedFiles.get() > 0, "nothing was copied");
    Map<String, Long> left = names("/busy");
    assertEquals(expected.size(), left.size(), left.keySet() + " of " + expected.keySet());
    for (Map.Entry<String, byte[]> file : expected.entrySet()) {
      assertArrayEquals(file.getValue(), get(file.getKey()), file.getKey());
    }
  }

  private void use(String path, int user, int steps, Map<String, byte[]> expected)
      throws Exception {
    SplittableRandom random = new SplittableRandom(user);
    String at = path;
    String away = path + "-away";
    for (int step = 0; step < steps; step++) {
      byte[] there = expected.get(at);
      switch (there == null ? 0 : random.nextInt(5)) {
        case 0, 1 -> {
          byte[] content = content(1000 * user + step, 70_000 + random.nextInt(200_000));
          put(at, content);
          expected.put(at, content);
        }
        case 2 -> {
          client.paths().unlink(at);
          expected.remove(at);
        }
        case 3 -> {
          String to = at.equals(path) ? away : path;
          client.paths().rename(at, to);
          expected.remove(at);
          expected.put(to, there);
          at = to;
        }
        default -> assertArrayEquals(there, get(at), at);
      }
    }
  }

  @Test
  void theCommand() throws Exception {
    cli.ok("mkdir", "/command");
    policy("/command", SMALL);
    put("/command/a", content(1, 300_000));
    put("/command/b", content(2, 100));
    policy("/command", LARGE);
    String would = cli.ok("defrag-spans", "--dry-run", "/command");
    assertEquals(
        "/command/a 293.0 KiB in 5 spans instead of 2, to be copied\n1 files to copy, 293.0 KiB\n",
        would.replace("\r", ""));
    JsonNode look = JSON.readTree(cli.ok("defrag-spans", "--dry-run", "--json", "/command"));
    assertEquals(1, look.get("files").asLong());
    assertEquals(300_000, look.get("bytes").asLong());
    assertEquals(5, spanSizes("/command/a").size(), "a dry run changes nothing");

    String done = cli.ok("defrag-spans", "-v", "--path", "/command");
    assertTrue(done.contains("/command/a 293.0 KiB in 5 spans instead of 2, copied"), done);
    assertTrue(done.contains("defrag resized files 1"), done);
    assertEquals(sizes(LARGE, 300_000 - LARGE), spanSizes("/command/a"));
    assertArrayEquals(content(1, 300_000), get("/command/a"));
    JsonNode again = JSON.readTree(cli.ok("defrag-spans", "--json", "/command"));
    assertEquals(0, again.get("defrag_resized_files").asLong());
    assertEquals(2, again.get("defrag_analyzed_files").asLong());

    assertEquals(ExitCodes.USAGE, cli.run("defrag-spans").exitCode());
    assertEquals(ExitCodes.FAILED, cli.run("defrag-spans", "/command/nothing").exitCode());
  }

  @Test
  void aCopyWhoseNameIsRefusedIsScrapped() throws Exception {
    client.paths().mkdir("/scrap");
    policy("/scrap", SMALL);
    put("/scrap/f", content(3, 200_000));
    policy("/scrap", LARGE);
    long directory = client.paths().resolve("/scrap").id();
    Set<Long> before = new HashSet<>();
    transientFiles(directory).forEach(file -> before.add(file.id()));
    DefragListener removing =
        new DefragListener() {
          @Override
          public void copied(String path, long file) {
            try {
              client.paths().unlink(path);
            } catch (EggsException | IOException e) {
              throw new IllegalStateException(e);
            }
          }
        };
    assertEquals(1, run("/scrap", removing).changedNames.get());
    List<TransientFile> left = transientFiles(directory);
    left.removeIf(file -> before.contains(file.id()));
    assertEquals(1, left.size(), "the copy, until it is destroyed");
    // Nobody waits for a scrap; its effect is that the deadline is over.
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (transientFiles(directory).stream()
        .anyMatch(
            file ->
                file.id() == left.getFirst().id()
                    && file.deadlineTime() > TimeUnit.MILLISECONDS.toNanos(now()))) {
      assertTrue(System.nanoTime() < end, "the copy is not scrapped");
      Thread.sleep(20);
    }
    EggsException gone =
        assertThrows(EggsException.class, () -> client.paths().resolve("/scrap/f"));
    assertEquals(ErrorCode.NAME_NOT_FOUND, gone.code());
  }

  private static long now() {
    return System.currentTimeMillis();
  }

  private List<TransientFile> transientFiles(long directory) throws Exception {
    VisitTransientFilesResponse page =
        client.shard(InodeIds.shard(directory), new VisitTransientFilesRequest(0, 0));
    return new ArrayList<>(page.files());
  }
}
