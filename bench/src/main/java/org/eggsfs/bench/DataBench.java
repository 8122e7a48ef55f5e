package org.eggsfs.bench;

import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.util.SplittableRandom;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.FileWriter;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** One large file in and out through the streams of the client. */
@Command(name = "data", description = "Write and read one large file.")
final class DataBench extends InstanceBench {
  private static final int BUFFER_SIZE = 1 << 20;
  private static final long SEED = 42;

  @Option(names = "--size", paramLabel = "BYTES", description = "Size of the file (default 1 GiB).")
  private long size = 1L << 30;

  @Option(names = "--reads", paramLabel = "N", description = "How often it is read (default 3).")
  private int reads = 3;

  @Override
  void measure(EggsClient client, long root, Report report) throws EggsException, IOException {
    byte[] buffer = new byte[BUFFER_SIZE];
    new SplittableRandom(SEED).nextBytes(buffer);
    long start = System.nanoTime();
    long file;
    try (FileWriter writer = client.files().create(root, bytes("large"))) {
      for (long done = 0; done < size; done += buffer.length) {
        // Each buffer differs, so that a stale or misplaced one would be noticed below.
        buffer[0] = (byte) (done >>> 20);
        buffer[1] = (byte) (done >>> 28);
        writer.write(buffer, 0, (int) Math.min(buffer.length, size - done));
      }
      file = writer.commit();
    }
    report.add(Figure.bytes("write, durable", 1, size, secondsSince(start)));
    for (int i = 0; i < reads; i++) {
      start = System.nanoTime();
      long total = read(client, file);
      if (total != size) {
        throw new IOException("read " + total + " of " + size + " bytes");
      }
      report.add(
          Figure.bytes(i == 0 ? "read, first time" : "read again", 1, size, secondsSince(start)));
    }
    long heapPeak = 0;
    for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
      if (pool.getType() == MemoryType.HEAP) {
        heapPeak += pool.getPeakUsage().getUsed();
      }
    }
    report.add(new Figure("client heap, peak", 1, heapPeak, 0, heapPeak / 1048576.0, "MiB", 0, 0));
  }

  private static long read(EggsClient client, long file) throws EggsException, IOException {
    byte[] buffer = new byte[BUFFER_SIZE];
    long total = 0;
    try (FileReader reader = client.files().open(file);
        InputStream in = reader.stream()) {
      for (int count = in.readNBytes(buffer, 0, buffer.length);
          count > 0;
          count = in.readNBytes(buffer, 0, buffer.length)) {
        if (buffer[0] != (byte) (total >>> 20)
            || (count > 1 && buffer[1] != (byte) (total >>> 28))) {
          throw new IOException("wrong bytes at " + total);
        }
        total += count;
      }
    }
    return total;
  }

  private static double secondsSince(long startNanos) {
    return (System.nanoTime() - startNanos) / 1e9;
  }
}
