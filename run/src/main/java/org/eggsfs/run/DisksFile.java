package org.eggsfs.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import org.eggsfs.blocks.server.BlockServerConfig;
import org.eggsfs.protocol.StorageClass;

/**
 * The disks of a block server in a file, so that some can be added while it runs: a line {@code DIR
 * CLASS} each, {@code #} begins a comment, the directory may have spaces. The file is read again
 * every few seconds. A line that is gone changes nothing until the next start: a disk is given up
 * by decommissioning it.
 */
final class DisksFile {
  /** Somebody waits for the disk that was just added. */
  private static final long READ_MILLIS = 2_000;

  private static final System.Logger LOG = System.getLogger(DisksFile.class.getName());

  private final Path file;
  private String text;

  private DisksFile(Path file, String text) {
    this.file = file;
    this.text = text;
  }

  /** Opens a file, which must exist. */
  static DisksFile open(Path file) throws IOException {
    return new DisksFile(file, Files.readString(file));
  }

  /**
   * The disks that it names.
   *
   * @throws IllegalArgumentException if a line cannot be understood; the message says which
   */
  List<BlockServerConfig.Disk> disks() {
    List<BlockServerConfig.Disk> disks = new ArrayList<>();
    String[] lines = text.split("\\R");
    for (int i = 0; i < lines.length; i++) {
      String line = lines[i].replaceFirst("#.*", "").strip();
      if (!line.isEmpty()) {
        String[] words = line.split("\\s+(?=\\S+$)");
        if (words.length != 2) {
          throw new IllegalArgumentException(
              file + " line " + (i + 1) + ": a directory and HDD or FLASH, not '" + line + "'");
        }
        disks.add(disk(words[0], words[1]));
      }
    }
    return disks;
  }

  /** A disk by the words of an operator. */
  static BlockServerConfig.Disk disk(String directory, String storageClass) {
    int number =
        switch (storageClass.toUpperCase(Locale.ROOT)) {
          case "HDD" -> StorageClass.HDD;
          case "FLASH" -> StorageClass.FLASH;
          default ->
              throw new IllegalArgumentException(
                  "storage class '" + storageClass + "'; there are HDD and FLASH");
        };
    return new BlockServerConfig.Disk(Path.of(directory).toAbsolutePath().normalize(), number);
  }

  /**
   * Reads the file again and again on a thread of its own until that is interrupted, and offers all
   * disks whenever the file has changed.
   *
   * @param adder takes a disk if it has not got it; true if so
   */
  Thread follow(Predicate<BlockServerConfig.Disk> adder) {
    return Thread.ofVirtual().name("disks-file").start(() -> readAgainAndAgain(adder));
  }

  private void readAgainAndAgain(Predicate<BlockServerConfig.Disk> adder) {
    String problem = "";
    try {
      while (true) {
        Thread.sleep(READ_MILLIS);
        String now = "";
        try {
          readOnce(adder);
        } catch (IOException e) {
          now = "cannot read " + e.getMessage();
        } catch (IllegalArgumentException e) {
          now = e.getMessage();
        }
        if (!now.isEmpty() && !now.equals(problem)) {
          LOG.log(System.Logger.Level.ERROR, "no disks are added: {0}", now);
        }
        problem = now;
      }
    } catch (InterruptedException e) {
      // The server ends.
      Thread.currentThread().interrupt();
    }
  }

  private void readOnce(Predicate<BlockServerConfig.Disk> adder) throws IOException {
    String now = Files.readString(file);
    if (now.equals(text)) {
      return;
    }
    DisksFile changed = new DisksFile(file, now);
    List<BlockServerConfig.Disk> disks = changed.disks();
    text = now;
    for (BlockServerConfig.Disk disk : disks) {
      if (adder.test(disk)) {
        LOG.log(System.Logger.Level.INFO, "disk {0} is added", disk.directory());
      }
    }
  }
}
