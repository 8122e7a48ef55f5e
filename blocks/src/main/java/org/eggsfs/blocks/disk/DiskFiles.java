package org.eggsfs.blocks.disk;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * Everything a block server asks of the file systems of its disks. {@link SystemFiles} is the real
 * one, {@link WatchedFiles} knows which calls do not return, and tests put layers in between that
 * fail, hang, or remember what was done. Failures are the exceptions of {@code java.nio.file};
 * {@link DiskError} tells them apart.
 *
 * <p>What {@link #syncFileSystem} has returned from is on disk: data, names, and removals made
 * before the call. A single {@link File#force} covers one file's data, {@link #syncDirectory} the
 * names in one directory.
 */
public interface DiskFiles {
  /** An open file. */
  interface File extends AutoCloseable {
    /** Reads some bytes at a position; negative at the end. */
    int read(ByteBuffer target, long position) throws IOException;

    /** Fills the buffer from a position on; fails when the file ends before. */
    default void readFully(ByteBuffer target, long position) throws IOException {
      long at = position;
      while (target.hasRemaining()) {
        int count = read(target, at);
        if (count < 0) {
          throw new EOFException("the file became shorter while it was read");
        }
        at += count;
      }
    }

    /** Appends some bytes. */
    int write(ByteBuffer source) throws IOException;

    /** Its length in bytes. */
    long size() throws IOException;

    /** Makes what was written durable, but not the file's name. */
    void force() throws IOException;

    @Override
    void close() throws IOException;
  }

  /** A lock or a directory kept open. */
  interface Held extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Sizes of a file system.
   *
   * @param totalBytes of everything
   * @param usableBytes what may still be written
   */
  record Space(long totalBytes, long usableBytes) {}

  /** Opens an existing file for reading. */
  File open(Path file) throws IOException;

  /** Creates a file that must not exist yet, readable by its owner only, for appending. */
  File create(Path file) throws IOException;

  /** Renames within a file system, replacing what has the new name. */
  void rename(Path from, Path to) throws IOException;

  /** Removes a file; false if there was none. */
  boolean delete(Path file) throws IOException;

  /** Whether something has this name; not knowing is an error. */
  boolean exists(Path file) throws IOException;

  /** Makes a directory and its parents where they are missing. */
  void createDirectories(Path directory) throws IOException;

  /** Names in a directory, in no order. */
  void list(Path directory, Consumer<String> name) throws IOException;

  /**
   * The content of a small file, from the medium rather than from memory where that is possible.
   */
  byte[] readFromMedium(Path file) throws IOException;

  /** Makes the names in a directory durable. */
  void syncDirectory(Path directory) throws IOException;

  /** The directory kept open, for {@link #syncFileSystem}. */
  Held hold(Path directory) throws IOException;

  /** Makes everything on the file system of a directory durable. */
  void syncFileSystem(Held directory) throws IOException;

  /** The same object for directories of one file system. */
  Object fileSystem(Path directory) throws IOException;

  /** How much there is on the file system of a directory. */
  Space space(Path directory) throws IOException;

  /** Takes the exclusive lock of a file or directory; null if another process has it. */
  Held lock(Path file) throws IOException;
}
