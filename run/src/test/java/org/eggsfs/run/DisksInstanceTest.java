package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.eggsfs.blocks.server.BlockServer;
import org.eggsfs.blocks.server.BlockServerConfig;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.protocol.StorageClass;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: disks and block servers join and leave a running instance, it grows at a restart, and an
 * audit tells exactly what is wrong on a disk. Method: an instance in this process with short
 * times, real disks, and the commands of operators.
 */
class DisksInstanceTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int SERVERS = 15;
  private static final long SECOND = 1_000_000_000L;
  private static final long PATIENCE_NANOS = 60 * SECOND;

  @TempDir private Path folder;
  private LocalInstance instance;
  private Cli cli;

  private InstanceOptions options() {
    InstanceOptions options = InstanceTest.options(folder);
    options.failureDomains = SERVERS;
    options.stalenessDelay = 2 * SECOND;
    options.registerInterval = SECOND / 2;
    options.refreshInterval = SECOND / 2;
    options.eraseCutoff = 1L;
    options.noGc = true;
    return options;
  }

  @BeforeEach
  void start() throws Exception {
    instance = InstanceTest.startReady(options());
    cli = new Cli(instance);
    Trees.make(folder.resolve("tree"), 3);
    cli.ok("cp", "-r", folder.resolve("tree").toString(), "eggs:/");
  }

  @AfterEach
  void stop() {
    instance.close();
  }

  private interface Condition {
    boolean holds() throws Exception;
  }

  private static void await(Condition condition) throws Exception {
    long end = System.nanoTime() + PATIENCE_NANOS;
    while (!condition.holds()) {
      assertTrue(System.nanoTime() < end, "it has not become so in time");
      Thread.sleep(50);
    }
  }

  private void assertReadable(String copy) throws IOException {
    cli.ok("cp", "-r", "eggs:/tree", folder.resolve(copy).toString());
    Trees.assertSame(folder.resolve("tree"), folder.resolve(copy));
  }

  private JsonNode service(String failureDomain) throws IOException {
    for (JsonNode service : JSON.readTree(cli.ok("blockservices", "--json"))) {
      if (service.get("failureDomain").asText().equals(failureDomain)) {
        return service;
      }
    }
    return null;
  }

  @Test
  void aServerJoinsAndLeaves() throws Exception {
    BlockServerConfig config =
        BlockServerConfig.of(
                List.of(
                    new BlockServerConfig.Disk(folder.resolve("extra/0"), StorageClass.FLASH),
                    new BlockServerConfig.Disk(folder.resolve("extra/1"), StorageClass.FLASH)),
                "joiner",
                new InetSocketAddress("127.0.0.1", 0),
                List.of(instance.shuckleAddress()))
            .withLimits(1, BlockServerConfig.WRITE_CUTOFF, 0, SECOND / 2);
    int written = 0;
    try (BlockServer joiner = BlockServer.start(config)) {
      await(joiner::isRegistered);
      await(() -> service("joiner") != null);
      // At most 14 of 16 domains make a span, so new files soon have blocks on the new one.
      while (blocks(folder.resolve("extra")).isEmpty()) {
        assertTrue(written < 20, "no block of so many files has come to the new server");
        cli.ok("cp", "-r", folder.resolve("tree/a").toString(), "eggs:/more-" + written);
        written++;
      }
    }
    await(() -> service("joiner").get("flags").asText().contains("STALE"));
    assertReadable("while-away");
    String last = "more-" + (written - 1);
    cli.ok("cp", "-r", "eggs:/" + last, folder.resolve(last).toString());
    Trees.assertSame(folder.resolve("tree/a"), folder.resolve(last));
    try (BlockServer back = BlockServer.start(config)) {
      await(back::isRegistered);
      await(() -> service("joiner").get("flags").asText().equals("-"));
    }
  }

  /** No process is started again: the file of disks gets one more line. */
  @Test
  void aDiskJoinsARunningServer() throws Exception {
    Path first = folder.resolve("more disks/0");
    Path second = folder.resolve("more disks/1");
    Path list = folder.resolve("disks");
    Files.writeString(list, "# disks of the joiner\n" + first + " FLASH # the first\n\n");
    DisksFile disks = DisksFile.open(list);
    BlockServerConfig config =
        BlockServerConfig.of(
                disks.disks(),
                "joiner",
                new InetSocketAddress("127.0.0.1", 0),
                List.of(instance.shuckleAddress()))
            .withLimits(1, BlockServerConfig.WRITE_CUTOFF, 0, SECOND / 2);
    try (BlockServer joiner = BlockServer.start(config)) {
      await(joiner::isRegistered);
      Thread following = disks.follow(joiner::addDisk);
      Files.writeString(list, first + " FLASH\n" + second + " FLOPPY\n");
      // What cannot be understood changes nothing, and is read again.
      Files.writeString(list, first + " FLASH\n" + second + " flash\n");
      await(() -> joiner.serviceIds().size() == 2);
      await(() -> cli.ok("blockservices").contains("joiner:" + second));
      // Then the other is left as the only one of its domain to be written to.
      cli.ok(
          "blockservice-flags", "--id", hex(joiner.serviceIds().getFirst()), "--set", "NO_WRITE");
      for (int i = 0; blocks(second).isEmpty(); i++) {
        assertTrue(i < 50, "no block of so many files has come to the new disk");
        cli.ok("cp", "-r", folder.resolve("tree/a").toString(), "eggs:/disk-" + i);
      }
      assertReadable("with-a-new-disk");
      assertFalse(joiner.addDisk(disks.disks().getFirst()));
      following.interrupt();
      following.join();
    }
  }

  @Test
  void anInstanceGrowsAtARestartAndDoesNotShrink() throws Exception {
    instance.close();
    InstanceOptions more = options();
    more.failureDomains = SERVERS + 2;
    more.flashBlockServices = 2;
    instance = InstanceTest.startReady(more);
    cli = new Cli(instance);
    assertNotNull(service("bs_16"));
    JsonNode all = JSON.readTree(cli.ok("blockservices", "--json"));
    assertEquals(2 * (SERVERS + 2), all.size());
    assertReadable("grown");
    Path newest = new InstanceLayout(options().dataDir).blockService(SERVERS + 1, 0);
    for (int i = 0; blocks(newest).isEmpty(); i++) {
      assertTrue(
          i < 20, "no block of so many files has come to a new server: " + cli.ok("blockservices"));
      // Shards learn of new services, and get others to write to, when they ask next.
      TimeUnit.NANOSECONDS.sleep(options().refreshInterval);
      cli.ok("cp", "-r", folder.resolve("tree/a").toString(), "eggs:/new-" + i);
    }
    instance.close();
    InstanceOptions unsaid = options();
    unsaid.failureDomains = null;
    unsaid.flashBlockServices = null;
    unsaid.hddBlockServices = null;
    instance = InstanceTest.startReady(unsaid);
    cli = new Cli(instance);
    assertReadable("restarted");
  }

  private static List<Path> blocks(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(directory)) {
      return files
          .filter(file -> file.toString().contains("/" + BlockPaths.ROOT + "/"))
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    }
  }

  @Test
  void anAuditFindsExactlyWhatIsWrong() throws Exception {
    String clean = cli.ok("audit-blocks", "--all", "--older-than", "0s");
    assertEquals(SERVERS, clean.lines().filter(line -> line.contains(" 0 findings")).count());

    Path disk = new InstanceLayout(options().dataDir).blockService(3, 0);
    List<Path> blocks = blocks(disk);
    assertTrue(blocks.size() >= 4, "blocks of a tree on each disk");
    long first = id(blocks.get(0));
    // Nobody refers to a block with the next number.
    Path stray = disk.resolve(BlockPaths.relative(first + 1));
    Files.copy(blocks.get(0), stray);
    Path missing = blocks.get(1);
    Files.delete(missing);
    Path truncated = blocks.get(2);
    Files.write(truncated, new byte[100]);
    Path misplaced = blocks.get(3);
    int other = BlockPaths.subDirectory(id(misplaced)) + 1 & 0xff;
    Path wrong = disk.resolve(BlockPaths.ROOT).resolve("%02x".formatted(other));
    Files.move(misplaced, wrong.resolve(misplaced.getFileName()));

    Cli.Ran ran =
        cli.run("audit-blocks", "--failure-domain", "bs_03", "--older-than", "0s", "--json");
    assertEquals(ExitCodes.FAILED, ran.exitCode(), ran.errors());
    List<String> found = new ArrayList<>();
    for (JsonNode finding : JSON.readTree(ran.output()).get(0).get("findings")) {
      found.add(finding.get("kind").asText() + " " + finding.get("block").asText());
    }
    List<String> expected =
        new ArrayList<>(
            List.of(
                "UNREFERENCED " + hex(first + 1),
                "MISSING " + hex(id(missing)),
                "WRONG_SIZE " + hex(id(truncated)),
                "MISPLACED " + hex(id(misplaced)),
                "MISSING " + hex(id(misplaced))));
    found.sort(null);
    expected.sort(null);
    assertEquals(expected, found);

    assertTrue(Files.exists(stray), "an audit changes nothing");
    cli.run(
        "audit-blocks", "--failure-domain", "bs_03", "--older-than", "0s", "--quarantine", "--yes");
    assertFalse(Files.exists(stray));
    assertTrue(Files.exists(disk.resolve("quarantine").resolve(stray.getFileName())));
    assertTrue(Files.exists(truncated));
    assertReadable("after");
  }

  private static long id(Path block) {
    return Long.parseUnsignedLong(block.getFileName().toString(), 16);
  }

  private static String hex(long blockId) {
    return "0x%016x".formatted(blockId);
  }
}
