package org.eggsfs.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * A role's data directory: locked while a process uses it, and marked with what wrote it. Files:
 * {@code lock} (empty) and {@code format} (one line such as {@code eggsshard 2}).
 */
public final class DataDirectory implements AutoCloseable {
  private static final String LOCK = "lock";
  private static final String FORMAT = "format";

  /**
   * Closing any descriptor of a locked file drops POSIX locks, so a process must not open twice.
   */
  private static final Set<Path> OPEN_HERE = ConcurrentHashMap.newKeySet();

  private final Path path;
  private final Path key;
  private final FileChannel channel;

  private DataDirectory(Path path, Path key, FileChannel channel) {
    this.path = path;
    this.key = key;
    this.channel = channel;
  }

  /**
   * Creates or opens and locks a directory.
   *
   * @param format role and version of the data, compared with what the directory holds
   * @throws IOException if it cannot be written, is in use, or holds data of another kind; the
   *     message says so and what to do
   */
  public static DataDirectory open(Path path, String format) throws IOException {
    try {
      create(path);
    } catch (IOException e) {
      throw new IOException(
          "cannot create the data directory " + path + " (" + e.getMessage() + ")", e);
    }
    Path key = path.toRealPath();
    if (!OPEN_HERE.add(key)) {
      throw inUse(path, null);
    }
    FileChannel channel = null;
    try {
      channel = lock(path);
      checkFormat(path, format);
      return new DataDirectory(path, key, channel);
    } catch (IOException | RuntimeException e) {
      OPEN_HERE.remove(key);
      if (channel != null) {
        channel.close();
      }
      throw e;
    }
  }

  /**
   * Makes a directory and those above it. Without a sync of each one's parent a power loss could
   * take it with everything acknowledged in it.
   */
  static void create(Path path) throws IOException {
    Path made = path.toAbsolutePath();
    if (Files.isDirectory(made)) {
      return;
    }
    Path parent = made.getParent();
    if (parent != null) {
      create(parent);
    }
    Files.createDirectories(made);
    if (parent != null) {
      sync(parent);
    }
  }

  private static FileChannel lock(Path path) throws IOException {
    FileChannel channel;
    try {
      channel =
          FileChannel.open(path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new IOException(
          "cannot write to the data directory "
              + path
              + " ("
              + e.getMessage()
              + "); check its owner and permissions",
          e);
    }
    FileLock lock;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      channel.close();
      throw inUse(path, e);
    }
    if (lock == null) {
      channel.close();
      throw inUse(path, null);
    }
    return channel;
  }

  private static IOException inUse(Path path, Exception cause) {
    return new IOException(
        "the data directory "
            + path
            + " is in use by another instance; stop it first, or choose another directory",
        cause);
  }

  private static void checkFormat(Path path, String format) throws IOException {
    Path file = path.resolve(FORMAT);
    String found;
    try {
      found = Files.readString(file).strip();
    } catch (NoSuchFileException e) {
      replace(file, format + "\n");
      return;
    }
    if (!found.equals(format)) {
      throw new IOException(
          "the data directory "
              + path
              + " holds data of '"
              + found
              + "', this program reads '"
              + format
              + "'; use the matching version or another directory");
    }
  }

  /** Replaces a small file so that a crash leaves the old or the new one. */
  public static void replace(Path file, String text) throws IOException {
    replace(file, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Replaces a small file so that a crash leaves the old or the new one. */
  public static void replace(Path file, byte[] bytes) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    try (FileChannel out =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer content = ByteBuffer.wrap(bytes);
      while (content.hasRemaining()) {
        out.write(content);
      }
      out.force(true);
    }
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    sync(file.toAbsolutePath().getParent());
  }

  /** Makes the directory's entries durable. */
  private static void sync(Path path) throws IOException {
    try (FileChannel directory = FileChannel.open(path, StandardOpenOption.READ)) {
      directory.force(true);
    }
  }

  /** Where it is. */
  public Path path() {
    return path;
  }

  /**
   * Makes a consistent copy of a store as {@code snapshot-ID} in this directory; one that exists
   * already is left as it is (shard.md, ShardSnapshot).
   *
   * @throws IOException if something else has that name, or files cannot be made
   * @throws StoreException if the store cannot be copied
   */
  public void checkpoint(KeyValueStore store, long id) throws IOException {
    Path snapshot = path.resolve("snapshot-" + Long.toUnsignedString(id));
    if (Files.isDirectory(snapshot)) {
      return;
    }
    Path temporary = path.resolve("tmp." + snapshot.getFileName());
    deleteTree(temporary);
    store.checkpoint(temporary);
    Files.move(temporary, snapshot);
  }

  /** What a process left that ended in the middle of a checkpoint. */
  private static void deleteTree(Path tree) throws IOException {
    if (!Files.exists(tree)) {
      return;
    }
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(tree)) {
      paths = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path each : paths) {
      Files.delete(each);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("closing the lock of " + path, e);
    } finally {
      OPEN_HERE.remove(key);
    }
  }
}
