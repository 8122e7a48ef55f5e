package org.eggsfs.run.mount;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** PLACEHOLDER until EggsMount is there: reference file system only. */
final class SharedMount implements BeforeAllCallback {
  private static SharedMount current;
  private final AtomicInteger n = new AtomicInteger();
  private Path root;

  static SharedMount current() {
    return current;
  }

  boolean isOurs() {
    return false;
  }

  Path newDirectory() throws Exception {
    Path p = root.resolve("t" + n.incrementAndGet());
    Files.createDirectories(p);
    return p;
  }

  boolean isCommitted(Path path) throws Exception {
    return Files.exists(path);
  }

  boolean isCommitted(Path path, byte[] content) throws Exception {
    return Files.exists(path) && java.util.Arrays.equals(Files.readAllBytes(path), content);
  }

  java.util.List<String> committedNames(Path dir) throws Exception {
    return Syscalls.names(dir);
  }

  void removeElsewhere(Path dir) throws Exception {
    throw new UnsupportedOperationException();
  }

  Path onSecond(Path dir) throws Exception {
    throw new UnsupportedOperationException();
  }

  Path root() {
    return root;
  }

  @Override
  public void beforeAll(ExtensionContext context) throws IOException {
    if (current == null) {
      root =
          Files.createTempDirectory(
              Path.of(System.getProperty("eggsfs.mount.reference", "/dev/shm")), "ref");
      current = this;
    }
  }
}
