package org.eggsfs.store;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Goal: a directory serves one instance of one version. */
class DataDirectoryTest {
  @TempDir Path parent;

  @Test
  void locksAndReopens() throws IOException {
    Path path = parent.resolve("d");
    try (DataDirectory open = DataDirectory.open(path, "role 1")) {
      IOException error =
          assertThrows(IOException.class, () -> DataDirectory.open(open.path(), "role 1"));
      assertTrue(error.getMessage().contains("in use"), error.getMessage());
    }
    DataDirectory.open(path, "role 1").close();
  }

  @Test
  void refusesOtherVersions() throws IOException {
    DataDirectory.open(parent, "role 1").close();
    IOException error = assertThrows(IOException.class, () -> DataDirectory.open(parent, "role 2"));
    assertTrue(error.getMessage().contains("role 1"), error.getMessage());
    DataDirectory.open(parent, "role 1").close();
  }

  @Test
  void saysWhenItCannotBeCreated() throws IOException {
    Path file = Files.createFile(parent.resolve("file"));
    IOException error =
        assertThrows(IOException.class, () -> DataDirectory.open(file.resolve("d"), "role 1"));
    assertTrue(error.getMessage().contains("cannot create"), error.getMessage());
  }
}
