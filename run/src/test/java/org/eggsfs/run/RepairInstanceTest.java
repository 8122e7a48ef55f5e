package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.client.ClientConfig;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.repair.ReplacedBlock;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.gc.scrub.FileHealth;
import org.eggsfs.gc.scrub.ScrubCounters;
import org.eggsfs.gc.scrub.ScrubListener;
import org.eggsfs.gc.scrub.ScrubProgress;
import org.eggsfs.gc.scrub.ScrubSettings;
import org.eggsfs.gc.scrub.Scrubber;
import org.eggsfs.protocol.ErrorCode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: damaged and retired disks are made good, exactly, while files are in use. Method: a whole
 * instance in this process whose block files are damaged behind its back, repaired through the
 * classes that eggsgc and the command line use, then compared block by block and byte by byte.
 */
class RepairInstanceTest {
  private static final int SERVERS = 16;
  private static final long SEED = 20261124;

  @TempDir private Path folder;
  private LocalInstance instance;
  private EggsClient client;
  private StoredFiles files;
  private final Random random = new Random(SEED);

  @BeforeEach
  void start() throws Exception {
    start(options());
  }

  private InstanceOptions options() {
    InstanceOptions options = InstanceTest.options(folder);
    options.failureDomains = SERVERS;
    options.hddBlockServices = 1;
    options.refreshInterval = 200_000_000L;
    options.registerInterval = 500_000_000L;
    return options;
  }

  private void start(InstanceOptions options) throws Exception {
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
      assertEquals(damaged.size(), counters.scrubbedBlocks.sum());
      assertEquals(0, counters.unreachableBlocks.sum());
      assertEquals(files.count(), counters.visitedFiles.sum());

      Said again = new Said();
      scrubber.runCycle(ScrubProgress.NONE, again);
      assertEquals(Set.of(), again.found);
      assertEquals(damaged.size(), counters.scrubbedBlocks.sum());
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
    long directory =
        client.mkdir(InodeIds.ROOT, "d".getBytes(java.nio.charset.StandardCharsets.UTF_8));
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
}
