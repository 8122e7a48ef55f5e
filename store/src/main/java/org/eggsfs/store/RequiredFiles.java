package org.eggsfs.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Files without which, or without a part of which, RocksDB opens a database all the same, and
 * without what they held. A database that was ever open has a file {@code CURRENT}, the manifest
 * that it names, and at least one log. So once it was open, that is noted in the file {@code
 * was-open}, together with the manifest and how long it has become; from then on it is an error if
 * there is less. Thread-safe.
 */
final class RequiredFiles {
  private static final String NOTE = "was-open";
  private static final String CURRENT = "CURRENT";

  /** The database makes a new manifest once in a gigabyte: never as often while we look. */
  private static final int ATTEMPTS_MAX = 10;

  private final Path directory;

  // Guarded by this.
  private Path manifest;
  private long manifestBytes;

  RequiredFiles(Path directory) {
    this.directory = directory;
  }

  /**
   * Before the database is opened.
   *
   * @throws IOException if something is missing
   */
  void check() throws IOException {
    String note;
    try {
      note = Files.readString(directory.resolve(NOTE)).strip();
    } catch (NoSuchFileException e) {
      return;
    }
    Path current = directory.resolve(CURRENT);
    if (!Files.exists(current)) {
      throw missing("its file CURRENT is missing");
    }
    try (DirectoryStream<Path> logs = Files.newDirectoryStream(directory, "*.log")) {
      if (!logs.iterator().hasNext()) {
        throw missing("its write-ahead log is missing, and with it the latest changes");
      }
    }
    String[] noted = note.split(" ");
    if (noted.length != 2 || !noted[1].matches("[0-9]{1,18}")) {
      throw missing("its file " + NOTE + " is damaged");
    }
    // A process may have ended between a new manifest and the note.
    boolean isSame = Files.readString(current).strip().equals(noted[0]);
    Path file = directory.resolve(noted[0]);
    if (isSame && (!Files.exists(file) || Files.size(file) < Long.parseLong(noted[1]))) {
      throw missing("its file " + noted[0] + " has lost its end, and with it whole tables");
    }
  }

  private static IOException missing(String what) {
    return new IOException(what + "; restore the database from a copy");
  }

  /** After the database was opened, before anything is acknowledged. */
  synchronized void note() throws IOException {
    for (int left = ATTEMPTS_MAX - 1; ; left--) {
      try {
        noteNow();
        return;
      } catch (NoSuchFileException e) {
        // A new manifest has just taken the place of the one that was current.
        if (left == 0) {
          throw e;
        }
      }
    }
  }

  private void noteNow() throws IOException {
    manifest = directory.resolve(Files.readString(directory.resolve(CURRENT)).strip());
    manifestBytes = Files.size(manifest);
    // What is noted must outlive a power failure at this moment.
    try (FileChannel file = FileChannel.open(manifest, StandardOpenOption.WRITE)) {
      file.force(true);
    }
    DataDirectory.replace(
        directory.resolve(NOTE), manifest.getFileName() + " " + manifestBytes + "\n");
  }

  /** Now and then; costs nothing if nothing has changed. */
  synchronized void noteChanges() throws IOException {
    if (!isAsNoted()) {
      note();
    }
  }

  private boolean isAsNoted() throws IOException {
    try {
      return Files.size(manifest) == manifestBytes;
    } catch (NoSuchFileException e) {
      return false;
    }
  }
}
