package org.eggsfs.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.Parity;
import org.eggsfs.core.ReedSolomon;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Reed–Solomon (10,4) and CRC-32C on one core. The kernel of the erasure code is chosen once per
 * process, so each implementation is measured in a process of its own.
 */
@Command(
    name = "codec",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Erasure code per implementation, and checksums, on one core.")
final class CodecBench implements Callable<Integer> {
  private static final List<String> IMPLEMENTATIONS = List.of("native", "vector", "scalar");
  private static final int[] CELL_SIZES = {4 << 10, 64 << 10, 1 << 20};
  private static final int DATA_BLOCKS = 10;
  private static final int PARITY_BLOCKS = 4;
  private static final long SEED = 42;
  private static final String KERNEL_PROPERTY = "eggsfs.rs";

  @Option(names = "--json", description = "Figures in JSON.")
  private boolean json;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "How long each figure takes (default ${DEFAULT-VALUE}).")
  private double seconds = 1;

  @Option(names = "--one", hidden = true, description = "Measure the kernel of this process.")
  private boolean one;

  @Override
  public Integer call() throws Exception {
    if (one) {
      for (Figure figure : erasureCode()) {
        System.out.printf(
            java.util.Locale.ROOT,
            "%s|%d|%.4f|%.1f%n",
            figure.name(),
            figure.count(),
            figure.seconds(),
            figure.rate());
      }
      return ExitCodes.OK;
    }
    Report report = new Report(json, System.out);
    for (String implementation : IMPLEMENTATIONS) {
      measureInChild(implementation, report);
    }
    for (int size : CELL_SIZES) {
      byte[] bytes = new byte[size];
      new SplittableRandom(SEED).nextBytes(bytes);
      int[] sink = new int[1];
      report.add(
          measure(
              "CRC-32C of " + size + " B", size, () -> sink[0] ^= Crc32c.sum(0, bytes, 0, size)));
    }
    report.print();
    return ExitCodes.OK;
  }

  private void measureInChild(String implementation, Report report)
      throws IOException, InterruptedException, CommandFailure {
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:+UseSerialGC",
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-D" + KERNEL_PROPERTY + "=" + implementation,
            "-cp",
            System.getProperty("java.class.path"),
            "org.eggsfs.bench.BenchMain",
            "codec",
            "--one",
            "--seconds",
            Double.toString(seconds));
    Process child =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    List<String> lines =
        new String(child.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8)
            .lines()
            .toList();
    if (child.waitFor() != 0) {
      System.err.println("erasure code, " + implementation + ": not possible on this machine");
      return;
    }
    for (String line : lines) {
      String[] parts = line.split("\\|", -1);
      if (parts.length != 4) {
        throw new CommandFailure("unexpected line from a measuring process: " + line);
      }
      report.add(
          new Figure(
              parts[0],
              1,
              Long.parseLong(parts[1]),
              Double.parseDouble(parts[2]),
              Double.parseDouble(parts[3]),
              "MB/s",
              0,
              0));
    }
  }

  private List<Figure> erasureCode() {
    ReedSolomon code = ReedSolomon.get(Parity.of(DATA_BLOCKS, PARITY_BLOCKS));
    List<Figure> figures = new ArrayList<>();
    for (int size : CELL_SIZES) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment[] data = cells(arena, DATA_BLOCKS, size);
        MemorySegment[] parity = cells(arena, PARITY_BLOCKS, size);
        long bytes = (long) size * DATA_BLOCKS;
        figures.add(
            measure(
                "RS(10,4) encode, " + code.implementation() + ", cells of " + size + " B",
                bytes,
                () -> code.encode(data, parity, size)));
        // The first data cell is lost: found again from the other nine and the first parity cell.
        int[] have = new int[DATA_BLOCKS];
        MemorySegment[] haveCells = new MemorySegment[DATA_BLOCKS];
        for (int i = 0; i < DATA_BLOCKS; i++) {
          have[i] = i + 1;
          haveCells[i] = i + 1 < DATA_BLOCKS ? data[i + 1] : parity[0];
        }
        int[] want = {0};
        MemorySegment[] found = cells(arena, 1, size);
        figures.add(
            measure(
                "RS(10,4) recover 1, " + code.implementation() + ", cells of " + size + " B",
                bytes,
                () -> code.recover(have, haveCells, want, found, size)));
      }
    }
    return figures;
  }

  private static MemorySegment[] cells(Arena arena, int count, int size) {
    SplittableRandom random = new SplittableRandom(SEED);
    MemorySegment[] cells = new MemorySegment[count];
    for (int i = 0; i < count; i++) {
      cells[i] = arena.allocate(size, 64);
      for (int offset = 0; offset < size; offset += Long.BYTES) {
        cells[i].set(ValueLayout.JAVA_LONG, offset, random.nextLong());
      }
    }
    return cells;
  }

  private Figure measure(String name, long bytesEach, Runnable operation) {
    run(operation, (long) (Math.min(0.5, seconds) * 1e9));
    long start = System.nanoTime();
    long count = run(operation, (long) (seconds * 1e9));
    double took = (System.nanoTime() - start) / 1e9;
    return new Figure(name, 1, count, took, count * bytesEach / took / 1e6, "MB/s", 0, 0);
  }

  private static long run(Runnable operation, long nanos) {
    long end = System.nanoTime() + nanos;
    long count = 0;
    do {
      // The clock is read once in many, it would be noticed with small cells.
      for (int i = 0; i < 16; i++) {
        operation.run();
      }
      count += 16;
    } while (System.nanoTime() < end);
    return count;
  }
}
