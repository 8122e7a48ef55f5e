package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.eggsfs.blocks.disk.DiskFiles;
import org.eggsfs.blocks.disk.HostileFiles;
import org.eggsfs.blocks.disk.HostileFiles.Call;
import org.eggsfs.blocks.disk.WatchedFiles;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.blocks.format.StagedName;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a failing disk is noticed, answered for with the right error, reported, kept away from the
 * other disks, and well again when it works. Method: a server with three disks whose file layer
 * fails, hangs or lies, and a shuckle that remembers registrations.
 */
class DiskFailureTest {
  private static final long NOW = 1_700_000_000_000_000_000L;
  private static final long MILLI = 1_000_000L;
  private static final int EIO = 5;
  private static final int ENOSPC = 28;
  private static final int EROFS = 30;
  private static final int SIZE = 4096;
  private static final byte[] DATA = new byte[SIZE];
  private static final DiskTimes QUICK = quick(10_000 * MILLI);

  private static DiskTimes quick(long open) {
    return new DiskTimes(
        50 * MILLI,
        60_000 * MILLI,
        700 * MILLI,
        1000 * MILLI,
        300 * MILLI,
        60_000 * MILLI,
        500 * MILLI,
        open,
        100 * MILLI);
  }

  @TempDir(factory = MemoryDirectory.class)
  Path root;

  private HostileFiles files;
  private BlocksRuntime runtime;
  private FakeShuckle shuckle;
  private BlockServer server;
  private volatile long now = NOW;
  private long a;
  private long b;

  @BeforeEach
  void prepare() throws IOException {
    files = new HostileFiles(root);
    runtime = new BlocksRuntime(files);
    shuckle = new FakeShuckle();
  }

  private void start() throws IOException {
    server = BlockServer.start(config(QUICK), runtime);
    a = server.serviceIds().get(0);
    if (server.serviceIds().size() == 3) {
      b = server.serviceIds().get(1);
    }
  }

  private BlockServerConfig config(DiskTimes times) {
    List<BlockServerConfig.Disk> disks =
        List.of(
            disk("a", StorageClass.HDD),
            disk("b", StorageClass.FLASH),
            disk("c", StorageClass.FLASH));
    return BlockServerConfig.of(
            disks,
            "domain",
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            List.of(shuckle.address()))
        .withLimits(1, 1L << 50, 0, 50 * MILLI)
        .withClock(() -> now, 60_000 * MILLI)
        .withWatch(100, BlockServerConfig.IDLE_MIN, times);
  }

  private BlockServerConfig.Disk disk(String name, int storageClass) {
    return new BlockServerConfig.Disk(root.resolve(name), storageClass);
  }

  @AfterEach
  void stop() {
    files.disarm();
    server.close();
    runtime.close();
    shuckle.close();
  }

