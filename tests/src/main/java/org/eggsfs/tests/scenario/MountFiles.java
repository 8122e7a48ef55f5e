package org.eggsfs.tests.scenario;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.eggsfs.tests.check.Content;

/** Files of known content through a mount, with the calls that programs make. */
final class MountFiles {
  private static final int CHUNK_BYTES = 128 << 10;

  private MountFiles() {}

  /** A content; two are the same when the seeds and sizes are. */
  record Data(long seed, int size) {}

  /** Opens, writes, closes. When it returns the file is committed. */
  static void write(Path path, Data data) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES);
    try (FileChannel channel =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      for (int at = 0; at < data.size(); at += CHUNK_BYTES) {
        chunk.clear().limit(Math.min(CHUNK_BYTES, data.size() - at));
        Content.fill(data.seed(), at, chunk);
        chunk.flip();
        while (chunk.hasRemaining()) {
          channel.write(chunk);
        }
      }
    }
  }

  /** Whether a file holds exactly this. */
  static boolean holds(Path path, Data data) throws IOException {
    return Arrays.equals(Files.readAllBytes(path), Content.bytes(data.seed(), data.size()));
  }

  /** The names in a directory. */
  static Set<String> names(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      Set<String> names = new TreeSet<>();
      entries.forEach(entry -> names.add(entry.getFileName().toString()));
      return names;
    }
  }
}
