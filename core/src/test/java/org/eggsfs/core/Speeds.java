package org.eggsfs.core;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;

/**
 * Prints single-thread speeds of the formulas, as MB of data per second. Not a test: run its main
 * with {@code --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED}.
 */
final class Speeds {
  private static final long ROUND_NANOS = 400_000_000L;
  private static final int ROUNDS = 5;

  private Speeds() {}

  /** Measures everything, or only kernels whose name contains the first argument. */
  public static void main(String[] arguments) throws KernelUnavailableException {
    String only = arguments.length > 0 ? arguments[0] : "";
    Map<String, RsKernel> kernels = new LinkedHashMap<>();
    kernels.put("scalar", new ScalarKernel());
    kernels.put("vector", RsKernels.choose("vector"));
    NativeKernel library = NativeKernel.load();
    for (NativeKernel.Level level : NativeKernel.Level.values()) {
      if (level.compareTo(library.level()) <= 0) {
        kernels.put("native " + level, library.at(level));
      }
    }
    kernels.forEach(
        (name, kernel) -> {
          if (name.contains(only)) {
            for (int size : new int[] {4096, 65536, 1 << 20}) {
              reedSolomon(name, kernel, Parity.of(10, 4), size, false);
            }
            reedSolomon(name, kernel, Parity.of(10, 4), 65536, true);
            reedSolomon(name, kernel, Parity.of(4, 4), 65536, false);
            reedSolomon(name, kernel, Parity.of(10, 1), 65536, false);
            reedSolomon(name, kernel, Parity.of(15, 15), 65536, false);
          }
        });
    if (only.isEmpty()) {
      checksums();
    }
  }

  private static void reedSolomon(
      String name, RsKernel kernel, int parity, int cellSize, boolean onHeap) {
    ReedSolomon code = new ReedSolomon(parity, kernel);
    int d = Parity.data(parity);
    int p = Parity.parity(parity);
    try (Arena arena = Arena.ofConfined()) {
      IntFunction<MemorySegment> allocate =
          i -> onHeap ? MemorySegment.ofArray(new byte[cellSize]) : arena.allocate(cellSize, 4096);
      MemorySegment[] data = new MemorySegment[d];
      MemorySegment[] out = new MemorySegment[p];
      Arrays.setAll(data, allocate);
      Arrays.setAll(out, allocate);
      Random random = new Random(1);
      for (MemorySegment cell : data) {
        byte[] bytes = new byte[cellSize];
        random.nextBytes(bytes);
        cell.copyFrom(MemorySegment.ofArray(bytes));
      }
      String label = name + " " + Parity.format(parity) + " " + cellSize + (onHeap ? " heap" : "");
      report(label + " encode", (long) d * cellSize, () -> code.encode(data, out, cellSize));
      for (int losses = 1; losses <= Math.min(p, 4); losses += 3) {
        int[] have = new int[d];
        MemorySegment[] cells = new MemorySegment[d];
        for (int k = 0; k < d; k++) {
          have[k] = k < losses ? d + k : k;
          cells[k] = k < losses ? out[k] : data[k];
        }
        int[] want = new int[losses];
        MemorySegment[] recovered = new MemorySegment[losses];
        Arrays.setAll(want, i -> i);
        Arrays.setAll(recovered, allocate);
        report(
            label + " recover " + losses,
            (long) d * cellSize,
            () -> code.recover(have, cells, want, recovered, cellSize));
        for (int i = 0; i < losses; i++) {
          if (recovered[i].mismatch(data[i]) != -1) {
            throw new IllegalStateException("wrong recovery");
          }
        }
      }
    }
  }

  private static void checksums() {
    byte[] page = new byte[4096];
    ByteBuffer direct = ByteBuffer.allocateDirect(65536);
    int[] sink = new int[1];
    report("crc32c 4096 heap", 4096, () -> sink[0] ^= Crc32c.sum(0, page, 0, 4096));
    report("crc32c 65536 direct", 65536, () -> sink[0] ^= Crc32c.sum(0, direct.clear()));
    report("crc32c append 4096 (millions/s)", 1, () -> sink[0] = Crc32c.append(sink[0], 1, 4096));
    report(
        "crc32c append 184320 (millions/s)", 1, () -> sink[0] = Crc32c.append(sink[0], 1, 184320));
    CbcMac key = new CbcMac(new byte[16]);
    long[] macs = new long[1];
    report(
        "write certificate (millions/s)",
        1,
        () -> macs[0] = Certificates.writeCertificate(key, macs[0], 2, 3, 4));
    byte[] name = new byte[20];
    report("name hash of 20 bytes (millions/s)", 1, () -> name[0] += (byte) NameHash.hash(name));
    report("block path (millions/s)", 1, () -> macs[0] += BlockPaths.relative(macs[0]).length());
  }

  private static void report(String label, long bytes, Runnable work) {
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long done = 0;
      long start = System.nanoTime();
      long elapsed;
      do {
        for (int i = 0; i < 16; i++) {
          work.run();
        }
        done += 16;
        elapsed = System.nanoTime() - start;
      } while (elapsed < ROUND_NANOS);
      best = Math.max(best, done * (double) bytes * 1e3 / elapsed);
    }
    System.out.printf("%-50s %,10.1f%n", label, best);
  }
}
