package org.eggsfs.run.mount;

import static org.eggsfs.run.mount.Syscalls.O_CREAT;
import static org.eggsfs.run.mount.Syscalls.O_DIRECTORY;
import static org.eggsfs.run.mount.Syscalls.O_EXCL;
import static org.eggsfs.run.mount.Syscalls.O_NOFOLLOW;
import static org.eggsfs.run.mount.Syscalls.O_PATH;
import static org.eggsfs.run.mount.Syscalls.O_RDONLY;
import static org.eggsfs.run.mount.Syscalls.O_RDWR;
import static org.eggsfs.run.mount.Syscalls.O_TRUNC;
import static org.eggsfs.run.mount.Syscalls.O_WRONLY;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.run.mount.Syscalls.FileTime;
import org.junit.jupiter.api.Test;

/**
 * Goal: the rules of POSIX for opening, removing, symlinks and times, as far as immutable files can
 * follow them. Method: one rule a test.
 */
class FileRulesTest extends OnMount {
  // Opening.

  @Test
  void directoriesAreNotOpenedForWriting() throws Exception {
    Path path = directory("d");
    fails(Errno.EISDIR, () -> Syscalls.open(path, O_WRONLY));
    fails(Errno.EISDIR, () -> Syscalls.open(path, O_RDWR));
    fails(Errno.EISDIR, () -> Syscalls.open(path, O_RDONLY | O_CREAT));
    fails(Errno.EISDIR, () -> Syscalls.open(path, O_WRONLY | O_TRUNC));
    fails(Errno.EISDIR, () -> Syscalls.truncate(path.toString(), 0));
    int fd = Syscalls.open(path, O_RDONLY);
    fails(Errno.EISDIR, () -> Syscalls.read(fd, 10));
    fails(Errno.EBADF, () -> Syscalls.write(fd, "x"));
    Syscalls.close(fd);
  }

  @Test
  void openFlagsThatCheckTheType() throws Exception {
    Path path = file("f", "x");
    Syscalls.symlink("f", dir.resolve("l"));
    fails(Errno.ENOTDIR, () -> Syscalls.open(path, O_RDONLY | O_DIRECTORY));
    fails(Errno.ELOOP, () -> Syscalls.open(dir.resolve("l"), O_RDONLY | O_NOFOLLOW));
    fails(Errno.EEXIST, () -> Syscalls.open(dir.resolve("l"), O_WRONLY | O_CREAT | O_EXCL));
    fails(Errno.EEXIST, () -> Syscalls.open(dir, O_WRONLY | O_CREAT | O_EXCL));
    int fd = Syscalls.open(dir.resolve("l"), O_PATH | O_NOFOLLOW);
    assertEquals(Syscalls.S_IFLNK, Syscalls.fstat(fd).type());
    Syscalls.close(fd);
  }

  @Test
  void descriptorsDoOnlyWhatTheyWereOpenedFor() throws Exception {
    int writer = Syscalls.open(dir.resolve("f"), O_WRONLY | O_CREAT);
    Syscalls.write(writer, "x");
    fails(Errno.EBADF, () -> Syscalls.read(writer, 1));
    assertEquals(0, Syscalls.write(writer, new byte[0]));
    Syscalls.close(writer);
    int reader = Syscalls.open(dir.resolve("f"), O_RDONLY);
    fails(Errno.EBADF, () -> Syscalls.pwrite(reader, bytes("y"), 0));
    assertEquals(1, Syscalls.readAll(reader).length);
    assertEquals(0, Syscalls.read(reader, 10).length);
    fails(Errno.EINVAL, () -> Syscalls.pread(reader, 1, -1));
    Syscalls.close(reader);
    fails(Errno.EBADF, () -> Syscalls.read(reader, 1));
  }

