package org.eggsfs.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.gc.migrate.MigrateCounters;
import org.eggsfs.gc.repair.BlockJudge;
import org.eggsfs.gc.repair.RepairSettings;
import org.eggsfs.gc.repair.Repairer;
import org.eggsfs.gc.repair.ReplacedListener;
import org.eggsfs.gc.repair.SpanPages;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.gc.repair.TaskGroup;
import org.eggsfs.gc.repair.Verdict;
import org.eggsfs.gc.scrub.ScrubCounters;
import org.eggsfs.gc.scrub.ScrubSettings;
import org.eggsfs.gc.scrub.Scrubber;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * How fast one process makes good what was lost: some blocks of every span of some files are
 * condemned, though they are sound, and replaced as scrub and migration do it.
 */
@Command(name = "repair", description = "Check, copy and rebuild blocks of files.")
final class RepairBench extends InstanceBench {
  private static final int BUFFER_SIZE = 1 << 20;
  private static final long SEED = 42;

  @Option(names = "--files", paramLabel = "N", description = "How many files (default 40).")
  private int fileCount = 40;

  @Option(
      names = "--size",
      paramLabel = "BYTES",
      description = "Size of each (default 27,000,000: one span of fourteen blocks).")
  private int size = 27_000_000;

  @Option(
      names = "--workers",
      paramLabel = "N",
      description = "Files in work at the same time (default ${DEFAULT-VALUE}).")
  private int workers = 8;

  @Override
  void measure(EggsClient client, long root, Report report) throws EggsException, IOException {
    List<Long> files = new ArrayList<>();
    for (int i = 0; i < fileCount; i++) {
      files.add(write(client, root, i));
    }
    check(client, files, report);
    replace(client, files, report, "copy one block of each span", Verdict.MOVE, i -> i == 3);
    replace(client, files, report, "rebuild one block of each span", Verdict.REBUILD, i -> i == 5);
    replace(
        client,
        files,
        report,
        "rebuild four blocks of each span",
        Verdict.REBUILD,
        i -> i % 4 == 1);
  }

  private long write(EggsClient client, long root, int number) throws EggsException, IOException {
    byte[] buffer = new byte[BUFFER_SIZE];
    new SplittableRandom(SEED + number).nextBytes(buffer);
    try (FileWriter writer = client.files().create(root, bytes("file-" + number))) {
      for (int done = 0; done < size; done += buffer.length) {
        buffer[0] = (byte) (done >>> 20);
        writer.write(buffer, 0, Math.min(buffer.length, size - done));
      }
      return writer.commit();
    }
  }

  private void check(EggsClient client, List<Long> files, Report report) throws IOException {
    ScrubCounters counters = new ScrubCounters();
    try (Scrubber scrubber = new Scrubber(client, ScrubSettings.UNLIMITED, counters)) {
      Stopwatch watch = new Stopwatch();
      each(files, file -> scrubber.scrubFile(file));
      watch.report(report, "check all blocks", counters.checkedBytes.get());
    }
  }

  private interface Work {
    void on(long file) throws EggsException, IOException;
  }

  private void each(List<Long> files, Work work) throws IOException {
    try (TaskGroup tasks = new TaskGroup("bench-repair", workers)) {
      for (long file : files) {
        tasks.submit(() -> work.on(file));
      }
      tasks.join();
    }
  }

  private void replace(
      EggsClient client,
      List<Long> files,
      Report report,
      String name,
      Verdict verdict,
      IntFunction<Boolean> condemned)
      throws EggsException, IOException {
    Set<Long> ids = new HashSet<>();
    long bytes = 0;
    for (long file : files) {
      SpanPages pages = new SpanPages(client, file);
      for (List<StoredSpan> spans = pages.next(); !spans.isEmpty(); spans = pages.next()) {
        for (StoredSpan span : spans) {
          for (StoredSpan.Copy copy : span.copies()) {
            for (StoredBlock block : copy.blocks()) {
              if (condemned.apply(block.index())) {
                ids.add(block.blockId());
                bytes += block.size();
              }
            }
          }
        }
      }
    }
    BlockJudge judge = block -> ids.contains(block.blockId()) ? verdict : Verdict.KEEP;
    MigrateCounters counters = new MigrateCounters();
    try (Repairer repairer =
        new Repairer(client, RepairSettings.DEFAULT, counters.repairs, "bench repair")) {
      Stopwatch watch = new Stopwatch();
      each(files, file -> repairer.replaceBadBlocks(file, judge, ReplacedListener.NONE));
      watch.report(report, name, bytes);
      if (counters.repairs.replacedBytes.get() != bytes) {
        throw new IOException(
            "replaced " + counters.repairs.replacedBytes.get() + " of " + bytes + " bytes");
      }
    }
  }

  /** Time on the wall and of this process on the cores, which servers may share with it. */
  private final class Stopwatch {
    private final OperatingSystemMXBean system =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    private final long startNanos = System.nanoTime();
    private final long startCpuNanos = system.getProcessCpuTime();

    void report(Report report, String name, long bytes) {
      double seconds = (System.nanoTime() - startNanos) / 1e9;
      double cpuSeconds = (system.getProcessCpuTime() - startCpuNanos) / 1e9;
      report.add(Figure.bytes(name, workers, bytes, seconds));
      report.add(Figure.bytes(name + ", per second of a core", workers, bytes, cpuSeconds));
    }
  }
}
