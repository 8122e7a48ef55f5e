package org.eggsfs.run.mount;

import static org.eggsfs.run.mount.Syscalls.O_APPEND;
import static org.eggsfs.run.mount.Syscalls.O_CREAT;
import static org.eggsfs.run.mount.Syscalls.O_RDONLY;
import static org.eggsfs.run.mount.Syscalls.O_RDWR;
import static org.eggsfs.run.mount.Syscalls.O_TRUNC;
import static org.eggsfs.run.mount.Syscalls.O_WRONLY;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Goal: a committed file never changes, each way to try it gets one documented error, and what
 * replaces a file replaces it whole (mount.md section 4). Method: one test a row of that table.
 */
class CommittedFileTest extends OnMount {
  @ParameterizedTest
  @ValueSource(
      ints = {
        O_WRONLY,
        O_RDWR,
        O_WRONLY | O_APPEND,
        O_RDWR | O_APPEND,
        O_WRONLY | O_CREAT,
        O_RDWR | O_CREAT | O_APPEND
      })
  void openForWritingIsRefused(int flags) throws Exception {
    onlyOurs();
    Path path = file("f", "committed");
    fails(COMMITTED, () -> Syscalls.open(path, flags));
    assertContent("committed", path);
  }

  /** There is nothing to keep of an empty file, so that one may be written as if it were new. */
  @Test
  void anEmptyFileMayBeWritten() throws Exception {
    Path path = file("f", "");
    new Shell(dir).bash("touch g; echo one >> g; : >> f; echo two >> f").ok();
    assertContent("one\n", dir.resolve("g"));
    assertContent("two\n", path);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 4, 100, 1L << 40})
  void truncateIsRefused(long size) throws Exception {
    onlyOurs();
    Path path = file("f", "committed");
    fails(COMMITTED, () -> Syscalls.truncate(path.toString(), size));
    assertContent("committed", path);
  }

  @Test
  void aDescriptorForReadingChangesNothing() throws Exception {
    Path path = file("f", "committed");
    int fd = Syscalls.open(path, O_RDONLY);
    fails(Errno.EBADF, () -> Syscalls.write(fd, "x"));
    fails(Errno.EINVAL, () -> Syscalls.ftruncate(fd, 3));
    fails(Errno.EBADF, () -> Syscalls.fallocate(fd, 0, 0, 100));
    Syscalls.close(fd);
    assertContent("committed", path);
  }

  @ParameterizedTest
  @ValueSource(ints = {O_WRONLY | O_TRUNC, O_RDWR | O_TRUNC, O_WRONLY | O_TRUNC | O_APPEND})
  void truncationAtOpenBeginsANewVersion(int flags) throws Exception {
    onlyOurs();
    byte[] old = randomBytes(200_000, 1);
    Path path = file("f", old);
    int before = Syscalls.open(path, O_RDONLY);
    assertArrayEquals(bytes(""), Syscalls.pread(before, 0, 0));
    int writer = Syscalls.open(path, flags);
    Syscalls.write(writer, "new");
    assertEquals(3, Syscalls.fstat(writer).size());
    // The old version is the one that everybody gets until the new one is committed.
    assertTrue(SharedMount.current().isCommitted(path, old));
    Syscalls.close(writer);
    assertContent("new", path);
    assertArrayEquals(old, Syscalls.readAll(before));
    Syscalls.close(before);
  }

  @Test
  void aNewVersionOfAWriterThatWasKilledLeavesTheOldOne() throws Exception {
    onlyOurs();
    Path path = file("f", "old");
    Shell.Ran ran = new Shell(dir).bash("exec 3> f; echo partial >&3; kill -9 $$");
    assertEquals(137, ran.exitCode());
    assertContent("old", path);
  }

  @Test
  void timesCanBeSet() throws Exception {
    Path path = file("f", "committed");
    Syscalls.FileTime time = new Syscalls.FileTime(1_000_000_000, 999_999_999);
    Syscalls.utimens(path, time, time);
    assertEquals(time, Syscalls.stat(path).mtime());
    assertContent("committed", path);
    new Shell(dir).bash("touch f && touch -d '2001-02-03 04:05:06Z' f").ok();
    assertEquals(981_173_106, Syscalls.stat(path).mtime().seconds());
  }

  @Test
  void renameReplacesAtomically() throws Exception {
    Path path = file("f", "version 0");
    // Readers meanwhile find always one whole version.
    Thread reader =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    while (!Thread.currentThread().isInterrupted()) {
                      String content = new String(contentOf(path), StandardCharsets.UTF_8);
                      if (!content.matches("version \\d+")) {
                        throw new AssertionError("read: " + content);
                      }
                    }
                  } catch (Exception e) {
                    throw new AssertionError(e);
                  }
                });
    Throwable[] failure = new Throwable[1];
    reader.setUncaughtExceptionHandler((thread, e) -> failure[0] = e);
    for (int i = 1; i <= 40; i++) {
      Syscalls.rename(file("temporary", "version " + i), path);
    }
    reader.interrupt();
    reader.join();
    if (failure[0] != null) {
      throw new AssertionError(failure[0]);
    }
    assertContent("version 40", path);
  }

  @Test
  void aPendingFileOpenedForReadingStaysPending() throws Exception {
    Path path = dir.resolve("f");
    int writer = Syscalls.open(path, O_WRONLY | O_CREAT);
    Syscalls.write(writer, "begun ");
    int reader = Syscalls.open(Path.of("/proc/self/fd/" + writer), O_RDONLY);
    assertArrayEquals(bytes("begun "), Syscalls.read(reader, 100));
    Syscalls.close(reader);
    Syscalls.write(writer, "and ended");
    Syscalls.close(writer);
    assertContent("begun and ended", path);
  }

  @Test
  void aPendingFileOpenedAgainForWritingIsOneFile() throws Exception {
    new Shell(dir)
        .bash("{ echo a; echo b >> /dev/stdout; echo c; } >> f; echo -n; cat f > copy")
        .ok();
    assertContent("a\nb\nc\n", dir.resolve("copy"));
    int first = Syscalls.open(dir.resolve("g"), O_WRONLY | O_CREAT | O_APPEND);
    int second = Syscalls.open(Path.of("/proc/self/fd/" + first), O_WRONLY | O_APPEND);
    Syscalls.write(first, "1");
    Syscalls.write(second, "2");
    Syscalls.close(first);
    if (SharedMount.current().isOurs()) {
      assertFalse(SharedMount.current().isCommitted(dir.resolve("g")));
    }
    Syscalls.write(second, "3");
    Syscalls.close(second);
    assertContent("123", dir.resolve("g"));
  }
}
