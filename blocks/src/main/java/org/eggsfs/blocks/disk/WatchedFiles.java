package org.eggsfs.blocks.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.Consumer;

/**
 * The files of one disk, watched: how many calls are under way and since when. A limited number of
 * threads can be inside the kernel for one disk at a time, others wait here; once the disk is
 * {@linkplain #suspend suspended} because it does not answer, all that wait and all that come get a
 * {@link DiskHangsException} at once, and only the threads inside stay where they are. Thread-safe.
 *
 * <p>Files closed or discarded while the disk is suspended are kept for {@link #cleanUp}, and so
 * are those that could not be discarded.
 */
public final class WatchedFiles implements DiskFiles {
  /** So many threads a hanging disk can hold. */
  public static final int CALLS_MAX = 32;

  /** A call under way. */
  private static final class Call {
    final long startNanos = System.nanoTime();
    boolean reported;
  }

  @FunctionalInterface
  private interface Step {
    void run() throws IOException;
  }

  /** Something that may be done later; {@code repeats}: also again, when it has failed. */
  private record Cleanup(Step step, boolean repeats) {}

  @FunctionalInterface
  private interface Action<T> {
    T run() throws IOException;
  }

  private static final System.Logger LOGGER = System.getLogger(WatchedFiles.class.getName());

  private final DiskFiles files;
  private final Path disk;

  // Guarded by this. Oldest call first.
  private final LinkedHashSet<Call> calls = new LinkedHashSet<>();
  private List<Cleanup> cleanups = new ArrayList<>();
  private boolean suspended;

  /** Watches the calls for a disk. */
  public WatchedFiles(DiskFiles files, Path disk) {
    this.files = files;
    this.disk = disk;
  }

  private <T> T watch(Action<T> action) throws IOException {
    Call call = new Call();
    synchronized (this) {
      awaitRoom();
      if (suspended) {
        throw new DiskHangsException(disk + " does not answer");
      }
      calls.add(call);
    }
    try {
      return action.run();
    } finally {
      synchronized (this) {
        calls.remove(call);
        notifyAll();
      }
    }
  }

  private synchronized void awaitRoom() {
    while (calls.size() >= CALLS_MAX && !suspended) {
      try {
        wait();
      } catch (InterruptedException e) {
        // Threads of requests are not interrupted: they end with their connections.
        LOGGER.log(System.Logger.Level.DEBUG, "interrupted", e);
      }
    }
  }

  /**
   * Whether a call has been under way for longer than a limit. A call is reported once: when the
   * disk turns out to work otherwise, it is not suspended again for the same call.
   */
  public synchronized boolean hasOverdueCall(long nowNanos, long limitNanos) {
    boolean found = false;
    for (Call call : calls) {
      if (nowNanos - call.startNanos <= limitNanos) {
        break;
      }
      found |= !call.reported;
      call.reported = true;
    }
    return found;
  }

  /** Calls under way. */
  public synchronized int callCount() {
    return calls.size();
  }

  /** From now on nothing is asked of the disk. */
  public synchronized void suspend() {
    suspended = true;
    notifyAll();
  }

  /** Whether the disk is suspended. */
  public synchronized boolean isSuspended() {
    return suspended;
  }

  /** The disk answers again. */
  public synchronized void resume() {
    suspended = false;
  }

  /** Closes and discards what was left from when the disk was suspended or failed. */
  public void cleanUp() {
    List<Cleanup> left;
    synchronized (this) {
      left = cleanups;
      cleanups = new ArrayList<>();
    }
    left.forEach(this::tryNow);
  }

  private void tryNow(Cleanup cleanup) {
    try {
      run(cleanup.step);
    } catch (DiskHangsException e) {
      later(cleanup);
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "cleaning up on " + disk, e);
      if (cleanup.repeats) {
        synchronized (this) {
          cleanups.add(cleanup);
        }
      }
    }
  }

  private void later(Cleanup cleanup) {
    synchronized (this) {
      if (suspended) {
        cleanups.add(cleanup);
        return;
      }
    }
    tryNow(cleanup);
  }

  /** Closes a file whose content matters no more, now or when the disk answers again. */
  public void closeQuietly(File file) {
    if (file instanceof WatchedFile watched) {
      tryNow(new Cleanup(watched.file::close, false));
    }
  }

  /** Removes a file nobody needs, now or when the disk answers and works again. */
  public void discard(Path file) {
    discard(file, () -> {});
  }

  /** The same, and says when it is gone. */
  public void discard(Path file, Runnable gone) {
    tryNow(
        new Cleanup(
            () -> {
              files.delete(file);
              gone.run();
            },
            true));
  }

  private final class WatchedFile implements File {
    private final File file;

    WatchedFile(File file) {
      this.file = file;
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
      return watch(() -> file.read(target, position));
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      return watch(() -> file.write(source));
    }

    @Override
    public long size() throws IOException {
      return watch(file::size);
    }

    @Override
    public void force() throws IOException {
      run(file::force);
    }

    @Override
    public void close() throws IOException {
      run(file::close);
    }
  }

  private void run(Step action) throws IOException {
    watch(
        () -> {
          action.run();
          return null;
        });
  }

  @Override
  public File open(Path file) throws IOException {
    return new WatchedFile(watch(() -> files.open(file)));
  }

  @Override
  public File create(Path file) throws IOException {
    return new WatchedFile(watch(() -> files.create(file)));
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    run(() -> files.rename(from, to));
  }

  @Override
  public boolean delete(Path file) throws IOException {
    return watch(() -> files.delete(file));
  }

  @Override
  public boolean exists(Path file) throws IOException {
    return watch(() -> files.exists(file));
  }

  @Override
  public void createDirectories(Path directory) throws IOException {
    run(() -> files.createDirectories(directory));
  }

  @Override
  public void list(Path directory, Consumer<String> name) throws IOException {
    run(() -> files.list(directory, name));
  }

  @Override
  public byte[] readFromMedium(Path file) throws IOException {
    return watch(() -> files.readFromMedium(file));
  }

  @Override
  public void syncDirectory(Path directory) throws IOException {
    run(() -> files.syncDirectory(directory));
  }

  @Override
  public Held hold(Path directory) throws IOException {
    return watch(() -> files.hold(directory));
  }

  @Override
  public void syncFileSystem(Held directory) throws IOException {
    run(() -> files.syncFileSystem(directory));
  }

  @Override
  public Object fileSystem(Path directory) throws IOException {
    return watch(() -> files.fileSystem(directory));
  }

  @Override
  public Space space(Path directory) throws IOException {
    return watch(() -> files.space(directory));
  }

  @Override
  public Held lock(Path file) throws IOException {
    return watch(() -> files.lock(file));
  }
}
