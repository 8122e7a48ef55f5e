package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Cursors;
import org.eggsfs.gc.OneShot;
import org.eggsfs.gc.ShardPass;
import org.eggsfs.gc.defrag.DefragCounters;
import org.eggsfs.gc.defrag.DefragListener;
import org.eggsfs.gc.defrag.DefragSettings;
import org.eggsfs.gc.defrag.Defragmenter;
import org.eggsfs.gc.destruct.DestructConfig;
import org.eggsfs.gc.destruct.DestructCounters;
import org.eggsfs.gc.migrate.MigrateCounters;
import org.eggsfs.gc.migrate.MigrateListener;
import org.eggsfs.gc.migrate.MigrateReport;
import org.eggsfs.gc.migrate.MigrateSettings;
import org.eggsfs.gc.migrate.MigrationStatus;
import org.eggsfs.gc.migrate.Migrator;
import org.eggsfs.gc.repair.RepairSettings;
import org.eggsfs.gc.repair.ReplacedBlock;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.gc.scrub.FileHealth;
import org.eggsfs.gc.scrub.ScrubCounters;
import org.eggsfs.gc.scrub.ScrubListener;
import org.eggsfs.gc.scrub.ScrubProgress;
import org.eggsfs.gc.scrub.ScrubSettings;
import org.eggsfs.gc.scrub.Scrubber;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesResponse;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsRequest;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.FailureDomain;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: damaged and retired disks are made good, exactly, while files are in use. Method: a whole
 * instance in this process whose block files are damaged behind its back, repaired through the
 * classes that eggsgc and the command line use, then compared block by block and byte by byte.
 */
class RepairInstanceTest {
  private static final int SERVERS = 16;
  private static final int BLOCKS = 14;
  private static final long SEED = 20261124;
  private static final MigrateSettings MIGRATION =
      new MigrateSettings(
          0,
          1,
          null,
          false,
          8,
          Duration.ofMillis(200),
          Duration.ofSeconds(2),
          RepairSettings.DEFAULT);
  private static final long WAIT_NANOS_MAX = 120_000_000_000L;

  /** The shards hear of a retired disk within a second, in which the writer writes on. */
  private static final long WRITER_BYTES_MAX = 2_000_000;

  @TempDir private Path folder;
  private LocalInstance instance;
  private EggsClient client;
  private StoredFiles files;
  private final Random random = new Random(SEED);

  private void start(int servers, int flashServices) throws Exception {
    InstanceOptions options = InstanceTest.options(folder);
    options.failureDomains = servers;
    options.noGc = true;
    options.hddBlockServices = 1;
    options.flashBlockServices = flashServices;
    options.eraseCutoff = 1L;
    options.refreshInterval = 200_000_000L;
    options.registerInterval = 500_000_000L;
    instance = InstanceTest.startReady(options);
    client = connect(instance);
    files = new StoredFiles(client);
  }

  private static EggsClient connect(LocalInstance instance) throws Exception {
    return EggsClient.connect(ClientConfig.builder().shuckle(instance.shuckleAddress()).build());
  }

  @AfterEach
  void checkAndStop() throws CommandFailure {
    try {
      String online = new Cli(instance).ok("fsck");
      assertTrue(online.contains("clean"), online);
    } finally {
      client.close();
      instance.close();
    }
  }

  /** What a scrub said. */
  private static final class Said implements ScrubListener {
    final Set<Long> found = ConcurrentHashMap.newKeySet();
    final Set<Long> repaired = ConcurrentHashMap.newKeySet();
    final Map<Long, Exception> failed = new ConcurrentHashMap<>();

    @Override
    public void found(StoredBlock block, ErrorCode verdict) {
      found.add(block.blockId());
    }

    @Override
    public void repaired(ReplacedBlock block) {
      repaired.add(block.old().blockId());
    }

    @Override
    public void failed(long file, Exception reason) {
      failed.put(file, reason);
    }
  }

  @Test
  void oneScrubRepairsExactlyWhatWasDamaged() throws Exception {
    start(SERVERS, 1);
    files.make("d", 280, 3_000, 41_000);
    files.make("large", 2, 10_000, 300_000, 30_000_000);
    Set<Integer> shards = new HashSet<>();
    files.ids().forEach(id -> shards.add(InodeIds.shard(id)));
    assertTrue(shards.size() > 150, shards.size() + " shards");
    Set<Long> damaged = damageUpToParityOfEverySpan();
    files.checkAll();

    Said said = new Said();
    ScrubCounters counters = new ScrubCounters();
    try (Scrubber scrubber = new Scrubber(client, ScrubSettings.UNLIMITED, counters)) {
      scrubber.runCycle(ScrubProgress.NONE, said);
      assertEquals(Map.of(), said.failed);
      assertEquals(new TreeSet<>(damaged), new TreeSet<>(said.found));
      assertEquals(new TreeSet<>(damaged), new TreeSet<>(said.repaired));
      assertEquals(damaged.size(), counters.scrubbedBlocks.get());
      assertEquals(0, counters.unreachableBlocks.get());
      assertEquals(files.count(), counters.visitedFiles.get());

      Said again = new Said();
      scrubber.runCycle(ScrubProgress.NONE, again);
      assertEquals(Set.of(), again.found);
      assertEquals(damaged.size(), counters.scrubbedBlocks.get());
    }
    files.checkAll();
    assertSpansAreWhole();
  }

