package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.eggsfs.blocks.disk.DiskLog;
import org.eggsfs.blocks.disk.SystemFiles;
import org.eggsfs.blocks.disk.WatchedFiles;
import org.eggsfs.blocks.format.KeyFile;
import org.eggsfs.blocks.format.StagedName;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.protocol.StorageClass;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: whenever the power fails, what was acknowledged is on the disk, what was acknowledged as
 * erased is not, and nothing partial has a block's name. Method: everything a server does to its
 * disk is recorded, together with the answers that its client got; then the power fails after each
 * prefix of the record, in several ways (blocks.md section 3.4).
 */
class PowerFailureTest {
  private static final long NOW = 1_700_000_000_000_000_000L;
  private static final int BLOCKS = 24;
  private static final double[] SURVIVALS = {0, 1, 0.5, 0.5, 0.1};

  @TempDir(factory = MemoryDirectory.class)
  Path directory;

  private final DiskLog log = new DiskLog();
  private final Map<Path, byte[]> contents = new HashMap<>();
  private byte[] keyFile;
  private volatile long now = NOW;

  private static byte[] data(int i) {
    byte[] data = new byte[4096 * (1 + i % 3)];
    new Random(i).nextBytes(data);
    return data;
  }

  private static long blockId(int i) {
    return NOW + 256L * i;
  }

  private Path file(int i) {
    return directory.resolve(BlockPaths.relative(blockId(i)));
  }

  /** Writes alone and many at once, repeats one, erases some, one of them twice. */
  @BeforeEach
  void record() throws IOException {
    try (BlocksRuntime runtime = new BlocksRuntime(log);
        BlockServer server =
            BlockServer.start(
                BlockServerConfig.of(
                        List.of(new BlockServerConfig.Disk(directory, StorageClass.FLASH)),
                        "domain",
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        List.of())
                    .withLimits(1, 1L << 50, 0, 1_000_000_000L)
                    .withClock(() -> now, 60_000_000_000L),
                runtime);
        Peer peer = new Peer(server)) {
      log.note("started");
      long service = server.serviceIds().getFirst();
      for (int i = 0; i < BLOCKS / 3; i++) {
        assertEquals(Peer.OK, peer.write(service, blockId(i), data(i)));
        contents.put(file(i), Files.readAllBytes(file(i)));
        log.note("written " + i);
      }
      for (int i = BLOCKS / 3; i < BLOCKS; i++) {
        peer.send(peer.writeRequest(service, blockId(i), data(i)));
      }
      for (int i = BLOCKS / 3; i < BLOCKS; i++) {
        assertEquals(Peer.OK, peer.answer(8));
        contents.put(file(i), Files.readAllBytes(file(i)));
        log.note("written " + i);
      }
      assertEquals(Peer.OK, peer.write(service, blockId(0), data(0)));
      now = NOW + 1_000_000;
      for (int i : new int[] {1, 2, 9, 10, 2}) {
        log.note("erasing " + i);
        assertEquals(Peer.OK, peer.erase(service, blockId(i)));
        log.note("erased " + i);
      }
      keyFile = Files.readAllBytes(directory.resolve(KeyFile.NAME));
    }
  }

  @Test
  void nothingAcknowledgedIsLostAndNothingPartialIsSeen() throws IOException {
    assertEquals("", firstViolation(log.entries()));
  }

  @Test
  void aServerThatForgetsToSyncIsFound() throws IOException {
    assertNotEquals("", firstViolation(DiskLog.withoutSyncs(log.entries())));
  }

  /** What is wrong after some power failure, or nothing. */
  private String firstViolation(List<DiskLog.Entry> entries) throws IOException {
    SplittableRandom random = new SplittableRandom(42);
    for (int end = 0; end <= entries.size(); end++) {
      List<DiskLog.Entry> before = entries.subList(0, end);
      for (double survival : SURVIVALS) {
        String violation =
            violation(before, restarted(DiskLog.afterPowerFailure(before, survival, random)));
        if (!violation.isEmpty()) {
          return "power failure after " + end + " of " + entries.size() + ": " + violation;
        }
      }
    }
    return "";
  }

  /** What is there when the next server has begun. */
  private Map<Path, byte[]> restarted(Map<Path, byte[]> disk) throws IOException {
    Path staged = directory.resolve(StagedName.DIRECTORY);
    if (disk.keySet().stream().noneMatch(file -> file.startsWith(staged))) {
      return disk;
    }
    Map<Path, byte[]> after = new HashMap<>(disk);
    Path copy = Files.createTempDirectory(directory, "restarted");
    for (Map.Entry<Path, byte[]> file : disk.entrySet()) {
      if (file.getKey().startsWith(staged)) {
        Path target = copy.resolve(directory.relativize(file.getKey()));
        Files.createDirectories(target.getParent());
        Files.write(target, file.getValue());
        after.remove(file.getKey());
      }
    }
    new Staging(
            copy,
            new WatchedFiles(new SystemFiles(), copy),
            null,
            new BlockCounter(),
            new RecentErasures())
        .recover();
    try (Stream<Path> files = Files.walk(copy)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        if (Files.isRegularFile(file)) {
          after.put(directory.resolve(copy.relativize(file)), Files.readAllBytes(file));
        }
        Files.delete(file);
      }
    }
    return after;
  }

  private String violation(List<DiskLog.Entry> before, Map<Path, byte[]> disk) {
    Set<Integer> written = new HashSet<>();
    Set<Integer> erased = new HashSet<>();
    boolean started = false;
    for (DiskLog.Entry entry : before) {
      if (entry instanceof DiskLog.Note note) {
        String[] words = note.text().split(" ");
        switch (words[0]) {
          case "started" -> started = true;
          case "written" -> written.add(Integer.valueOf(words[1]));
          case "erasing" -> written.remove(Integer.valueOf(words[1]));
          case "erased" -> erased.add(Integer.valueOf(words[1]));
          default -> throw new AssertionError(note);
        }
      }
    }
    byte[] key = disk.get(directory.resolve(KeyFile.NAME));
    if (started && key == null) {
      return "the key is lost";
    }
    if (key != null && !Arrays.equals(key, keyFile)) {
      return "the key is damaged";
    }
    for (int i = 0; i < BLOCKS; i++) {
      byte[] content = disk.get(file(i));
      if (content == null && written.contains(i)) {
        return "block " + i + " was acknowledged and is lost";
      }
      if (content != null && !Arrays.equals(content, contents.get(file(i)))) {
        return "block " + i + " is partial";
      }
      if (content != null && erased.contains(i)) {
        return "block " + i + " is back";
      }
    }
    return "";
  }
}
