package org.eggsfs.run;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.eggsfs.cli.CommandFailure;

/**
 * The folder of an instance: {@code shuckle/}, {@code shards/}, {@code cdc/}, {@code bs_NN/N/}, a
 * version file and a lock that keeps a second instance out.
 *
 * <p>The lock belongs to the process and falls with it, however it dies.
 */
final class DataDirectory implements AutoCloseable {
  /** Grows when a newer program writes what this one cannot read. */
  static final int FORMAT = 1;

  private static final String VERSION_LINE = "eggsfs data format ";

  private final Path root;
  private final FileChannel lockFile;
  private final FileLock lock;

  private DataDirectory(Path root, FileChannel lockFile, FileLock lock) {
    this.root = root;
    this.lockFile = lockFile;
    this.lock = lock;
  }

  /** Creates the folder if it is missing, locks it and checks its version. */
  static DataDirectory open(Path path) throws CommandFailure {
    Path root = path.toAbsolutePath().normalize();
    try {
      Files.createDirectories(root);
    } catch (IOException e) {
      throw new CommandFailure(
          "cannot create data directory "
              + root
              + ": "
              + reason(e)
              + "; choose another --data-dir");
    }
    FileChannel file = null;
    try {
      file =
          FileChannel.open(
              root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = tryLock(file);
      if (lock == null) {
        file.close();
        throw new CommandFailure(
            "another instance runs on data directory "
                + root
                + "; stop it or choose another --data-dir");
      }
      checkVersion(root);
      return new DataDirectory(root, file, lock);
    } catch (IOException e) {
      closeQuietly(file);
      throw new CommandFailure(
          "cannot write in data directory "
              + root
              + ": "
              + reason(e)
              + "; check its owner and permissions");
    } catch (CommandFailure e) {
      closeQuietly(file);
      throw e;
    }
  }

  private static FileLock tryLock(FileChannel file) throws IOException {
    try {
      return file.tryLock();
    } catch (OverlappingFileLockException e) {
      // The other instance is in this very process, as in tests.
      return null;
    }
  }

  private static void checkVersion(Path root) throws IOException, CommandFailure {
    Path version = root.resolve("version");
    if (!Files.exists(version)) {
      Files.writeString(version, VERSION_LINE + FORMAT + "\n");
      return;
    }
    String text = Files.readString(version).strip();
    if (!text.equals(VERSION_LINE + FORMAT)) {
      throw new CommandFailure(
          "data directory "
              + root
              + " is of another version ('"
              + text
              + "', this program reads '"
              + VERSION_LINE
              + FORMAT
              + "'); use the program that wrote it or another --data-dir");
    }
  }

  private static String reason(IOException e) {
    String message = e.getMessage() == null ? "" : " (" + e.getMessage() + ")";
    return switch (e) {
      case java.nio.file.AccessDeniedException _ -> "permission denied" + message;
      case java.nio.file.FileAlreadyExistsException _ -> "a file is in the way" + message;
      case java.nio.file.NotDirectoryException _ -> "a file is in the way" + message;
      default -> e.getMessage() == null ? e.toString() : e.getMessage();
    };
  }

  private static void closeQuietly(FileChannel file) {
    if (file != null) {
      try {
        file.close();
      } catch (IOException e) {
        System.getLogger(DataDirectory.class.getName())
            .log(System.Logger.Level.DEBUG, "closing the lock file", e);
      }
    }
  }

  Path root() {
    return root;
  }

  Path shuckle() {
    return root.resolve("shuckle");
  }

  Path shards() {
    return root.resolve("shards");
  }

  Path cdc() {
    return root.resolve("cdc");
  }

  Path pids() {
    return root.resolve("pids");
  }

  /** The folder of one block server; its block services are {@code 0}, {@code 1}, … in it. */
  Path blockServer(int number) {
    return root.resolve(blockServerName(number));
  }

  static String blockServerName(int number) {
    return "bs_%02d".formatted(number);
  }

  @Override
  public void close() {
    try {
      lock.release();
      lockFile.close();
    } catch (IOException e) {
      System.getLogger(DataDirectory.class.getName())
          .log(System.Logger.Level.WARNING, "releasing the lock of " + root, e);
    }
  }
}
