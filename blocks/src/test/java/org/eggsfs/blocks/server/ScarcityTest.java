package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.eggsfs.blocks.disk.HostileFiles;
import org.eggsfs.blocks.disk.HostileFiles.Call;
import org.eggsfs.blocks.format.StagedName;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.StorageClass;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a system that has no thread or memory left for a while disables nothing for longer. Method:
 * a server whose threads of some names cannot be started, until the test lets them.
 */
class ScarcityTest {
  private static final long NOW = 1_700_000_000_000_000_000L;
  private static final long MILLI = 1_000_000L;
  private static final int EIO = 5;
  private static final byte[] DATA = new byte[4096];
  private static final String NONE = "none";

  /** Hanging comes late, so that a probe that never ends would be seen as a wrong state. */
  private static final DiskTimes QUICK =
      new DiskTimes(
          50 * MILLI,
          60_000 * MILLI,
          700 * MILLI,
          60_000 * MILLI,
          60_000 * MILLI,
          60_000 * MILLI,
          500 * MILLI,
          10_000 * MILLI,
          50 * MILLI);

  @TempDir(factory = MemoryDirectory.class)
  Path root;

  private final AtomicInteger refused = new AtomicInteger();
  private volatile String denied = NONE;
  private volatile boolean noMemory;
  private HostileFiles files;
  private BlocksRuntime runtime;
  private BlockServer server;
  private long a;

  @BeforeEach
  void prepare() {
    files = new HostileFiles(root);
    runtime =
        new BlocksRuntime(
            files,
            thread -> {
              if (thread.getName().startsWith(denied)) {
                refused.incrementAndGet();
                throw new OutOfMemoryError("unable to create native thread");
              }
              thread.start();
            },
            new TransferBuffers(this::allocate));
  }

  private ByteBuffer allocate(int size) {
    if (noMemory) {
      throw new OutOfMemoryError("Cannot reserve " + size + " bytes of direct buffer memory");
    }
    return Frames.directBuffer(size);
  }

  private void start() throws IOException {
    BlockServerConfig config =
        BlockServerConfig.of(
                List.of(disk("a")),
                "domain",
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                List.of())
            .withLimits(1, 1L << 50, 0, 50 * MILLI)
            .withClock(() -> NOW, 60_000 * MILLI)
            .withWatch(100, BlockServerConfig.IDLE_MIN, QUICK);
    server = BlockServer.start(config, runtime);
    a = server.serviceIds().getFirst();
  }

  private BlockServerConfig.Disk disk(String name) {
    return new BlockServerConfig.Disk(root.resolve(name), StorageClass.HDD);
  }

  @AfterEach
  void stop() {
    files.disarm();
    if (server != null) {
      server.close();
    }
    runtime.close();
  }

  /** Waits until threads have been refused so often. */
  private void deny(String names, int times) {
    refused.set(0);
    denied = names;
    awaitRefused(times);
  }

  private void awaitRefused(int times) {
    Await.until(() -> refused.get() >= times);
  }

  private void allow() {
    denied = NONE;
  }

  private DiskState state() {
    return server.service(a).health.state();
  }