  /** Every block of every span is there with distinct failure domains. */
  private void assertSpansAreWhole() throws Exception {
    for (long id : files.ids()) {
      for (StoredSpan span : files.spans(id)) {
        for (StoredSpan.Copy copy : span.copies()) {
          Set<Path> servers = new HashSet<>();
          for (StoredBlock block : copy.blocks()) {
            assertTrue(Files.exists(files.path(block)), "a block of " + InodeIds.format(id));
            assertTrue(servers.add(files.disk(block.service().id()).getParent()));
          }
        }
      }
    }
  }

  private Set<Long> damageUpToParityOfEverySpan() throws Exception {
    Set<Long> damaged = new HashSet<>();
    List<StoredBlock> toSwap = new ArrayList<>();
    int most = 0;
    for (long id : files.ids()) {
      for (StoredSpan span : files.spans(id)) {
        for (StoredSpan.Copy copy : span.copies()) {
          int parity = copy.layout().parityBlocks();
          List<StoredBlock> blocks = new ArrayList<>(copy.blocks());
          Collections.shuffle(blocks, random);
          int count = random.nextInt(4) == 0 ? random.nextInt(parity + 1) : parity;
          most = Math.max(most, count);
          for (StoredBlock block : blocks.subList(0, count)) {
            damaged.add(block.blockId());
            switch (random.nextInt(4)) {
              case 0 -> flip(files.path(block));
              case 1 -> truncate(files.path(block));
              case 2 -> Files.delete(files.path(block));
              default -> toSwap.add(block);
            }
          }
        }
      }
    }
    assertEquals(4, most);
    swapFiles(toSwap);
    return damaged;
  }

  private void flip(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
    Files.write(file, bytes);
  }

