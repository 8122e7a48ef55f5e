package org.eggsfs.bench;

import java.io.IOException;
import java.io.InputStream;
import java.util.SplittableRandom;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.FileWriter;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Many small files: 200 bytes (kept in the metadata) and 64 KiB (in blocks). */
@Command(name = "small", description = "Write and read many files of 200 B and of 64 KiB.")
final class SmallFilesBench extends InstanceBench {
  private static final int[] SIZES = {200, 64 << 10};
  private static final long SEED = 42;

  @Option(
      names = "--files",
      paramLabel = "N",
      description = "Files of each size (default ${DEFAULT-VALUE}).")
  private int files = 1000;

  @Option(names = "--workers", paramLabel = "N", description = "Default ${DEFAULT-VALUE}.")
  private int workers = 16;

  @Override
  void measure(EggsClient client, long root, Report report) throws EggsException, IOException {
    // Not measured: classes, connections and the compiler of client and servers get warm.
    measure(client, client.inodes().mkdir(root, bytes("warm-up")), Math.max(1, files / 2), null);
    measure(client, root, files, report);
  }

  private void measure(EggsClient client, long root, int count, Report report)
      throws EggsException, IOException {
    for (int size : SIZES) {
      long directory = client.inodes().mkdir(root, bytes("s" + size));
      byte[] content = new byte[size];
      new SplittableRandom(SEED).nextBytes(content);
      long[] ids = new long[count];
      Workers.Operation write =
          (worker, number) -> {
            try (FileWriter writer = client.files().create(directory, bytes("f" + number))) {
              writer.write(content, 0, content.length);
              ids[number] = writer.commit();
            }
          };
      Workers.Operation read =
          (worker, number) -> {
            try (FileReader reader = client.files().open(ids[number]);
                InputStream in = reader.stream()) {
              int length = in.readAllBytes().length;
              if (length != size) {
                throw new IOException("read " + length + " of " + size + " bytes");
              }
            }
          };
      Figure written = Workers.times("write files of " + size + " B", workers, count, write);
      Figure readOnce = Workers.times("read files of " + size + " B", workers, count, read);
      if (report != null) {
        report.add(written);
        report.add(readOnce);
      }
    }
  }
}