  @Test
  void connectionsAreAcceptedAgain() throws Exception {
    start();
    denied = "blocks-connection";
    for (int i = 0; i < 3; i++) {
      try (Peer peer = new Peer(server)) {
        assertEquals(Peer.CLOSED, peer.fetch(a, NOW, DATA.length));
      }
    }
    assertEquals(3, refused.get());
    Await.until(() -> runtime.connectionCount() == 0);
    allow();
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(a, NOW, DATA));
    }
  }

  @Test
  void writesThatCannotBeSyncedFailAndLeaveNothing() throws Exception {
    start();
    denied = "blocks-sync";
    try (Peer peer = new Peer(server)) {
      assertEquals("INTERNAL_ERROR", peer.write(a, NOW, DATA));
      assertEquals("INTERNAL_ERROR", peer.erase(a, NOW - 10));
      assertEquals("INTERNAL_ERROR", peer.testWrite(a, DATA));
      assertEquals("BLOCK_NOT_FOUND", peer.fetch(a, NOW, DATA.length));
      assertNothingIsLeft();
      assertEquals(3, refused.get());
      allow();
      assertEquals(Peer.OK, peer.write(a, NOW, DATA));
      assertEquals(Peer.OK, peer.erase(a, NOW - 10));
      assertEquals(DiskState.WELL, state());
    }
  }

  private void assertNothingIsLeft() throws IOException {
    Path disk = root.resolve("a");
    try (Stream<Path> staged = Files.list(disk.resolve(StagedName.DIRECTORY));
        Stream<Path> others = Files.list(disk)) {
      assertEquals(List.of(), staged.toList());
      assertEquals(
          List.of(),
          others.filter(path -> path.getFileName().toString().contains("test-write")).toList());
    }
  }

  @Test
  void transfersWithoutMemoryEndTheirConnectionsAndLeaveNothing() throws Exception {
    start();
    Path block = root.resolve("a").resolve(BlockPaths.relative(NOW));
    AtomicInteger opened = new AtomicInteger();
    files.set(
        (call, path) -> {
          if (path.equals(block)) {
            opened.addAndGet(call == Call.OPEN ? 1 : call == Call.CLOSE ? -1 : 0);
          }
        });
    noMemory = true;
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.CLOSED, peer.testWrite(a, DATA));
    }
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.CLOSED, peer.write(a, NOW, DATA));
    }
    Await.until(() -> runtime.connectionCount() == 0);
    assertNothingIsLeft();
    noMemory = false;
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(a, NOW, DATA));
    }
    // The buffers that are kept are of no use then.
    List<TransferBuffers.Lease> kept = List.of(server.service(a).buffers.take());
    noMemory = true;
    byte[] fetch = Peer.fetchRequest(a, NOW, DATA.length);
    try (Peer peer = new Peer(server)) {
      peer.send(fetch);
      assertEquals(Peer.CLOSED, peer.answer(DATA.length));
    }
    try (Peer peer = new Peer(server)) {
      peer.send(fetch, fetch, fetch);
      assertEquals(Peer.CLOSED, peer.answer(DATA.length));
    }
    Await.until(() -> runtime.connectionCount() == 0 && opened.get() == 0);
    kept.forEach(TransferBuffers.Lease::give);
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.fetch(a, NOW, DATA.length));
    }
  }

  @Test
  void aDiskThatCannotBeProbedStaysAsItWas() throws Exception {
    start();
    deny("disk-probe", 1);
    files.set(
        (call, path) -> {
          if (call == Call.READ_KEY) {
            throw HostileFiles.error(EIO);
          }
        });
    awaitRefused(refused.get() + 5);
    assertEquals(DiskState.WELL, state());
    allow();
    Await.until(() -> state() == DiskState.FAILED);
    deny("disk-probe", 1);
    files.disarm();
    awaitRefused(refused.get() + 5);
    assertEquals(DiskState.FAILED, state());
    allow();
    Await.until(() -> state() == DiskState.WELL);
  }

  @Test
  void aProbeThatRunsOutOfMemorySaysNothing() throws Exception {
    start();
    AtomicInteger probes = new AtomicInteger();
    files.set(
        (call, path) -> {
          if (call == Call.READ_KEY) {
            probes.incrementAndGet();
            throw new OutOfMemoryError("Cannot reserve direct buffer memory");
          }
        });
    Await.until(() -> probes.get() > 5);
    assertEquals(DiskState.WELL, state());
  }

  @Test
  void disksAreOpenedAndCountedWhenThereAreThreadsAgain() throws Exception {
    denied = "disk-open";
    assertThrows(IOException.class, this::start);
    denied = "disk-count";
    start();
    awaitRefused(3);
    assertFalse(server.service(a).counter.isComplete());
    deny("disk-", 1);
    assertTrue(server.addDisk(disk("b")));
    awaitRefused(refused.get() + 10);
    assertEquals(1, server.serviceIds().size());
    allow();
    Await.until(
        () ->
            server.serviceIds().size() == 2
                && server.serviceIds().stream()
                    .allMatch(id -> server.service(id).counter.isComplete()));
  }

  @Test
  void aDiskWhoseOpeningRunsOutOfMemoryIsOpenedLater() throws Exception {
    start();
    AtomicInteger openings = new AtomicInteger();
    files.set(
        (call, path) -> {
          if (call == Call.MAKE_DIRECTORY && path.endsWith(StagedName.DIRECTORY)) {
            if (openings.incrementAndGet() <= 2) {
              throw new OutOfMemoryError("Cannot reserve direct buffer memory");
            }
          }
        });
    assertTrue(server.addDisk(disk("b")));
    Await.until(() -> server.serviceIds().size() == 2);
  }
}