  private void truncate(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(random.nextLong(channel.size()));
    }
  }

  /** Exchanges block files in pairs with different content; an odd one out is flipped. */
  private void swapFiles(List<StoredBlock> blocks) throws IOException {
    Map<Integer, StoredBlock> waiting = new HashMap<>();
    for (StoredBlock block : blocks) {
      StoredBlock other =
          waiting.values().stream().filter(w -> w.crc() != block.crc()).findAny().orElse(null);
      if (other == null && waiting.containsKey(block.crc())) {
        flip(files.path(block));
      } else if (other == null) {
        waiting.put(block.crc(), block);
      } else {
        waiting.remove(other.crc());
        Path spare = folder.resolve("spare");
        Files.move(files.path(block), spare);
        Files.move(files.path(other), files.path(block));
        Files.move(spare, files.path(other));
      }
    }
    for (StoredBlock block : waiting.values()) {
      flip(files.path(block));
    }
  }

  @Test
  void oneFileIsVerifiedAndScrubbedByHand() throws Exception {
    start(SERVERS, 1);
    long directory = client.inodes().mkdir(InodeIds.ROOT, "d".getBytes(StandardCharsets.UTF_8));
    long id = files.write(directory, "f", 41_000);
    try (Scrubber scrubber = new Scrubber(client, ScrubSettings.UNLIMITED, new ScrubCounters())) {
      FileHealth before = scrubber.verifyFile(id);
      assertTrue(before.isGood());
      assertEquals(14, before.checkedBlocks());
      assertEquals(1, before.spans());

      StoredBlock block = files.spans(id).getFirst().copies().getFirst().blocks().get(11);
      Files.delete(files.path(block));
      FileHealth damaged = scrubber.verifyFile(id);
      assertFalse(damaged.isGood());
      assertEquals(
          List.of(new FileHealth.BadBlock(block, ErrorCode.BLOCK_NOT_FOUND)), damaged.bad());

      FileHealth repaired = scrubber.scrubFile(id);
      assertTrue(repaired.isGood());
      assertEquals(block, repaired.repaired().getFirst().old());
      assertFalse(repaired.repaired().getFirst().copied());
      assertEquals(List.of(), scrubber.verifyFile(id).bad());
    }
  }

  /** What the shards list for a service, linked or not. */
  private long filesOn(long service) throws Exception {
    long count = 0;
    for (int shard = 0; shard < ProtocolConstants.SHARD_COUNT; shard++) {
      BlockServiceFilesResponse page =
          client.shard(shard, new BlockServiceFilesRequest(service, 0));
      count += page.fileIds().length;
    }
    return count;
  }

  private List<BlockServiceDeprecatedInfo> services() throws Exception {
    AllBlockServicesDeprecatedResponse all =
        client.shuckle().call(new AllBlockServicesDeprecatedRequest());
    return all.blockServices();
  }

  /** One FLASH service in each of some servers. */
  private List<Long> oneServiceOf(int servers) throws Exception {
    Map<FailureDomain, Long> byDomain = new HashMap<>();
    for (BlockServiceDeprecatedInfo service : services()) {
      if (service.storageClass() == StorageClass.FLASH) {
        byDomain.putIfAbsent(service.failureDomain(), service.id());
      }
    }
    return byDomain.values().stream().limit(servers).toList();
  }

  private void decommission(long service) throws Exception {
    client
        .shuckle()
        .call(
            new SetBlockServiceFlagsRequest(
                service, BlockServiceFlags.DECOMMISSIONED, BlockServiceFlags.DECOMMISSIONED));
  }

  private long bytesOn(long service) throws Exception {
    long bytes = 0;
    for (long id : files.ids()) {
      for (StoredSpan span : files.spans(id)) {
        for (StoredSpan.Copy copy : span.copies()) {
          for (StoredBlock block : copy.blocks()) {
            bytes += block.service().id() == service ? block.size() : 0;
          }
        }
      }
    }
    return bytes;
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void await(String what, Condition condition) throws Exception {
    long end = System.nanoTime() + WAIT_NANOS_MAX;
    while (!condition.holds()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("does not happen: " + what);
      }
      Thread.sleep(50);
    }
  }

  /** Destroys what is transient and expired, as eggsgc does beside the migrators. */
  private void destruct() throws Exception {
    DestructCounters counters = new DestructCounters();
    OneShot.destruct(
        Cluster.of(client),
        DestructConfig.DEFAULT.withSlack(0),
        counters,
        allShards(),
        Cursors.inMemory(),
        ShardPass.FailureListener.NOBODY);
  }

  private static BitSet allShards() {
    BitSet shards = new BitSet();
    shards.set(0, ProtocolConstants.SHARD_COUNT);
    return shards;
  }

  @Test
  void retiredDisksAreEmptiedWhileFilesAreWrittenAndRead() throws Exception {
    start(SERVERS, 2);
    files.make("d", 40, 3_000, 41_000, 400_000);
    List<Long> retired = oneServiceOf(4);
    long bytes = 0;
    for (long service : retired) {
      bytes += bytesOn(service);
    }
    AtomicBoolean stop = new AtomicBoolean();
    MigrateCounters[] counters = {new MigrateCounters(), new MigrateCounters()};
    long directory = client.inodes().mkdir(InodeIds.ROOT, "w".getBytes(StandardCharsets.UTF_8));
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> work = new ArrayList<>();
      work.add(threads.submit(() -> write(directory, stop)));
      work.add(threads.submit(() -> readAll(stop)));
      List<Future<?>> migrators = new ArrayList<>();
      List<Migrator> both = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        // Both for all files, so that they meet.
        Migrator migrator = new Migrator(client, MIGRATION, counters[i]);
        both.add(migrator);
        migrators.add(
            threads.submit(
                () -> {
                  migrator.run();
                  return null;
                }));
      }
      Scrubber scrubber = new Scrubber(client, ScrubSettings.UNLIMITED, new ScrubCounters());
      work.add(
          threads.submit(
              () -> {
                while (!stop.get()) {
                  scrubber.runCycle(ScrubProgress.NONE, ScrubListener.NONE);
                }
                return null;
              }));
      for (long service : retired) {
        decommission(service);
      }
      await(
          "both migrators are done",
          () -> {
            destruct();
            boolean done = true;
            for (Migrator migrator : both) {
              MigrationStatus status = migrator.status();
              assertEquals(List.of(), status.hopeless());
              done &= status.scheduledServices() == 4 && status.isDone();
            }
            return done;
          });
      stop.set(true);
      for (Future<?> one : work) {
        one.get();
      }
      for (Future<?> migrator : migrators) {
        migrator.cancel(true);
      }
      both.forEach(Migrator::close);
      scrubber.close();
    }
    destruct();
    for (long service : retired) {
      assertEquals(0, filesOn(service), "files on " + Long.toHexString(service));
      assertEquals(0, bytesOn(service));
    }
    long moved = counters[0].migratedBytes.get() + counters[1].migratedBytes.get();
    assertTrue(moved >= bytes, moved + " bytes moved of " + bytes);
    // Besides what was there before, what the writer put there until the shards knew.
    assertTrue(moved <= 1.1 * bytes + WRITER_BYTES_MAX, moved + " bytes moved of " + bytes);
    assertTrue(counters[0].migratedFiles.get() > 0 && counters[1].migratedFiles.get() > 0);
    files.checkAll();
    assertSpansAreWhole();
  }

  private Void write(long directory, AtomicBoolean stop) throws Exception {
    for (int i = 0; !stop.get(); i++) {
      files.write(directory, "new-" + i, 50_000);
      Thread.sleep(20);
    }
    return null;
  }

  private Void readAll(AtomicBoolean stop) throws Exception {
    while (!stop.get()) {
      files.checkAll();
    }
    return null;
  }

  /** Two readers read all files again and again meanwhile, and each byte is compared. */
  @Test
  void spansGetTheLayoutOfTheirPolicyWhileTheyAreRead() throws Exception {
    start(SERVERS, 1);
    Cli cli = new Cli(instance);
    files.make("d", 3, 200, 9_000, 41_000, 3_000_000);
    cli.ok(
        "set-policy",
        "--yes",
        "/",
        "SPAN",
        "{\"Entries\":[{\"MaxSize\":10485760,\"Parity\":[4,2]}]}");
    DefragCounters counters = new DefragCounters();
    AtomicBoolean stop = new AtomicBoolean();
    try (EggsClient fresh = connect(instance);
        Defragmenter defragmenter = new Defragmenter(fresh, DefragSettings.DEFAULT, counters);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Void> one = threads.submit(() -> readAll(stop));
      Future<Void> two = threads.submit(() -> readAll(stop));
      try {
        defragmenter.run("/", DefragListener.NONE);
        // The replaced blocks go while the readers may still know them.
        destruct();
      } finally {
        stop.set(true);
      }
      one.get();
      two.get();
      assertEquals(9, counters.spans.get());
      assertEquals(12, counters.analyzedFiles.get());
      assertEquals(0, counters.failedFiles.get());
      defragmenter.run("/", DefragListener.NONE);
      assertEquals(9, counters.spans.get());
    }
    for (long id : files.ids()) {
      for (StoredSpan span : files.spans(id)) {
        for (StoredSpan.Copy copy : span.copies()) {
          assertEquals(Parity.of(4, 2), copy.layout().parity());
        }
      }
    }
    files.checkAll();
    assertSpansAreWhole();
    destruct();
  }

  /**
   * With as many servers alive as a span has blocks, a disk's blocks have to go to another disk of
   * the same server, and a damaged block of a server's only disk back to that disk.
   */
  @Test
  void exactlyAsManyServersAsBlocksAreEnough() throws Exception {
    start(BLOCKS, 2);
    files.make("d", 12, 41_000);
    long retired = oneServiceOf(1).getFirst();
    decommission(retired);
    awaitNoNewBlocksOn(retired);
    long bytes = bytesOn(retired);
    assertTrue(bytes > 0);
    MigrateCounters counters = new MigrateCounters();
    try (Migrator migrator = new Migrator(client, MIGRATION, counters)) {
      MigrateReport report = migrator.migrate(Set.of(retired), MigrateListener.NONE);
      assertTrue(report.isComplete(), report.failed().toString());
      assertEquals(bytes, report.movedBytes());
      assertEquals(report.movedBlocks(), counters.repairs.copiedBlocks.get());
    }
    assertEquals(0, bytesOn(retired));

    Set<Long> damaged = damageUpToParityOfEverySpan();
    Said said = new Said();
    try (Scrubber scrubber = new Scrubber(client, ScrubSettings.UNLIMITED, new ScrubCounters())) {
      scrubber.runCycle(ScrubProgress.NONE, said);
    }
    assertEquals(Map.of(), said.failed);
    assertEquals(new TreeSet<>(damaged), new TreeSet<>(said.repaired));
    files.checkAll();
    assertSpansAreWhole();
  }

  /** Shards look at the shuckle's list now and then; until it names another disk none will do. */
  private void awaitNoNewBlocksOn(long service) throws Exception {
    long directory = client.inodes().mkdir(InodeIds.ROOT, "probe".getBytes(StandardCharsets.UTF_8));
    AtomicInteger number = new AtomicInteger();
    await(
        "new blocks go elsewhere",
        () -> {
          try {
            long id = files.write(directory, "f" + number.incrementAndGet(), 41_000);
            return files.spans(id).getFirst().copies().getFirst().blocks().stream()
                .noneMatch(block -> block.service().id() == service);
          } catch (EggsException e) {
            assertEquals(ErrorCode.COULD_NOT_PICK_BLOCK_SERVICES, e.code());
            return false;
          }
        });
  }
}
