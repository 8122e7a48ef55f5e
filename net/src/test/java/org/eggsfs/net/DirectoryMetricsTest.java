package org.eggsfs.net;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Goal: the bytes of all files, however deep, and nothing where the disk does not tell. */
class DirectoryMetricsTest {
  @TempDir Path directory;

  @Test
  void allFilesCount() throws IOException {
    Files.write(directory.resolve("a"), new byte[1000]);
    Path below = Files.createDirectories(directory.resolve("b/c"));
    Files.write(below.resolve("d"), new byte[234]);
    String line = DirectoryMetrics.of(new Measurement("m"), directory).toString();
    assertTrue(line.matches("m used=1234i,capacity=[1-9]\\d*i,available=\\d+i"), line);
  }

  @Test
  void noDirectoryHasNoFields() {
    assertFalse(DirectoryMetrics.of(new Measurement("m"), directory.resolve("none")).hasFields());
  }
}
