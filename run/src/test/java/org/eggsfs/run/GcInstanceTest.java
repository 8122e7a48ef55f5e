package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Gc;
import org.eggsfs.gc.GcConfig;
import org.eggsfs.gc.ShardWork;
import org.eggsfs.gc.WallClock;
import org.eggsfs.gc.collect.CollectConfig;
import org.eggsfs.gc.destruct.DestructConfig;
import org.eggsfs.gc.destruct.DestructCounters;
import org.eggsfs.gc.destruct.Destructor;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.shard.AddInlineSpanRequest;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateRequest;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesResponse;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitFilesResponse;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.TransientFile;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: what is deleted and collected leaves nothing behind, in any shard and on any disk, and what
 * is not deleted is not touched. Method: a whole instance in this process whose policies and
 * minimum ages let everything go at once; each test leaves it empty.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GcInstanceTest {
  private static final int SERVERS = 14;
  private static final long PATIENCE_NANOS = 60_000_000_000L;
  private static final CollectConfig COLLECT =
      CollectConfig.DEFAULT.withMinEdgeAge(0).withWork(ShardWork.everyNanos(50_000_000));
  private static final DestructConfig DESTRUCT =
      DestructConfig.DEFAULT.withSlack(0).withWork(ShardWork.everyNanos(50_000_000));

  @TempDir private static Path folder;
  private InstanceOptions options;
  private LocalInstance instance;
  private EggsClient client;
  private Cli cli;

  @BeforeAll
  void start() throws Exception {
    options = InstanceTest.options(folder);
    options.failureDomains = SERVERS;
    options.eraseCutoff = 0L;
    options.noGc = true;
    instance = InstanceTest.startReady(options);
    client = EggsClient.connect(clientConfig());
    cli = new Cli(instance);
    cli.ok("set-policy", "--yes", "/", "SNAPSHOT", "{\"DeleteAfterVersions\":0}");
  }

  private ClientConfig clientConfig() {
    return ClientConfig.builder().shuckle(instance.shuckleAddress()).build();
  }

  @AfterAll
  void stop() {
    client.close();
    instance.close();
    assertEquals(ExitCodes.OK, Eggs.start("fsck", "--data-dir", options.dataDir.toString()));
  }

  /** One cycle of the given jobs by the role's own command. */
  private int gc(String... more) {
    return gcWithAges("0", "0", more);
  }

  private int gcWithAges(String minEdgeAge, String slack, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                "-registry",
                "127.0.0.1:" + instance.shuckleAddress().getPort(),
                "-data-dir",
                folder.resolve("gc").toString(),
                "-log-level",
                "error",
                "-collect-directories-min-edge-age",
                minEdgeAge,
                "-destruct-files-slack",
                slack,
                "-single-iteration"));
    args.addAll(List.of(more));
    return Eggs.start("gc", args.toArray(String[]::new));
  }

  private void collectAndDestruct() {
    assertEquals(ExitCodes.OK, gc("-collect-directories"));
    assertEquals(ExitCodes.OK, gc("-destruct-files"));
  }

  /** Everything that is left, in words; empty if there is nothing but the root. */
  private String leftovers() throws EggsException, IOException {
    List<String> left = allLeftovers();
    return left.isEmpty() ? "" : left.size() + ": " + left.subList(0, Math.min(10, left.size()));
  }

  private List<String> allLeftovers() throws EggsException, IOException {
    List<String> left = new ArrayList<>();
    for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
      VisitDirectoriesResponse directories = client.shard(shard, new VisitDirectoriesRequest(0, 0));
      for (long id : directories.ids()) {
        FullReadDirResponse edges =
            client.shard(shard, new FullReadDirRequest(id, 0, new byte[0], 0, 0, 0));
        if (id != InodeIds.ROOT || !edges.results().isEmpty()) {
          left.add("directory " + InodeIds.format(id) + " edges " + edges.results().size());
        }
      }
      VisitFilesResponse files = client.shard(shard, new VisitFilesRequest(0, 0));
      for (long id : files.ids()) {
        left.add("file " + InodeIds.format(id));
      }
      for (TransientFile file : transientFiles(shard)) {
        left.add("transient file " + InodeIds.format(file.id()));
      }
    }
    for (Path block : blockFiles()) {
      left.add("block " + folder.relativize(block));
    }
    return left;
  }

  private List<TransientFile> transientFiles(int shard) throws EggsException, IOException {
    VisitTransientFilesResponse page = client.shard(shard, new VisitTransientFilesRequest(0, 0));
    return page.files();
  }

  private List<Path> blockFiles() throws IOException {
    List<Path> blocks = new ArrayList<>();
    for (int server = 0; server < SERVERS; server++) {
      Path disk = new InstanceLayout(options.dataDir).blockService(server, 0);
      try (Stream<Path> files = Files.walk(disk.resolve("with_crc"))) {
        files.filter(Files::isRegularFile).forEach(blocks::add);
      }
    }
    return blocks;
  }

  private Path tree() throws IOException {
    Path tree = folder.resolve("tree");
    if (!Files.exists(tree)) {
      Trees.make(tree, 3);
    }
    return tree;
  }

  @Test
  void whatIsDeletedLeavesNothingAndWhatIsNotStays() throws Exception {
    Path tree = tree();
    cli.ok("cp", "-r", tree.toString(), "eggs:/gone");
    cli.ok("mkdir", "/kept");
    // The second time over what is there: each file has a past version then.
    cli.ok("cp", "-r", tree.toString(), "eggs:/kept");
    cli.ok("cp", "-r", tree.toString(), "eggs:/kept");
    // Files whose inode is in another shard than their last directory go through the CDC.
    cli.ok("mkdir", "/elsewhere");
    cli.ok("mv", "/gone/file-70000", "/gone/file-200", "/gone/a/b", "/elsewhere");
    cli.ok("rm", "-r", "/elsewhere");
    cli.ok("rm", "-r", "/gone");
    // A writer that gives up.
    try (FileWriter writer = client.paths().create("/kept/never")) {
      writer.write(new byte[100_000], 0, 100_000);
    }
    int blocksBefore = blockFiles().size();

    collectAndDestruct();
    assertTrue(blockFiles().size() < blocksBefore);
    Path out = folder.resolve("out");
    cli.ok("cp", "-r", "eggs:/kept/tree", out.toString());
    Trees.assertSame(tree, out);
    String online = cli.ok("fsck");
    assertTrue(online.contains("clean"), online);

    cli.ok("rm", "-r", "/kept");
    collectAndDestruct();
    assertEquals("", leftovers());
    String status = Files.readString(folder.resolve("gc/status.json"));
    assertTrue(status.contains("\"destructed_files\""), status);
  }

  @Test
  void agesKeepWhatIsYoung() throws Exception {
    cli.ok("cp", "-r", tree().toString(), "eggs:/young");
    cli.ok("rm", "-r", "/young");
    int blocks = blockFiles().size();
    assertEquals(ExitCodes.OK, gcWithAges("1h", "0", "-collect-directories"));
    assertEquals(ExitCodes.OK, gc("-destruct-files"));
    assertEquals(blocks, blockFiles().size());
    // Expired, but not for long enough.
    assertEquals(ExitCodes.OK, gc("-collect-directories"));
    assertEquals(ExitCodes.OK, gcWithAges("0", "1h", "-destruct-files"));
    assertEquals(blocks, blockFiles().size());
    assertEquals(ExitCodes.OK, gc("-destruct-files"));
    assertEquals("", leftovers());
  }

  @Test
  void metricsAreSent() throws Exception {
    List<String> received = new CopyOnWriteArrayList<>();
    HttpServer influx =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    influx.createContext(
        "/api/v2/write",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          received.add(new String(body, StandardCharsets.UTF_8));
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    influx.start();
    try {
      int exitCode =
          gc(
              "-collect-directories",
              "-count-metrics",
              "-app-instance",
              "gc 1",
              "-influx-db-origin",
              "http://127.0.0.1:" + influx.getAddress().getPort(),
              "-influx-db-org",
              "o",
              "-influx-db-bucket",
              "b");
      assertEquals(ExitCodes.OK, exitCode);
    } finally {
      influx.stop(0);
    }
    String last = received.getLast();
    assertTrue(last.contains("eggsfs_gc alerts_active=0i,"), last);
    assertTrue(last.contains("visited_directories=1i"), last);
    assertTrue(last.contains("eggsfs_gc_job,instance=gc\\ 1,job=collect_directories "), last);
    int root = InodeIds.shard(InodeIds.ROOT);
    assertTrue(last.contains("eggsfs_directories,shard=" + root + " count=1i "), last);
    assertTrue(last.contains("eggsfs_transient_files,shard=255 count=0i "), last);
  }

  @Test
  void onlyChosenShardsAreVisited() throws Exception {
    List<Integer> shards = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      long directory = client.paths().mkdir("/d" + i);
      shards.add(InodeIds.shard(directory));
      write("/d" + i + "/f", 5_000);
      client.paths().unlink("/d" + i + "/f");
      client.paths().rmdir("/d" + i);
    }
    int first = shards.getFirst();
    assertEquals(ExitCodes.OK, gc("-collect-directories", Integer.toString(first)));
    for (int shard : shards) {
      assertEquals(shard == first, !transientFiles(shard).isEmpty(), "shard " + shard);
    }
    for (int partition = 0; partition < 3; partition++) {
      String index = Integer.toString(partition);
      String[] share = {"-partition-count", "3", "-partition-index", index};
      assertEquals(
          ExitCodes.OK, gc("-collect-directories", share[0], share[1], share[2], share[3]));
      assertEquals(ExitCodes.OK, gc("-destruct-files", share[0], share[1], share[2], share[3]));
    }
    assertEquals("", leftovers());
  }

  @Test
  void twoCollectorsAtOnceHarmNobody() throws Exception {
    try (Gc one =
            Gc.start(
                EggsClient.connect(clientConfig()), daemon(), (c, cursors, alerts) -> List.of());
        Gc two =
            Gc.start(
                EggsClient.connect(clientConfig()), daemon(), (c, cursors, alerts) -> List.of())) {
      for (int round = 0; round < 2; round++) {
        cli.ok("cp", "-r", tree().toString(), "eggs:/round" + round);
        if (round > 0) {
          cli.ok("mv", "/round0/a", "/round" + round + "/moved");
        }
      }
      cli.ok("rm", "-r", "/round0", "/round1");
      long end = System.nanoTime() + PATIENCE_NANOS;
      while (!leftovers().isEmpty() && System.nanoTime() < end) {
        Thread.sleep(100);
      }
      assertEquals("", leftovers());
      for (Gc gc : List.of(one, two)) {
        gc.counters()
            .forEach(
                (job, counters) ->
                    counters.forEach(
                        (name, value) ->
                            assertFalse(
                                name.startsWith("failed") && value != 0, job + " " + counters)));
        assertEquals(Map.of(), gc.activeAlerts());
      }
    }
  }

  private static GcConfig daemon() {
    return new GcConfig(
        null, GcConfig.allShards(), false, Optional.of(COLLECT), Optional.of(DESTRUCT), true, true);
  }

  @Test
  void destructionGoesOnWhereItWasCut() throws Exception {
    client.paths().mkdir("/cut");
    cli.ok(
        "set-policy",
        "--yes",
        "/cut",
        "SPAN",
        "{\"Entries\":[{\"MaxSize\":65536,\"Parity\":[2,4]}]}");
    try (EggsClient fresh = EggsClient.connect(clientConfig());
        FileWriter writer = fresh.paths().create("/cut/f")) {
      writer.write(new byte[3 * 65_536], 0, 3 * 65_536);
      writer.commit();
    }
    long file = client.paths().resolve("/cut/f").id();
    cli.ok("rm", "-r", "/cut");
    assertEquals(ExitCodes.OK, gc("-collect-directories"));
    TransientFile listed = transientFiles(InodeIds.shard(file)).getFirst();
    assertEquals(file, listed.id());
    // Each attempt ends one request later than the one before, until one comes to the end.
    int cuts = 0;
    boolean done = false;
    while (!done) {
      AtomicInteger left = new AtomicInteger(cuts);
      Destructor destructor = destructor(new Cut(Cluster.of(client), left));
      try {
        Destructor.Outcome outcome =
            destructor.destructFile(file, listed.cookie(), listed.deadlineTime());
        done = outcome == Destructor.Outcome.DESTROYED;
      } catch (IOException e) {
        assertTrue(e.getMessage().contains("cut"), e.getMessage());
      }
      cuts++;
      assertTrue(cuts < 1_000, "destruction does not come to an end");
    }
    assertTrue(cuts > 3, "cut only " + cuts + " times");
    // The files that the writer used as helpers.
    assertEquals(ExitCodes.OK, gc("-destruct-files"));
    assertEquals("", leftovers());
  }

  @Test
  void whatIsBeingWrittenCannotBeDestroyed() throws Exception {
    long directory = client.paths().mkdir("/w");
    byte[] content = {1, 2, 3};
    ConstructFileResponse file =
        client.shard(
            InodeIds.shard(directory), new ConstructFileRequest(InodeIds.FILE, new byte[0]));
    client.shard(
        InodeIds.shard(file.id()),
        new AddInlineSpanRequest(
            file.id(),
            file.cookie(),
            StorageClass.INLINE,
            0,
            content.length,
            Crc32c.sum(0, content, 0, content.length),
            content));
    // The shard refuses a collector whose clock is wrong ...
    EggsException refused =
        assertThrows(
            EggsException.class,
            () ->
                client.shard(
                    InodeIds.shard(file.id()),
                    new RemoveSpanInitiateRequest(file.id(), file.cookie())));
    assertEquals(ErrorCode.DEADLINE_NOT_PASSED, refused.code());
    assertEquals(
        Destructor.Outcome.NOT_EXPIRED,
        destructor(Cluster.of(client)).destructFile(file.id(), file.cookie(), 0));
    // ... and so the file is linked whole.
    client.shard(
        InodeIds.shard(file.id()),
        new LinkFileRequest(file.id(), file.cookie(), directory, new byte[] {'f'}));
    assertEquals(3, client.paths().stat("/w/f").size());
    cli.ok("rm", "-r", "/w");
    collectAndDestruct();
    assertEquals("", leftovers());
  }

  private static Destructor destructor(Cluster cluster) {
    return new Destructor(
        cluster, DESTRUCT, new DestructCounters(), new Alerts(), WallClock::nanos);
  }

  private void write(String path, int size) throws EggsException, IOException {
    try (FileWriter writer = client.paths().create(path)) {
      byte[] bytes = new byte[size];
      new java.util.SplittableRandom(size).nextBytes(bytes);
      writer.write(bytes, 0, size);
      writer.commit();
    }
  }

  /** Lets so many requests through and then none. */
  @SuppressWarnings("TypeParameterUnusedInFormals")
  private record Cut(Cluster cluster, AtomicInteger left) implements Cluster {
    private void count() throws IOException {
      if (left.decrementAndGet() < 0) {
        throw new IOException("cut");
      }
    }

    @Override
    public <R extends ShardResponse> R shard(int shard, ShardRequest request)
        throws EggsException, IOException {
      count();
      return cluster.shard(shard, request);
    }

    @Override
    public <R extends CdcResponse> R cdc(CdcRequest request) throws EggsException, IOException {
      count();
      return cluster.cdc(request);
    }

    @Override
    public <R extends ShuckleResponse> R shuckle(ShuckleRequest request)
        throws EggsException, IOException {
      count();
      return cluster.shuckle(request);
    }

    @Override
    public long erase(AddrsInfo addrs, long serviceId, long blockId, long certificate)
        throws EggsException, IOException {
      count();
      return cluster.erase(addrs, serviceId, blockId, certificate);
    }
  }
}
