package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.eggsfs.protocol.StorageClass;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: the system's own errors are understood. Method: a small ext4 file system on a loop device,
 * filled up, remounted read-only, and started from read-only. Skipped where mounting is not
 * allowed.
 */
class RealDiskTest {
  private static final long NOW = 1_700_000_000_000_000_000L;
  private static final long MILLI = 1_000_000L;
  private static final long IMAGE_BYTES = 24L << 20;
  private static final int BLOCK = 1 << 20;
  private static final DiskTimes QUICK =
      new DiskTimes(
          100 * MILLI,
          200 * MILLI,
          20_000 * MILLI,
          25_000 * MILLI,
          20_000 * MILLI,
          60_000 * MILLI,
          600_000 * MILLI,
          10_000 * MILLI,
          100 * MILLI);

  @TempDir Path folder;
  private Path disk;
  private boolean mounted;
  private BlockServer server;
  private long service;
  private volatile long now = NOW;

  private static boolean run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    byte[] output = process.getInputStream().readAllBytes();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError(List.of(command) + " does not end");
    }
    if (process.exitValue() != 0) {
      System.err.print(List.of(command) + ": " + new String(output, StandardCharsets.UTF_8));
    }
    return process.exitValue() == 0;
  }

  @BeforeEach
  void mount() throws Exception {
    assumeTrue(
        "root".equals(System.getProperty("user.name"))
            && Files.exists(Path.of("/dev/loop-control")),
        "loop devices need root");
    assumeTrue(
        Files.isExecutable(Path.of("/usr/sbin/mkfs.ext4"))
            || Files.isExecutable(Path.of("/sbin/mkfs.ext4")),
        "no mkfs.ext4");
    Path image = folder.resolve("image");
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(IMAGE_BYTES);
    }
    disk = Files.createDirectory(folder.resolve("disk"));
    assumeTrue(run("mkfs.ext4", "-q", "-m", "0", image.toString()), "mkfs.ext4 does not work");
    mounted = run("mount", "-o", "loop", image.toString(), disk.toString());
    assumeTrue(mounted, "mounting is not allowed here");
    start();
  }

  private void start() throws IOException {
    server =
        BlockServer.start(
            BlockServerConfig.of(
                    List.of(new BlockServerConfig.Disk(disk, StorageClass.HDD)),
                    "domain",
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    List.of())
                .withLimits(1, 1L << 50, 0, 1000 * MILLI)
                .withClock(() -> now, 60_000 * MILLI)
                .withWatch(100, BlockServerConfig.IDLE_MIN, QUICK));
    service = server.serviceIds().getFirst();
  }

  @AfterEach
  void unmount() throws Exception {
    if (server != null) {
      server.close();
    }
    if (mounted) {
      // A last probe or sync may still be at work.
      Await.until(() -> run("umount", disk.toString()));
    }
  }

  private void awaitState(DiskState state) {
    Await.until(() -> server.service(service).health.state() == state);
  }

  private static byte[] data() {
    byte[] data = new byte[BLOCK];
    new Random(1).nextBytes(data);
    return data;
  }

  @Test
  void aFullFileSystemRefusesWritesUntilSomethingIsErased() throws Exception {
    byte[] data = data();
    int written = 0;
    try (Peer peer = new Peer(server)) {
      String answer = Peer.OK;
      while (answer.equals(Peer.OK)) {
        answer = peer.write(service, NOW + 256L * written, data);
        written += answer.equals(Peer.OK) ? 1 : 0;
        assertTrue(written < IMAGE_BYTES / BLOCK, "more than fits");
      }
      assertTrue(written > 0);
      assertEquals("INTERNAL_ERROR", answer);
      // Nothing is left of the one that failed.
      assertEquals("BLOCK_NOT_FOUND", peer.fetch(service, NOW + 256L * written, 4096));
      now = NOW + 1_000_000;
      for (int i = 0; i < written; i++) {
        assertEquals(Peer.OK, peer.fetch(service, NOW + 256L * i, BLOCK), "block " + i);
      }
      for (int i = 0; i < written; i++) {
        assertEquals(Peer.OK, peer.erase(service, NOW + 256L * i));
      }
      assertEquals(Peer.OK, peer.write(service, NOW + 256L * 1000, data));
      Await.until(() -> server.blockCount(service) == 1);
      awaitState(DiskState.WELL);
    }
  }

  @Test
  void aFileSystemThatTurnsReadOnlyServesReadsAndIsUsedAgainWhenItIsWritable() throws Exception {
    byte[] data = data();
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(service, NOW, data));
      Await.until(() -> run("mount", "-o", "remount,ro", disk.toString()));
      assertEquals("BLOCK_IO_ERROR_DEVICE", peer.write(service, NOW + 256, data));
      awaitState(DiskState.READ_ONLY);
      assertEquals(Peer.OK, peer.fetch(service, NOW, BLOCK));
      now = NOW + 1_000_000;
      assertEquals("BLOCK_IO_ERROR_DEVICE", peer.erase(service, NOW));
    }
    // Also a server that starts on it serves what is there.
    server.close();
    long before = service;
    start();
    assertEquals(before, service);
    awaitState(DiskState.READ_ONLY);
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.fetch(service, NOW, BLOCK));
      assertTrue(run("mount", "-o", "remount,rw", disk.toString()));
      awaitState(DiskState.WELL);
      assertEquals(Peer.OK, peer.write(service, NOW + 512, data));
    }
  }
}