  @Test
  void pathsBelowADirectoryDescriptor() throws Exception {
    Path d = directory("d");
    int folder = Syscalls.open(d, O_RDONLY | O_DIRECTORY);
    int fd = Syscalls.openAt(folder, "f", O_WRONLY | O_CREAT | O_EXCL, 0644);
    Syscalls.write(fd, "below");
    Syscalls.close(fd);
    assertContent("below", d.resolve("f"));
    assertEquals(5, Syscalls.statAt(folder, "f", 0).size());
    Syscalls.unlinkAt(folder, "f", 0);
    Syscalls.rmdir(d);
    fails(Errno.ENOENT, () -> Syscalls.openAt(folder, "g", O_WRONLY | O_CREAT, 0644));
    fails(Errno.ENOENT, () -> Syscalls.statAt(folder, "f", 0));
    Syscalls.close(folder);
  }

  @Test
  void theModeOfANewFileIsTheSameBeforeAndAfterCommit() throws Exception {
    onlyOurs();
    int fd = Syscalls.open(dir.resolve("f"), O_WRONLY | O_CREAT);
    Syscalls.Stat pending = Syscalls.fstat(fd);
    Syscalls.close(fd);
    Syscalls.Stat committed = Syscalls.stat(dir.resolve("f"));
    assertEquals(pending.mode(), committed.mode());
    assertEquals(pending.inode(), committed.inode());
    assertEquals(pending.uid(), committed.uid());
  }

  // Removing.

  @Test
  void unlinkOfADirectoryAndRmdirOfAFile() throws Exception {
    Path f = file("f", "x");
    Path d = directory("d");
    Syscalls.symlink("d", dir.resolve("l"));
    fails(Errno.EISDIR, () -> Syscalls.unlink(d));
    fails(Errno.ENOTDIR, () -> Syscalls.rmdir(f));
    fails(Errno.ENOTDIR, () -> Syscalls.rmdir(dir.resolve("l")));
    fails(Errno.ENOENT, () -> Syscalls.unlink(dir.resolve("none")));
    Syscalls.unlink(dir.resolve("l"));
    assertTrue(exists(d));
    Syscalls.unlinkAt(Syscalls.AT_FDCWD, d.toString(), Syscalls.AT_REMOVEDIR);
    assertEquals(List.of("f"), Syscalls.names(dir));
  }

  @Test
  void rmdirOfWhatIsNotEmpty() throws Exception {
    Path d = directory("d");
    for (String inside : List.of("file", "dir", "link")) {
      switch (inside) {
        case "file" -> file("d/x", "x");
        case "dir" -> directory("d/x");
        default -> Syscalls.symlink("x", d.resolve("x"));
      }
      fails(Errno.ENOTEMPTY, () -> Syscalls.rmdir(d));
      if (inside.equals("dir")) {
        Syscalls.rmdir(d.resolve("x"));
      } else {
        Syscalls.unlink(d.resolve("x"));
      }
    }
    Syscalls.rmdir(d);
    assertFalse(exists(d));
  }

  @Test
  void aNameCanBeUsedAgainAtOnce() throws Exception {
    Path path = dir.resolve("again");
    for (int i = 0; i < 10; i++) {
      file("again", "round " + i);
      assertContent("round " + i, path);
      long inode = Syscalls.stat(path).inode();
      Syscalls.unlink(path);
      fails(Errno.ENOENT, () -> Syscalls.stat(path));
      Syscalls.mkdir(path);
      assertEquals(Syscalls.S_IFDIR, Syscalls.stat(path).type());
      assertNotEquals(inode, Syscalls.stat(path).inode());
      Syscalls.rmdir(path);
      fails(Errno.ENOENT, () -> Syscalls.open(path, O_RDONLY));
    }
  }

  @Test
  void aNameThatWasMissingIsSeenWhenItIsMade() throws Exception {
    Path path = dir.resolve("f");
    fails(Errno.ENOENT, () -> Syscalls.stat(path));
    file("f", "x");
    assertEquals(1, Syscalls.stat(path).size());
    fails(Errno.ENOENT, () -> Syscalls.stat(dir.resolve("g")));
    Syscalls.rename(path, dir.resolve("g"));
    assertEquals(1, Syscalls.stat(dir.resolve("g")).size());
    fails(Errno.ENOENT, () -> Syscalls.stat(path));
  }