  @Test
  void disksThatAreLateForTheStartJoinWhenTheyAnswer() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    files.set(
        (call, path) -> {
          try {
            answer.await();
          } catch (InterruptedException e) {
            throw new InterruptedIOException();
          }
        });
    server = BlockServer.start(config(quick(200 * MILLI)), runtime);
    assertEquals(List.of(), server.serviceIds());
    answer.countDown();
    Await.until(() -> server.serviceIds().size() == 3);
  }

  private DiskState state(long service) {
    return server.service(service).health.state();
  }

  private void awaitState(long service, DiskState state) {
    Await.until(() -> state(service) == state);
  }

  private void awaitAvoided(long service, boolean avoided) {
    Await.until(
        () -> {
          List<RegisterBlockServiceInfo> history = shuckle.history(service);
          return !history.isEmpty()
              && ((history.getLast().flags() & BlockServiceFlags.NO_WRITE) != 0) == avoided;
        });
  }

  private void failOn(String disk, int errno, Set<Call> calls) {
    files.set(
        (call, path) -> {
          if (calls.contains(call) && files.disk(path).equals(disk)) {
            throw HostileFiles.error(errno);
          }
        });
  }

  @Test
  void aCountThatFailsIsRepeated() throws IOException {
    AtomicInteger failures = new AtomicInteger();
    files.set(
        (call, path) -> {
          if (call == Call.LIST && path.endsWith("ff") && Files.exists(path)) {
            if (failures.incrementAndGet() <= 3) {
              throw HostileFiles.error(EIO);
            }
          }
        });
    start();
    Await.until(
        () -> server.serviceIds().stream().allMatch(id -> server.service(id).counter.isComplete()));
    assertTrue(failures.get() > 3);
  }

  @Test
  void aHangingDiskHoldsFewThreadsAndNoOtherDisk() throws Exception {
    start();
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(a, NOW, DATA));
      assertEquals(Peer.OK, peer.write(b, NOW, DATA));
    }
    awaitAvoided(a, false);
    HostileFiles.Gate gate = new HostileFiles.Gate();
    files.set(
        (call, path) -> {
          if (files.disk(path).equals("a")) {
            gate.pass();
          }
        });
    List<Peer> victims = new ArrayList<>();
    for (int i = 0; i < 2 * WatchedFiles.CALLS_MAX; i++) {
      Peer victim = new Peer(server);
      victim.send(Peer.fetchRequest(a, NOW, SIZE));
      victims.add(victim);
    }
    try (Peer other = new Peer(server)) {
      // Also before anybody knows that the disk hangs.
      for (int i = 0; i < 50; i++) {
        assertEquals(Peer.OK, other.fetch(b, NOW, SIZE));
      }
      for (Peer victim : victims) {
        String answer = victim.answer(SIZE);
        assertTrue(Set.of("BLOCK_IO_ERROR_DEVICE", Peer.CLOSED).contains(answer), answer);
        victim.close();
      }
      awaitState(a, DiskState.HANGING);
      for (int i = 0; i < 50; i++) {
        assertEquals("BLOCK_IO_ERROR_DEVICE", other.fetch(a, NOW, SIZE));
        assertEquals("BLOCK_IO_ERROR_DEVICE", other.write(a, NOW + 256L * i, DATA));
        assertEquals(Peer.OK, other.write(b, NOW + 256L * i, DATA));
      }
      assertTrue(server.service(a).callCount() <= WatchedFiles.CALLS_MAX);
      awaitAvoided(a, true);
      Await.until(() -> shuckle.last(a) == null && shuckle.last(b) != null);

      gate.open();
      awaitState(a, DiskState.WELL);
      assertEquals(Peer.OK, other.fetch(a, NOW, SIZE));
      awaitAvoided(a, false);
      Await.until(() -> server.service(a).callCount() == 0);
    }
  }

  @Test
  void aHangingDiskDoesNotHoldUpTheOtherRequestsOfAPipeline() throws Exception {
    start();
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(a, NOW, DATA));
      assertEquals(Peer.OK, peer.write(b, NOW, DATA));
      HostileFiles.Gate gate = new HostileFiles.Gate();
      files.set(
          (call, path) -> {
            if (call == Call.OPEN && files.disk(path).equals("a")) {
              gate.pass();
            }
          });
      byte[] fromA = Peer.fetchRequest(a, NOW, SIZE);
      byte[] fromB = Peer.fetchRequest(b, NOW, SIZE);
      peer.send(fromB, fromA, fromB, fromA, fromB);
      assertEquals(Peer.OK, peer.answer(SIZE));
      assertEquals("BLOCK_IO_ERROR_DEVICE", peer.answer(SIZE));
      assertEquals(Peer.OK, peer.answer(SIZE));
      assertEquals("BLOCK_IO_ERROR_DEVICE", peer.answer(SIZE));
      assertEquals(Peer.OK, peer.answer(SIZE));
      gate.open();
    }
  }

  @Test
  void aWriteThatFailedHoldsNoTransferBufferWhileItsPeerIsSlow() throws Exception {
    start();
    byte[] large = new byte[4 << 20];
    AtomicInteger writes = new AtomicInteger();
    files.set(
        (call, path) -> {
          if (call == Call.WRITE && files.disk(path).equals("a")) {
            writes.incrementAndGet();
            throw HostileFiles.error(ENOSPC);
          }
        });
    try (Peer peer = new Peer(server)) {
      int all = runtime.buffers().available();
      byte[] request = peer.writeRequest(a, NOW, large);
      int part = 1 << 20;
      peer.send(Arrays.copyOf(request, part));
      Await.until(() -> writes.get() > 0 && runtime.buffers().available() == all);
      peer.send(Arrays.copyOfRange(request, part, request.length));
      assertEquals("INTERNAL_ERROR", peer.answer(8));
      files.disarm();
      assertEquals(Peer.OK, peer.write(a, NOW, large));
    }
  }

  @Test
  void aFileThatIsBeingReadForAnAnswerIsNotClosedByAReset() throws Exception {
    start();
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(a, NOW, DATA));
      assertEquals(Peer.OK, peer.write(a, NOW + 256, DATA));
    }
    Await.until(() -> runtime.connectionCount() == 0);
    HostileFiles.Gate gate = new HostileFiles.Gate();
    CountDownLatch reading = new CountDownLatch(1);
    AtomicInteger closed = new AtomicInteger();
    Path block = root.resolve("a").resolve(BlockPaths.relative(NOW));
    files.set(
        (call, path) -> {
          if (path.equals(block)) {
            if (call == Call.READ) {
              reading.countDown();
              gate.pass();
            } else if (call == Call.CLOSE) {
              closed.incrementAndGet();
            }
          }
        });
    try (Peer peer = new Peer(server)) {
      peer.send(Peer.fetchRequest(a, NOW, SIZE), Peer.fetchRequest(a, NOW + 256, SIZE));
      reading.await();
      peer.reset();
      Await.until(() -> runtime.connectionCount() == 0);
      assertEquals(0, closed.get());
      gate.open();
      Await.until(() -> closed.get() == 1);
    }
  }

  @Test
  void hangingDisksGiveBackTheirTransferBuffers() throws Exception {
    start();
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(a, NOW, DATA));
      int all = runtime.buffers().available();
      HostileFiles.Gate gate = new HostileFiles.Gate();
      files.set(
          (call, path) -> {
            if (call == Call.READ && files.disk(path).equals("a")) {
              gate.pass();
            }
          });
      peer.send(Peer.fetchRequest(a, NOW, SIZE));
      Await.until(() -> runtime.buffers().available() == all - 1);
      assertEquals(Peer.CLOSED, peer.answer(SIZE));
      Await.until(() -> runtime.buffers().available() == all);
      gate.open();
      Await.until(() -> server.service(a).callCount() == 0);
      assertEquals(all, runtime.buffers().available());
    }
  }

  @Test
  void aSyncThatDoesNotReturnFailsTheWritesThatWait() throws Exception {
    start();
    HostileFiles.Gate gate = new HostileFiles.Gate();
    files.set(
        (call, path) -> {
          if (call == Call.SYNC && files.disk(path).equals("a")) {
            gate.pass();
          }
        });
    try (Peer peer = new Peer(server)) {
      assertEquals("BLOCK_IO_ERROR_DEVICE", peer.write(a, NOW, DATA));
      awaitState(a, DiskState.HANGING);
      assertEquals(Peer.OK, peer.write(b, NOW, DATA));
      gate.open();
      awaitState(a, DiskState.WELL);
      assertEquals(Peer.OK, peer.write(a, NOW + 256, DATA));
    }
  }

  @Test
  void whatAFailedWriteCouldNotRemoveIsRemovedWhenTheDiskWorks() throws Exception {
    start();
    failOn("a", EIO, Set.of(Call.SYNC, Call.DELETE));
    try (Peer peer = new Peer(server)) {
      assertTrue(peer.write(a, NOW, DATA).startsWith("BLOCK_IO_ERROR"));
      assertEquals(1, leftovers().size());
      files.disarm();
      Await.until(() -> leftovers().isEmpty());
    }
  }

  @Test
  void aFullDiskRefusesWritesAndServesReads() throws Exception {
    start();
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(a, NOW, DATA));
      failOn("a", ENOSPC, Set.of(Call.WRITE, Call.CREATE));
      assertEquals("INTERNAL_ERROR", peer.write(a, NOW + 256, DATA));
      assertEquals(Peer.OK, peer.fetch(a, NOW, SIZE));
      assertEquals(DiskState.WELL, state(a), "only the free space says whether it is full");
      files.claim(new DiskFiles.Space(1000, 0));
      awaitState(a, DiskState.FULL);
      Await.until(() -> shuckle.last(a).availableBytes() == 0 && shuckle.last(a).flags() == 0);
      files.disarm();
      awaitState(a, DiskState.WELL);
      Await.until(() -> shuckle.last(a).availableBytes() != 0);
      assertEquals(Peer.OK, peer.write(a, NOW + 256, DATA));
    }
  }

  @Test
  void aReadOnlyDiskServesReadsAndIsAvoided() throws Exception {
    start();
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(a, NOW, DATA));
      failOn("a", EROFS, Set.of(Call.CREATE, Call.WRITE, Call.RENAME, Call.DELETE));
      assertEquals("BLOCK_IO_ERROR_DEVICE", peer.write(a, NOW + 256, DATA));
      now = NOW + 1000;
      assertEquals("BLOCK_IO_ERROR_DEVICE", peer.erase(a, NOW));
      awaitState(a, DiskState.READ_ONLY);
      assertEquals(Peer.OK, peer.fetch(a, NOW, SIZE));
      awaitAvoided(a, true);
      int count = shuckle.count();
      Await.until(() -> shuckle.count() > count + 2);
      assertNotNull(shuckle.last(a), "it is registered on, so that it does not get stale");
      files.disarm();
      awaitState(a, DiskState.WELL);
      awaitAvoided(a, false);
    }
  }

  @Test
  void aBadPlaceIsTheFilesFaultAndADeadDeviceTheDevices() throws Exception {
    start();
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(a, NOW, DATA));
      failOn("a", EIO, Set.of(Call.READ));
      assertEquals("BLOCK_IO_ERROR_FILE", peer.fetch(a, NOW, SIZE));
      assertEquals(DiskState.WELL, state(a));

      failOn("a", EIO, Set.of(Call.READ, Call.READ_KEY));
      assertEquals("BLOCK_IO_ERROR_DEVICE", peer.fetch(a, NOW, SIZE));
      awaitState(a, DiskState.FAILED);
      awaitAvoided(a, true);
      Await.until(() -> shuckle.last(a) == null);
      files.disarm();
      awaitState(a, DiskState.WELL);
      Await.until(() -> shuckle.last(a) != null && shuckle.last(a).flags() == 0);
      assertEquals(Peer.OK, peer.fetch(a, NOW, SIZE));
    }
  }

  @Test
  void aSyncThatFailsIsTheSameErrorForAllThatWaitForIt() throws Exception {
    start();
    now = NOW + 1000;
    for (boolean dead : List.of(false, true)) {
      try (Peer peer = new Peer(server)) {
        failOn("a", EIO, dead ? Set.of(Call.SYNC, Call.READ_KEY) : Set.of(Call.SYNC));
        String error = dead ? "BLOCK_IO_ERROR_DEVICE" : "BLOCK_IO_ERROR_FILE";
        // A block that was erased is not written again.
        long block = NOW + (dead ? 256 : 0);
        long errors = server.service(a).health.ioErrors.sum();
        assertEquals(error, peer.write(a, block, DATA));
        assertEquals(error, peer.erase(a, block));
        assertEquals(error, peer.quarantine(a, block));
        assertEquals(error, peer.testWrite(a, DATA));
        assertEquals(errors + 4, server.service(a).health.ioErrors.sum());
        if (dead) {
          awaitState(a, DiskState.FAILED);
        }
        files.disarm();
        awaitState(a, DiskState.WELL);
        assertEquals(Peer.OK, peer.erase(a, block));
        assertEquals(Peer.OK, peer.quarantine(a, block));
        assertEquals(Peer.OK, peer.write(a, block + 1, DATA));
        assertEquals(Peer.OK, peer.testWrite(a, DATA));
        assertEquals(List.of(), leftovers());
      }
    }
  }

  private List<Path> leftovers() throws IOException {
    try (Stream<Path> staged = Files.list(root.resolve("a").resolve(StagedName.DIRECTORY));
        Stream<Path> others = Files.list(root.resolve("a"))) {
      return Stream.concat(
              staged,
              others.filter(
                  path ->
                      path.getFileName().toString().startsWith(BlockFormat.TEMPORARY_PREFIX)
                          && !path.endsWith(BlockFormat.TEMPORARY_PREFIX + "probe")))
          .toList();
    }
  }

  @Test
  void erasuresThatFailToBeSyncedMakeADiskSuspect() throws Exception {
    start();
    now = NOW + 100_000;
    try (Peer peer = new Peer(server)) {
      failOn("a", EIO, Set.of(Call.SYNC));
      for (int i = 0; i < 20; i++) {
        assertEquals("BLOCK_IO_ERROR_FILE", peer.erase(a, NOW + 256L * i));
      }
      server.watchDisks();
      assertEquals(DiskState.SUSPECT, state(a));
    }
  }

  @Test
  void aWriteThatWasGivenUpWhenItsDiskHungLeavesNothingWhenItFails() throws Exception {
    start();
    HostileFiles.Gate gate = new HostileFiles.Gate();
    files.set(
        (call, path) -> {
          if (call == Call.SYNC && files.disk(path).equals("a")) {
            gate.pass();
            throw HostileFiles.error(EIO);
          }
        });
    try (Peer peer = new Peer(server)) {
      assertEquals("BLOCK_IO_ERROR_DEVICE", peer.write(a, NOW, DATA));
      assertEquals("BLOCK_IO_ERROR_DEVICE", peer.testWrite(a, DATA));
      assertNotEquals(List.of(), leftovers());
      gate.open();
      Await.until(() -> leftovers().isEmpty());
    }
  }

  @Test
  void errorsOfManyBlocksMakeADiskSuspectUntilItIsCalm() throws Exception {
    start();
    try (Peer peer = new Peer(server)) {
      for (int i = 0; i < 20; i++) {
        assertEquals(Peer.OK, peer.write(a, NOW + 256L * i, DATA));
      }
      failOn("a", EIO, Set.of(Call.READ));
      for (int i = 0; i < 40; i++) {
        assertEquals("BLOCK_IO_ERROR_FILE", peer.fetch(a, NOW, SIZE));
      }
      server.watchDisks();
      assertEquals(DiskState.WELL, state(a), "one bad block, however often it is read");
      for (int i = 0; i < 20; i++) {
        assertEquals("BLOCK_IO_ERROR_FILE", peer.fetch(a, NOW + 256L * i, SIZE));
      }
      server.watchDisks();
      assertEquals(DiskState.SUSPECT, state(a));
      awaitAvoided(a, true);
      files.disarm();
      assertEquals(Peer.OK, peer.fetch(a, NOW, SIZE));
      assertEquals(Peer.OK, peer.write(a, NOW + 256 * 100, DATA));
    }
  }

  @Test
  void aSlowDiskAmongQuickOnesIsAvoided() throws Exception {
    start();
    files.set(
        (call, path) -> {
          if (call == Call.SPACE && files.disk(path).equals("a")) {
            sleep();
          }
        });
    awaitState(a, DiskState.SLOW);
    awaitAvoided(a, true);
    files.disarm();
    awaitState(a, DiskState.WELL);
    awaitAvoided(a, false);
  }

  private static void sleep() throws IOException {
    try {
      Thread.sleep(400);
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @Test
  void aDiskThatIsDeadAtTheStartJoinsWhenItIsBack() throws Exception {
    failOn("a", EIO, Set.of(Call.READ_KEY));
    start();
    assertEquals(2, server.serviceIds().size());
    Await.until(() -> server.isRegistered());
    files.disarm();
    Await.until(() -> server.serviceIds().size() == 3);
    long joined = server.serviceIds().getFirst();
    assertTrue(state(joined).isServed());
    Await.until(() -> shuckle.last(joined) != null);
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(joined, NOW, DATA));
    }
  }

  @Test
  void aDiskThatIsNotMountedIsNotTakenForANewOne() throws Exception {
    start();
    Await.until(() -> shuckle.last(a) != null);
    RegisterBlockServiceInfo before = shuckle.last(a);
    shuckle.know(before, 0, 0);
    server.close();
    Files.move(root.resolve("a"), root.resolve("elsewhere"));
    start();
    Await.until(() -> shuckle.last(b) != null && server.isRegistered());
    assertNotEquals(before.id(), a);
    assertTrue(shuckle.history(a).isEmpty(), "another disk was registered with this path");
    shuckle.know(before, BlockServiceFlags.DECOMMISSIONED, 0);
    Await.until(() -> shuckle.last(a) != null);
  }

  @Test
  void theNumberOfBlocksIsTheRememberedOneUntilTheyAreCounted() throws Exception {
    start();
    try (Peer peer = new Peer(server)) {
      for (int i = 0; i < 5; i++) {
        assertEquals(Peer.OK, peer.write(a, NOW + 256L * i, DATA));
      }
    }
    Await.until(() -> shuckle.last(a) != null);
    shuckle.know(shuckle.last(a), 0, 1234);
    server.close();
    HostileFiles.Gate gate = new HostileFiles.Gate();
    String last = BlockPaths.ROOT + "/ff";
    files.set(
        (call, path) -> {
          if (call == Call.LIST && path.endsWith(last)) {
            gate.pass();
          }
        });
    int count = shuckle.count();
    start();
    Await.until(() -> shuckle.count() > count);
    assertEquals(1234, shuckle.last(a).blocks());
    try (Peer peer = new Peer(server)) {
      assertEquals(Peer.OK, peer.write(a, NOW + 256 * 10, DATA));
      gate.open();
      Await.until(() -> server.blockCount(a) == 6);
      now = NOW + 1_000_000;
      assertEquals(Peer.OK, peer.erase(a, NOW));
      assertEquals(5, server.blockCount(a));
    }
  }
}
