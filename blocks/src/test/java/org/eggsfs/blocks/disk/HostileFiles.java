package org.eggsfs.blocks.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;

/**
 * A layer that tests put between a block server and the system's files: before each call it asks a
 * {@link Trap}, which may throw, wait, or remember. Directories directly below {@code root} count
 * as file systems of their own, as disks are.
 */
public final class HostileFiles implements DiskFiles {
  /** The calls, by what they do to the disk. */
  public enum Call {
    OPEN,
    CREATE,
    READ,
    WRITE,
    SIZE,
    FORCE,
    CLOSE,
    RENAME,
    DELETE,
    EXISTS,
    MAKE_DIRECTORY,
    LIST,
    READ_KEY,
    SYNC_DIRECTORY,
    SYNC,
    SPACE,
    LOCK;

    /** Whether the call changes the disk. */
    public boolean isChange() {
      return this == CREATE
          || this == WRITE
          || this == FORCE
          || this == RENAME
          || this == DELETE
          || this == MAKE_DIRECTORY
          || this == SYNC
          || this == SYNC_DIRECTORY;
    }
  }

  /** Decides what happens to a call. */
  @FunctionalInterface
  public interface Trap {
    /** Returns to let the call happen, or throws. */
    void before(Call call, Path path) throws IOException;

    /**
     * How many of the bytes of a write that {@link #before} let through are taken; fewer is what
     * the system calls a short write.
     */
    default int taken(Path path, int bytes) {
      return bytes;
    }
  }

  /** A gate at which calls hang until it is opened. */
  public static final class Gate {
    private final CountDownLatch opened = new CountDownLatch(1);

    /** Waits until the gate is open. */
    public void pass() throws IOException {
      try {
        opened.await();
      } catch (InterruptedException e) {
        throw new IOException("interrupted", e);
      }
    }

    /** Lets everybody pass. */
    public void open() {
      opened.countDown();
    }
  }

  private static final Trap HARMLESS = (call, path) -> {};

  private final DiskFiles files;
  private final Path root;
  private volatile Trap trap = HARMLESS;
  private volatile Space space;

  /** Without traps yet. */
  public HostileFiles(Path root) {
    this(root, new SystemFiles());
  }

  /** Above other files than the system's. */
  public HostileFiles(Path root, DiskFiles files) {
    this.root = root;
    this.files = files;
  }

  /** What happens from now on. */
  public void set(Trap newTrap) {
    trap = newTrap;
  }

  /** From now on everything works. */
  public void disarm() {
    trap = HARMLESS;
    space = null;
  }

  /** Lets all disks claim this size. */
  public void claim(Space claimed) {
    space = claimed;
  }

  /** An error as the system reports it. */
  public static IOException error(int errno) {
    return new IOException(Posix.describe(errno));
  }

  private record HostileFile(HostileFiles layer, Path path, File file) implements File {
    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      layer.trap.before(Call.READ, path);
      return file.read(target, position);
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      Trap trap = layer.trap;
      trap.before(Call.WRITE, path);
      int bytes = source.remaining();
      ByteBuffer part = source.slice(source.position(), trap.taken(path, bytes));
      int count = file.write(part);
      source.position(source.position() + count);
      return count;
    }

    @Override
    public long size() throws IOException {
      layer.trap.before(Call.SIZE, path);
      return file.size();
    }

    @Override
    public void force() throws IOException {
      layer.trap.before(Call.FORCE, path);
      file.force();
    }

    @Override
    public void close() throws IOException {
      layer.trap.before(Call.CLOSE, path);
      file.close();
    }
  }

  private record HostileHeld(Path path, Held held) implements Held {
    @Override
    public void close() {
      held.close();
    }
  }

  @Override
  public File open(Path file) throws IOException {
    trap.before(Call.OPEN, file);
    return new HostileFile(this, file, files.open(file));
  }

  @Override
  public File create(Path file) throws IOException {
    trap.before(Call.CREATE, file);
    return new HostileFile(this, file, files.create(file));
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    trap.before(Call.RENAME, to);
    files.rename(from, to);
  }

  @Override
  public boolean delete(Path file) throws IOException {
    trap.before(Call.DELETE, file);
    return files.delete(file);
  }

  @Override
  public boolean exists(Path file) throws IOException {
    trap.before(Call.EXISTS, file);
    return files.exists(file);
  }

  @Override
  public void createDirectories(Path directory) throws IOException {
    trap.before(Call.MAKE_DIRECTORY, directory);
    files.createDirectories(directory);
  }

  @Override
  public void list(Path directory, Consumer<String> name) throws IOException {
    trap.before(Call.LIST, directory);
    files.list(directory, name);
  }

  @Override
  public byte[] readFromMedium(Path file) throws IOException {
    trap.before(Call.READ_KEY, file);
    return files.readFromMedium(file);
  }

  @Override
  public void syncDirectory(Path directory) throws IOException {
    trap.before(Call.SYNC_DIRECTORY, directory);
    files.syncDirectory(directory);
  }

  @Override
  public Held hold(Path directory) throws IOException {
    return new HostileHeld(directory, files.hold(directory));
  }

  @Override
  public void syncFileSystem(Held directory) throws IOException {
    HostileHeld held = (HostileHeld) directory;
    trap.before(Call.SYNC, held.path);
    files.syncFileSystem(held.held);
  }

  @Override
  public Object fileSystem(Path directory) {
    return disk(directory);
  }

  @Override
  public Space space(Path directory) throws IOException {
    trap.before(Call.SPACE, directory);
    Space claimed = space;
    return claimed == null ? files.space(directory) : claimed;
  }

  @Override
  public Held lock(Path file) throws IOException {
    trap.before(Call.LOCK, file);
    return files.lock(file);
  }

  /** Name of the directory below the root that a path is in. */
  public String disk(Path path) {
    return root.relativize(path).getName(0).toString();
  }
}