  // Symlinks.

  @Test
  void chainsOfSymlinks() throws Exception {
    file("l0", "at the end");
    for (int i = 1; i <= 41; i++) {
      Syscalls.symlink("l" + (i - 1), dir.resolve("l" + i));
    }
    assertContent("at the end", dir.resolve("l40"));
    fails(Errno.ELOOP, () -> Syscalls.open(dir.resolve("l41"), O_RDONLY));
    assertEquals("l40", Syscalls.readlink(dir.resolve("l41")));
  }

  @Test
  void symlinksAreFollowedWherePosixSaysSo() throws Exception {
    directory("d");
    file("d/f", "x");
    Syscalls.symlink("d", dir.resolve("l"));
    Syscalls.symlink("nowhere", dir.resolve("dangling"));
    assertContent("x", dir.resolve("l/f"));
    assertEquals(List.of("f"), Syscalls.names(dir.resolve("l")));
    fails(Errno.ENOENT, () -> Syscalls.stat(dir.resolve("dangling")));
    assertEquals(Syscalls.S_IFLNK, Syscalls.lstat(dir.resolve("dangling")).type());
    fails(Errno.EINVAL, () -> Syscalls.readlink(dir.resolve("d/f")));
    fails(Errno.EINVAL, () -> Syscalls.readlink(dir.resolve("d")));
    fails(Errno.EEXIST, () -> Syscalls.symlink("x", dir.resolve("dangling")));
    fails(Errno.EEXIST, () -> Syscalls.mkdir(dir.resolve("dangling")));
    // Creating through a dangling symlink makes its target.
    int fd = Syscalls.open(dir.resolve("dangling"), O_WRONLY | O_CREAT);
    Syscalls.write(fd, "made");
    Syscalls.close(fd);
    assertContent("made", dir.resolve("nowhere"));
    Syscalls.rename(dir.resolve("dangling"), dir.resolve("d/link"));
    assertEquals("nowhere", Syscalls.readlink(dir.resolve("d/link")));
  }

  @Test
  void targetsOfAllLengths() throws Exception {
    for (int length : new int[] {1, 254, 255, 256, 1023, 4095}) {
      Path path = dir.resolve("l" + length);
      String target = "t".repeat(length);
      Syscalls.symlink(target, path);
      assertEquals(target, Syscalls.readlink(path));
      assertEquals(length, Syscalls.lstat(path).size());
    }
    fails(Errno.ENAMETOOLONG, () -> Syscalls.symlink("t".repeat(4096), dir.resolve("l")));
  }

  // Times.

  @Test
  void nanosecondsAreKept() throws Exception {
    Path path = file("f", "x");
    for (FileTime time :
        List.of(
            new FileTime(0, 0),
            new FileTime(0, 1),
            new FileTime(1_700_000_000, 999_999_999),
            new FileTime((1L << 31) + 5, 123_456_789),
            new FileTime(1L << 32, 7),
            new FileTime(9_000_000_000L, 1))) {
      FileTime other = new FileTime(time.seconds() + 1, time.nanos());
      Syscalls.utimens(path, time, other);
      assertEquals(time, Syscalls.stat(path).atime());
      assertEquals(other, Syscalls.stat(path).mtime());
    }
  }

  @Test
  void timesThatAreLeftAndTimesOfNow() throws Exception {
    Path path = file("f", "x");
    FileTime first = new FileTime(1_000_000_000, 1);
    FileTime second = new FileTime(1_100_000_000, 2);
    Syscalls.utimens(path, first, first);
    Syscalls.utimens(path, Syscalls.OMIT, second);
    assertEquals(first, Syscalls.stat(path).atime());
    assertEquals(second, Syscalls.stat(path).mtime());
    Syscalls.utimens(path, second, Syscalls.OMIT);
    assertEquals(second, Syscalls.stat(path).atime());
    assertEquals(second, Syscalls.stat(path).mtime());
    Syscalls.utimens(path, Syscalls.OMIT, Syscalls.OMIT);
    assertEquals(second, Syscalls.stat(path).mtime());
    Syscalls.utimens(path, Syscalls.NOW, Syscalls.NOW);
    assertTrue(Syscalls.stat(path).atime().seconds() > 1_700_000_000);
    assertTrue(Syscalls.stat(path).mtime().seconds() > 1_700_000_000);
    fails(
        Errno.EINVAL, () -> Syscalls.utimens(path, new FileTime(1, 1_000_000_000), Syscalls.OMIT));
    fails(Errno.ENOENT, () -> Syscalls.utimens(dir.resolve("none"), Syscalls.NOW, Syscalls.NOW));
  }

