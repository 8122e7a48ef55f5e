package org.eggsfs.net;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.atomic.AtomicLong;

/** How much disk the data of a metadata server takes. */
public final class DirectoryMetrics {
  private static final System.Logger LOGGER = System.getLogger(DirectoryMetrics.class.getName());

  private DirectoryMetrics() {}

  /**
   * A measurement with the bytes of all files below a directory ({@code used}), and of its file
   * system ({@code capacity}, {@code available}); without fields when the disk does not tell.
   *
   * @param measurement gets the fields
   */
  public static Measurement of(Measurement measurement, Path directory) {
    try {
      FileStore disk = Files.getFileStore(directory);
      long capacity = disk.getTotalSpace();
      long available = disk.getUsableSpace();
      long used = size(directory);
      return measurement
          .field("used", used)
          .field("capacity", capacity)
          .field("available", available);
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "measuring " + directory, e);
      return measurement;
    }
  }

  private static long size(Path directory) throws IOException {
    AtomicLong bytes = new AtomicLong();
    Files.walkFileTree(
        directory,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            bytes.addAndGet(attributes.size());
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (e instanceof NoSuchFileException) {
              // Databases remove files at any moment.
              return FileVisitResult.CONTINUE;
            }
            throw e;
          }
        });
    return bytes.get();
  }
}
