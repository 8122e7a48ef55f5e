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
import org.eggsfs.gc.migrate.MigrateSettings;
import org.eggsfs.gc.repair.BlockJudge;
import org.eggsfs.gc.repair.RepairCounters;
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
  private int workers = MigrateSettings.DEFAULT.filesAtOnce();

  @Override
  void measure(EggsClient client, long root, Report report) throws EggsException, IOException {
    List<Long> files = new ArrayList<>();
    for (int i = 0; i < fileCount; i++) {
      files.add(write(client, root, i));
    }
    RepairCounters counters = new MigrateCounters().repairs;
    try (Repairer repairer =
        new Repairer(client, RepairSettings.DEFAULT, counters, "bench repair")) {
      Replacing replacing = new Replacing(client, files, repairer, counters);
      // A daemon has been at work for days: what its first seconds cost is not what it does.
      replacing.run(null, "warm-up", Verdict.REBUILD, i -> i == 7);
      check(client, files, report);
      replacing.run(report, "copy one block of each span", Verdict.MOVE, i -> i == 3);
      replacing.run(report, "rebuild one block of each span", Verdict.REBUILD, i -> i == 5);
      replacing.run(report, "rebuild four blocks of each span", Verdict.REBUILD, i -> i % 4 == 1);
    }
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

  /** Replaces blocks of the same files again and again, as one process. */
  private final class Replacing {
    private final EggsClient client;
    private final List<Long> files;
    private final Repairer repairer;
    private final RepairCounters counters;

    Replacing(EggsClient client, List<Long> files, Repairer repairer, RepairCounters counters) {
      this.client = client;
      this.files = files;
      this.repairer = repairer;
      this.counters = counters;
    }

    /** Replaces the blocks of certain places in their spans; without a report nobody is told. */
    void run(Report report, String name, Verdict verdict, IntFunction<Boolean> condemned)
        throws EggsException, IOException {
      Set<Long> ids = new HashSet<>();
      long bytes = 0;
      for (StoredBlock block : blocks()) {
        if (condemned.apply(block.index())) {
          ids.add(block.blockId());
          bytes += block.size();
        }
      }
      BlockJudge judge = block -> ids.contains(block.blockId()) ? verdict : Verdict.KEEP;
      long before = counters.replacedBytes.get();
      Stopwatch watch = new Stopwatch();
      each(files, file -> repairer.replaceBadBlocks(file, judge, ReplacedListener.NONE));
      if (report != null) {
        watch.report(report, name, bytes);
      }
      long replaced = counters.replacedBytes.get() - before;
      if (replaced != bytes) {
        throw new IOException("replaced " + replaced + " of " + bytes + " bytes");
      }
    }

    private List<StoredBlock> blocks() throws EggsException, IOException {
      List<StoredBlock> blocks = new ArrayList<>();
      for (long file : files) {
        SpanPages pages = new SpanPages(client, file);
        for (List<StoredSpan> spans = pages.next(); !spans.isEmpty(); spans = pages.next()) {
          spans.forEach(span -> span.copies().forEach(copy -> blocks.addAll(copy.blocks())));
        }
      }
      return blocks;
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
