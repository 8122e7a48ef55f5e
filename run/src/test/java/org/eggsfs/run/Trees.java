package org.eggsfs.run;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** Local trees for copying, and their comparison. */
final class Trees {
  /**
   * Around the borders of inline spans, pages, cells, stripes and one span of the default policy.
   */
  private static final int[] SIZES = {
    0, 1, 200, 255, 256, 4095, 4096, 4097, 40_960, 40_961, 70_000, 1_200_000, 5_000_001
  };

  private Trees() {}

  /** Makes a tree with files of all sizes, symlinks, empty directories and odd names. */
  static void make(Path root, long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    Path deep = root.resolve("a/b/c/d");
    Files.createDirectories(deep);
    Files.createDirectories(root.resolve("empty"));
    for (Path directory : List.of(root, root.resolve("a"), deep)) {
      for (int size : SIZES) {
        makeFile(directory.resolve("file-" + size), size, random);
      }
    }
    makeFile(root.resolve("with space"), 10, random);
    makeFile(root.resolve("ünïcödé ☃"), 10, random);
    makeFile(root.resolve("-n"), 10, random);
    makeFile(root.resolve("x".repeat(255)), 10, random);
    Files.createSymbolicLink(root.resolve("link"), Path.of("a/file-200"));
    Files.createSymbolicLink(root.resolve("dangling"), Path.of("/nowhere/" + "y".repeat(300)));
  }

  /** Makes one file of random bytes with a modification time of odd nanoseconds. */
  static void makeFile(Path file, int size, SplittableRandom random) throws IOException {
    byte[] bytes = new byte[size];
    random.nextBytes(bytes);
    Files.write(file, bytes);
    Files.setLastModifiedTime(
        file,
        FileTime.from(
            Instant.ofEpochSecond(random.nextLong(2_000_000_000L), random.nextInt(1_000_000_000))));
  }

  /** Fails unless both trees hold the same names, bytes, link texts and file times. */
  static void assertSame(Path expected, Path actual) throws IOException {
    assertEquals(list(expected), list(actual));
    try (Stream<Path> tree = Files.walk(expected)) {
      for (Path path : tree.toList()) {
        Path other = actual.resolve(expected.relativize(path).toString());
        if (Files.isSymbolicLink(path)) {
          assertEquals(
              Files.readSymbolicLink(path), Files.readSymbolicLink(other), path.toString());
        } else if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
          assertArrayEquals(Files.readAllBytes(path), Files.readAllBytes(other), path.toString());
          assertEquals(
              Files.getLastModifiedTime(path), Files.getLastModifiedTime(other), path.toString());
        } else {
          assertEquals(Files.isDirectory(path), Files.isDirectory(other), path.toString());
        }
      }
    }
  }

  private static List<String> list(Path root) throws IOException {
    try (Stream<Path> tree = Files.walk(root)) {
      return tree.map(path -> root.relativize(path).toString()).sorted().toList();
    }
  }
}
