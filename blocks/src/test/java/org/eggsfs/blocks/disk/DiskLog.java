package org.eggsfs.blocks.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/**
 * Remembers everything that is done to a disk, in order, and tells what a power failure after any
 * prefix of it could leave: what a sync has covered is there, and of all else any part, in any
 * combination. File systems promise no more than that.
 */
public final class DiskLog implements DiskFiles {
  /** Something that was done, or that somebody was told. */
  public sealed interface Entry {}

  private record Create(Path name, int file) implements Entry {}

  private record Write(int file, byte[] data) implements Entry {}

  private record Rename(Path from, Path to, int file) implements Entry {}

  private record Delete(Path name) implements Entry {}

  /** Everything before {@code start} is durable. */
  private record Sync(int start) implements Entry {}

  /** The names in a directory that were made before {@code start} are durable. */
  private record SyncDirectory(Path directory, int start) implements Entry {}

  /** The data of a file written before {@code start} is durable. */
  private record Force(int file, int start) implements Entry {}

  /** What the test notes, such as an answer that it has got. */
  public record Note(String text) implements Entry {}

  private final SystemFiles files = new SystemFiles();

  // Guarded by this.
  private final List<Entry> entries = new ArrayList<>();
  private final Map<Path, Integer> names = new HashMap<>();
  private int fileCount;

  /** Notes something between what is done. */
  public synchronized void note(String text) {
    entries.add(new Note(text));
  }

  /** All so far. */
  public synchronized List<Entry> entries() {
    return List.copyOf(entries);
  }

  private synchronized int length() {
    return entries.size();
  }

  /**
   * A state of the disk that a power failure could leave: content by name.
   *
   * @param entries everything that was done before it
   */
  public static Map<Path, byte[]> afterPowerFailure(
      List<Entry> entries, double survival, RandomGenerator random) {
    boolean[] survives = new boolean[entries.size()];
    for (int i = 0; i < survives.length; i++) {
      survives[i] = random.nextDouble() < survival;
    }
    for (Entry entry : entries) {
      switch (entry) {
        case Sync sync -> {
          for (int i = 0; i < sync.start; i++) {
            survives[i] = true;
          }
        }
        case SyncDirectory sync -> {
          for (int i = 0; i < sync.start; i++) {
            survives[i] |= isNameIn(entries.get(i), sync.directory);
          }
        }
        case Force force -> {
          for (int i = 0; i < force.start; i++) {
            survives[i] |= entries.get(i) instanceof Write write && write.file == force.file;
          }
        }
        default -> {}
      }
    }
    Map<Path, Integer> left = new TreeMap<>();
    Map<Integer, byte[]> contents = new HashMap<>();
    for (int i = 0; i < survives.length; i++) {
      if (survives[i]) {
        apply(entries.get(i), left, contents);
      } else if (entries.get(i) instanceof Write lost) {
        // Blocks of the file that were never written to the medium.
        contents.merge(lost.file, new byte[lost.data.length], DiskLog::join);
      }
    }
    Map<Path, byte[]> state = new TreeMap<>();
    left.forEach((name, file) -> state.put(name, contents.getOrDefault(file, new byte[0])));
    return state;
  }

  private static boolean isNameIn(Entry entry, Path directory) {
    return switch (entry) {
      case Create create -> directory.equals(create.name.getParent());
      case Rename rename -> directory.equals(rename.to.getParent());
      case Delete delete -> directory.equals(delete.name.getParent());
      default -> false;
    };
  }

  private static void apply(Entry entry, Map<Path, Integer> left, Map<Integer, byte[]> contents) {
    switch (entry) {
      case Create create -> left.put(create.name, create.file);
      case Write write -> contents.merge(write.file, write.data, DiskLog::join);
      case Rename rename -> {
        left.remove(rename.from);
        left.put(rename.to, rename.file);
      }
      case Delete delete -> left.remove(delete.name);
      default -> {}
    }
  }

  private static byte[] join(byte[] a, byte[] b) {
    return ByteBuffer.allocate(a.length + b.length).put(a).put(b).array();
  }

  // ---------------------------------------------------------------- recording

  private final class LoggedFile implements File {
    private final File file;
    private final int number;

    LoggedFile(File file, int number) {
      this.file = file;
      this.number = number;
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      return file.read(target, position);
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      ByteBuffer before = source.duplicate();
      synchronized (DiskLog.this) {
        int count = file.write(source);
        byte[] data = new byte[count];
        before.get(data);
        entries.add(new Write(number, data));
        return count;
      }
    }

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    public void force() throws IOException {
      int start = length();
      file.force();
      synchronized (DiskLog.this) {
        entries.add(new Force(number, start));
      }
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }

  @Override
  public File open(Path file) throws IOException {
    return files.open(file);
  }

  @Override
  public synchronized File create(Path file) throws IOException {
    File created = files.create(file);
    int number = fileCount++;
    names.put(file, number);
    entries.add(new Create(file, number));
    return new LoggedFile(created, number);
  }

  @Override
  public synchronized void rename(Path from, Path to) throws IOException {
    files.rename(from, to);
    int number = names.remove(from);
    names.put(to, number);
    entries.add(new Rename(from, to, number));
  }

  @Override
  public synchronized boolean delete(Path file) throws IOException {
    boolean existed = files.delete(file);
    if (existed) {
      names.remove(file);
      entries.add(new Delete(file));
    }
    return existed;
  }

  @Override
  public boolean exists(Path file) throws IOException {
    return files.exists(file);
  }

  @Override
  public void createDirectories(Path directory) throws IOException {
    files.createDirectories(directory);
  }

  @Override
  public void list(Path directory, Consumer<String> name) throws IOException {
    files.list(directory, name);
  }

  @Override
  public byte[] readFromMedium(Path file) throws IOException {
    return files.readFromMedium(file);
  }

  @Override
  public void syncDirectory(Path directory) throws IOException {
    int start = length();
    files.syncDirectory(directory);
    synchronized (this) {
      entries.add(new SyncDirectory(directory, start));
    }
  }

  @Override
  public Held hold(Path directory) throws IOException {
    return files.hold(directory);
  }

  @Override
  public void syncFileSystem(Held directory) throws IOException {
    int start = length();
    files.syncFileSystem(directory);
    synchronized (this) {
      entries.add(new Sync(start));
    }
  }

  @Override
  public Object fileSystem(Path directory) throws IOException {
    return files.fileSystem(directory);
  }

  @Override
  public Space space(Path directory) throws IOException {
    return files.space(directory);
  }

  @Override
  public Held lock(Path file) throws IOException {
    return files.lock(file);
  }

  /** The same without its syncs: what a server would leave that forgot them. */
  public static List<Entry> withoutSyncs(List<Entry> entries) {
    return entries.stream().filter(entry -> !(entry instanceof Sync)).toList();
  }
}
