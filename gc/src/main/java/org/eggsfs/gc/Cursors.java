package org.eggsfs.gc;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLongArray;
import org.eggsfs.protocol.ProtocolConstants;

/**
 * For each job and shard the inode at which an interrupted cycle goes on, 0 for its beginning.
 *
 * <p>Kept in memory and, when there is a file, written there as a whole by {@link #save}: to a
 * temporary file, synced, renamed. Nothing depends on it but time: a cursor that is lost or old
 * makes a cycle visit inodes again. The file has a line {@code JOB SHARD INODE} for each cursor
 * that is not 0; what cannot be read counts as 0.
 */
public final class Cursors {
  private static final System.Logger LOG = System.getLogger(Cursors.class.getName());
  private static final int RADIX = 16;

  private final Path file;
  private final Map<String, AtomicLongArray> jobs = new TreeMap<>();
  private String saved = "";

  private Cursors(Path file) {
    this.file = file;
  }

  /** Cursors that are forgotten at the end. */
  public static Cursors inMemory() {
    return new Cursors(null);
  }

  /** Cursors of a file, which need not exist. */
  public static Cursors load(Path file) throws IOException {
    Cursors cursors = new Cursors(file);
    String text;
    try {
      // Damaged bytes become characters that are in no cursor.
      text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    } catch (NoSuchFileException e) {
      return cursors;
    }
    // Cursors that are back at 0 are a change as well.
    cursors.saved = text;
    for (String line : text.split("\n", -1)) {
      if (!line.isEmpty() && !cursors.read(line.split(" ", -1))) {
        LOG.log(
            System.Logger.Level.WARNING, "{0}: no cursor, a cycle begins anew: {1}", file, line);
      }
    }
    return cursors;
  }

  private boolean read(String... words) {
    try {
      int shard = Integer.parseInt(words[1]);
      of(words[0]).set(shard, Long.parseUnsignedLong(words[2], RADIX));
      return words.length == 3;
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      return false;
    }
  }

  /** The cursors of a job, by shard. */
  public synchronized AtomicLongArray of(String job) {
    return jobs.computeIfAbsent(job, name -> new AtomicLongArray(ProtocolConstants.SHARD_COUNT));
  }

  /** Makes the cursors durable, if there is a file and they have changed. */
  public synchronized void save() throws IOException {
    String text = text();
    if (file == null || text.equals(saved)) {
      return;
    }
    replace(file, text);
    saved = text;
  }

  private String text() {
    StringBuilder text = new StringBuilder();
    jobs.forEach(
        (job, cursors) -> {
          for (int shard = 0; shard < cursors.length(); shard++) {
            long cursor = cursors.get(shard);
            if (cursor != 0) {
              text.append(job).append(' ').append(shard).append(' ');
              text.append(Long.toUnsignedString(cursor, RADIX)).append('\n');
            }
          }
        });
    return text.toString();
  }

  /** Replaces a file so that a crash leaves the old or the new one. */
  static void replace(Path file, String text) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    try (FileChannel out =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
      out.force(true);
    }
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    try (FileChannel directory =
        FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
      directory.force(true);
    }
  }
}
