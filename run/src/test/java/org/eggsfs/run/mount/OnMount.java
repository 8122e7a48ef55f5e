package org.eggsfs.run.mount;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;

/** What tests on a mount share: an empty directory of their own, and short ways to say things. */
@ExtendWith(SharedMount.class)
abstract class OnMount {
  /**
   * What every way to change a committed file gets: open for writing without truncation, appending,
   * changing the size.
   */
  static final Errno COMMITTED = Errno.EPERM;

  /** A wait that only a hang reaches. */
  private static final long WAIT_SECONDS_MAX = 30;

  /** An empty directory on the mount, new for each test. */
  protected Path dir;

  /** System calls that a test expects to fail. */
  @FunctionalInterface
  interface Calls {
    void run() throws Exception;
  }

  /** What a test waits for. */
  @FunctionalInterface
  interface Condition {
    boolean holds() throws Exception;
  }

  @BeforeEach
  final void makeDirectory() throws Exception {
    dir = SharedMount.current().newDirectory();
  }

  /** For expectations that are ours alone, on which another file system need not agree. */
  static void onlyOurs() {
    Assumptions.assumeTrue(SharedMount.current().isOurs(), "a rule of EggsFS only");
  }

  static void fails(Errno expected, Calls calls) throws Exception {
    failsWithOneOf(List.of(expected), calls);
  }

  static void failsWithOneOf(List<Errno> expected, Calls calls) throws Exception {
    try {
      calls.run();
    } catch (SyscallException e) {
      assertTrue(expected.contains(e.errno()), e.getMessage() + " instead of " + expected);
      return;
    }
    throw new AssertionError("succeeds instead of failing with " + expected);
  }

  static void waitUntil(String what, Condition condition) throws Exception {
    long end = System.nanoTime() + WAIT_SECONDS_MAX * 1_000_000_000L;
    while (!condition.holds()) {
      assertTrue(System.nanoTime() < end, "waited in vain until " + what);
      Thread.sleep(2);
    }
  }

  static boolean exists(Path path) throws Exception {
    try {
      Syscalls.lstat(path);
      return true;
    } catch (SyscallException e) {
      assertEquals(Errno.ENOENT, e.errno());
      return false;
    }
  }

  /** Makes a committed file of the directory. */
  final Path file(String name, String content) throws Exception {
    return file(name, bytes(content));
  }

  final Path file(String name, byte[] content) throws Exception {
    Path path = dir.resolve(name);
    int fd = Syscalls.open(path, Syscalls.O_WRONLY | Syscalls.O_CREAT | Syscalls.O_TRUNC);
    writeAll(fd, content);
    Syscalls.close(fd);
    return path;
  }

  /** Makes a directory of the directory. */
  final Path directory(String name) throws Exception {
    Path path = dir.resolve(name);
    Syscalls.mkdir(path);
    return path;
  }

  static void writeAll(int fd, byte[] content) throws Exception {
    for (int at = 0; at < content.length; ) {
      at += (int) Syscalls.write(fd, Arrays.copyOfRange(content, at, content.length));
    }
  }

  static byte[] contentOf(Path path) throws Exception {
    int fd = Syscalls.open(path, Syscalls.O_RDONLY);
    try {
      return Syscalls.readAll(fd);
    } finally {
      Syscalls.close(fd);
    }
  }

  static void assertContent(String expected, Path path) throws Exception {
    assertEquals(expected, new String(contentOf(path), StandardCharsets.UTF_8));
  }

  static void assertContent(byte[] expected, Path path) throws Exception {
    assertArrayEquals(expected, contentOf(path));
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static byte[] randomBytes(int length, long seed) {
    byte[] bytes = new byte[length];
    new SplittableRandom(seed).nextBytes(bytes);
    return bytes;
  }
}