  @Test
  void timesOutOfRangeAreTheNearestPossible() throws Exception {
    onlyOurs();
    Path path = file("f", "x");
    Syscalls.utimens(path, new FileTime(-100, 5), new FileTime(-1, 999_999_999));
    assertEquals(new FileTime(0, 0), Syscalls.stat(path).mtime());
    Syscalls.utimens(path, Syscalls.OMIT, new FileTime(1L << 40, 0));
    assertTrue(Syscalls.stat(path).mtime().seconds() > 9_000_000_000L);
  }

  @Test
  void aNewFileHasTheTimeOfItsMaking() throws Exception {
    long before = System.currentTimeMillis() / 1000 - 2;
    Path path = file("f", "x");
    Syscalls.symlink("x", dir.resolve("l"));
    for (Path each : List.of(path, directory("d"), dir.resolve("l"))) {
      Syscalls.Stat stat = Syscalls.lstat(each);
      long after = System.currentTimeMillis() / 1000 + 2;
      assertTrue(stat.mtime().seconds() >= before && stat.mtime().seconds() <= after, each + "");
      assertTrue(stat.ctime().seconds() >= before && stat.ctime().seconds() <= after, each + "");
    }
  }

  @Test
  void changesOfADirectoryMoveItsTime() throws Exception {
    directory("d");
    directory("e");
    Calls[] changes = {
      () -> file("d/f", "x"),
      () -> Syscalls.rename(dir.resolve("d/f"), dir.resolve("d/g")),
      () -> Syscalls.symlink("x", dir.resolve("d/l")),
      () -> directory("d/sub"),
      () -> Syscalls.rmdir(dir.resolve("d/sub")),
      () -> Syscalls.rename(dir.resolve("d/g"), dir.resolve("e/g")),
      () -> Syscalls.rename(dir.resolve("e/g"), dir.resolve("d/g")),
      () -> Syscalls.unlink(dir.resolve("d/g")),
    };
    for (int i = 0; i < changes.length; i++) {
      FileTime before = Syscalls.stat(dir.resolve("d")).mtime();
      // A clock of ticks, as other file systems have, must have gone on.
      Thread.sleep(10);
      changes[i].run();
      waitUntil(
          "change " + i + " is seen in the time",
          () -> !Syscalls.stat(dir.resolve("d")).mtime().equals(before));
    }
  }

  // Reading and writing.

  @Test
  void sizesAroundTheBordersOfTheFormat() throws Exception {
    int[] sizes = {0, 1, 255, 256, 4095, 4096, 4097, 8192, 36_864, 40_961, 131_072, 1_048_577};
    for (int size : sizes) {
      byte[] content = randomBytes(size, size);
      assertContent(content, file("f" + size, content));
      assertEquals(size, Syscalls.stat(dir.resolve("f" + size)).size());
    }
  }

  @Test
  void aFileOfSeveralSpans() throws Exception {
    byte[] content = randomBytes(70_000_000, 1);
    Path path = file("f", content);
    assertContent(content, path);
    int fd = Syscalls.open(path, O_RDONLY);
    for (long at : new long[] {69_999_990, 27_484_150, 54_968_315, 3}) {
      int length = (int) Math.min(20, content.length - at);
      byte[] expected = Arrays.copyOfRange(content, (int) at, (int) at + length);
      assertArrayEquals(expected, Syscalls.pread(fd, 20, at));
    }
    Syscalls.close(fd);
    Syscalls.unlink(path);
  }
}
