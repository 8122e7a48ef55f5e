package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.eggsfs.blocks.disk.DiskFiles;
import org.eggsfs.blocks.disk.DiskLog;
import org.eggsfs.blocks.disk.HostileFiles;
import org.eggsfs.blocks.disk.NthFault;
import org.eggsfs.blocks.disk.SystemFiles;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.blocks.format.DiskMisuseException;
import org.eggsfs.blocks.format.StagedName;
import org.eggsfs.core.BlockPaths;
import org.eggsfs.protocol.StorageClass;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Goal: whichever call to its disk fails, a block server gives a clean error, loses nothing that it
 * has proved, serves no wrong byte, and works again when the disk does. Method: a life of a disk
 * (format, write, read, check, list, erase, put aside, restart) in which the n-th call fails, for n
 * = 1, 2, 3 … until none is left; after each life a server without faults must settle everything.
 * {@link BlockLedger} judges each answer.
 *
 * <p>Each kind tries every fifth call; with {@code -Deggs.faults=all}, every one.
 */
class FaultLoopTest {
  /** Fewer calls than these in a life mean that the loop has lost what it is to test. */
  private static final int CALLS_MIN = 120;

  private static final int CHANGES_MIN = 45;
  private static final int WRITES_MIN = 8;

  /** Every n-th fault is tried; 1 with {@code -Deggs.faults=all}. */
  private static final int STEP = "all".equals(System.getProperty("eggs.faults")) ? 1 : 5;

  private static final long MILLI = 1_000_000L;
  private static final double[] SURVIVALS = {0, 0.5, 1};

  @TempDir(factory = MemoryDirectory.class)
  Path root;

  private int lives;

  @ParameterizedTest
  @EnumSource(NthFault.Kind.class)
  void eachCallMayFail(NthFault.Kind kind) throws IOException {
    int met = 0;
    // Kinds begin at different calls, so that together they try more of them.
    for (int n = 1 + kind.number() % STEP; ; n += kind == NthFault.Kind.SHORT_WRITE ? 1 : STEP) {
      NthFault fault = new NthFault(kind, n);
      try {
        live(fault, UnaryOperator.identity());
      } catch (IOException | RuntimeException | AssertionError e) {
        fail(kind + " at call " + n + " (" + fault.where() + "): " + e, e);
      }
      if (!fault.wasMet()) {
        met = n - 1;
        break;
      }
    }
    int atLeast =
        switch (kind) {
          case EIO_ONCE, EIO_FOR_GOOD, DEATH -> CALLS_MIN;
          case FULL_ONCE, FULL_FOR_GOOD -> CHANGES_MIN;
          case SHORT_WRITE -> WRITES_MIN;
        };
    assertTrue(met >= atLeast, kind + " met only " + met + " calls");
  }

  @Test
  void aServerThatForgetsToSyncIsFound() throws IOException {
    boolean found = false;
    for (int n = CALLS_MIN / 2; !found; n += 10) {
      NthFault fault = new NthFault(NthFault.Kind.DEATH, n);
      try {
        live(fault, DiskLog::withoutSyncs);
      } catch (AssertionError e) {
        found = true;
      }
      assertTrue(found || fault.wasMet(), "no power failure took anything away");
    }
  }

  /**
   * One life with one fault, and then another without.
   *
   * @param log changes what is known to have been done before a power failure
   */
  private void live(NthFault fault, UnaryOperator<List<DiskLog.Entry>> log) throws IOException {
    Path home = root.resolve("life" + lives++);
    Path disk = home.resolve("disk");
    DiskLog recorder = new DiskLog();
    HostileFiles files = new HostileFiles(home, recorder);
    files.set(fault);
    BlockLedger ledger = new BlockLedger();
    serve(files, disk, ledger, this::youth);
    serve(files, disk, ledger, this::age);
    List<DiskLog.Entry> done = log.apply(recorder.entries());
    files.disarm();
    ledger.demandSuccess();
    if (fault.kind() == NthFault.Kind.DEATH) {
      SplittableRandom random = new SplittableRandom(lives);
      double survival = SURVIVALS[lives % SURVIVALS.length];
      Path after = home.resolve("after");
      restore(DiskLog.afterPowerFailure(done, survival, random), disk, after);
      settle(new SystemFiles(), after, ledger);
    } else {
      settle(files, disk, ledger);
    }
    deleteTree(home);
  }

  private interface Work {
    void on(BlockServer server, BlockLedger ledger) throws IOException;
  }

  /** A server as long as the work takes; it may also refuse to start, cleanly. */
  private static void serve(DiskFiles files, Path disk, BlockLedger ledger, Work work)
      throws IOException {
    try (BlocksRuntime runtime = new BlocksRuntime(files);
        BlockServer server = start(runtime, disk)) {
      if (server != null) {
        ledger.connect(server);
        work.on(server, ledger);
        ledger.disconnect();
      }
    }
  }

  /** A server, or null if the disk cannot be opened. */
  private static BlockServer start(BlocksRuntime runtime, Path disk) {
    try {
      return BlockServer.start(config(disk), runtime);
    } catch (DiskMisuseException e) {
      throw new UncheckedIOException("a failing disk is not anybody's mistake", e);
    } catch (IOException e) {
      assertNotNull(e.getMessage());
      return null;
    }
  }

  private static BlockServerConfig config(Path disk) {
    return BlockServerConfig.of(
            List.of(new BlockServerConfig.Disk(disk, StorageClass.FLASH)),
            "domain",
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            List.of())
        .withLimits(1, 1L << 50, 0, 1000 * MILLI)
        .withClock(() -> BlockLedger.NOW + 1000 * MILLI, 60_000 * MILLI);
  }

  private void youth(BlockServer server, BlockLedger ledger) throws IOException {
    ledger.write(0);
    ledger.writeAll(1, 2, 3, 4);
    ledger.write(1);
    ledger.fetch(0);
    ledger.fetchWithCrcs(2);
    ledger.check(1);
    ledger.erase(2);
    ledger.erase(2);
    ledger.quarantine(3);
    ledger.fetch(2);
    ledger.testWrite();
    ledger.list(1);
  }

  private void age(BlockServer server, BlockLedger ledger) throws IOException {
    for (int block = 0; block < 5; block++) {
      ledger.fetch(block);
    }
    ledger.write(5);
    ledger.erase(4);
    ledger.check(5);
  }

  private static void settle(DiskFiles files, Path disk, BlockLedger ledger) throws IOException {
    serve(
        files,
        disk,
        ledger,
        (server, same) -> {
          Await.until(() -> server.service(server.serviceIds().getFirst()).counter.isComplete());
          assertEquals(List.of(), leftovers(disk));
          same.settle();
          assertEquals(same.count(), blockFiles(disk));
          assertEquals(same.count(), server.blockCount(server.serviceIds().getFirst()));
        });
  }

  private static List<String> names(Path tree) throws IOException {
    try (Stream<Path> files = Files.walk(tree)) {
      return files.filter(Files::isRegularFile).map(Path::toString).toList();
    }
  }

  private static List<String> leftovers(Path disk) throws IOException {
    return names(disk).stream()
        .filter(
            name ->
                name.contains("/" + StagedName.DIRECTORY + "/")
                    || name.contains("/" + BlockFormat.TEMPORARY_PREFIX)
                        && !name.endsWith(BlockFormat.TEMPORARY_PREFIX + "probe"))
        .toList();
  }

  private static long blockFiles(Path disk) throws IOException {
    return names(disk.resolve(BlockPaths.ROOT)).size();
  }

  /** The disk as it is found after the power failure, in another place. */
  private static void restore(Map<Path, byte[]> state, Path disk, Path after) throws IOException {
    Files.createDirectories(after);
    for (Map.Entry<Path, byte[]> file : state.entrySet()) {
      Path target = after.resolve(disk.relativize(file.getKey()));
      Files.createDirectories(target.getParent());
      Files.write(target, file.getValue());
    }
  }

  private static void deleteTree(Path tree) throws IOException {
    try (Stream<Path> files = Files.walk(tree)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
