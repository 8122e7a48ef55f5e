package org.eggsfs.run.mount;

import static org.eggsfs.run.mount.Syscalls.O_APPEND;
import static org.eggsfs.run.mount.Syscalls.O_CREAT;
import static org.eggsfs.run.mount.Syscalls.O_DIRECT;
import static org.eggsfs.run.mount.Syscalls.O_DIRECTORY;
import static org.eggsfs.run.mount.Syscalls.O_EXCL;
import static org.eggsfs.run.mount.Syscalls.O_NOATIME;
import static org.eggsfs.run.mount.Syscalls.O_RDONLY;
import static org.eggsfs.run.mount.Syscalls.O_RDWR;
import static org.eggsfs.run.mount.Syscalls.O_TMPFILE;
import static org.eggsfs.run.mount.Syscalls.O_TRUNC;
import static org.eggsfs.run.mount.Syscalls.O_WRONLY;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Goal: each row of the table of operations (mount.md section 5) is as its last column says.
 * Method: one test a row, with exact system calls on a real mount.
 */
class OperationTableTest extends OnMount {
  private static final int MIB = 1 << 20;

  @Test
  void openCreatesANewFile() throws Exception {
    int fd = Syscalls.open(dir.resolve("f"), O_WRONLY | O_CREAT | O_EXCL);
    Syscalls.write(fd, "new");
    Syscalls.close(fd);
    assertContent("new", dir.resolve("f"));
    fails(Errno.EEXIST, () -> Syscalls.open(dir.resolve("f"), O_WRONLY | O_CREAT | O_EXCL));
    fails(Errno.ENOENT, () -> Syscalls.open(dir.resolve("g"), O_WRONLY));
  }

  @Test
  void openCreateWithTruncationOfAnExistingNameIsANewVersion() throws Exception {
    Path path = file("f", "the old version");
    long oldInode = Syscalls.stat(path).inode();
    int reader = Syscalls.open(path, O_RDONLY);
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT | O_TRUNC);
    Syscalls.write(fd, "the new one");
    Syscalls.close(fd);
    assertContent("the new one", path);
    if (SharedMount.current().isOurs()) {
      assertNotEquals(oldInode, Syscalls.stat(path).inode());
      assertArrayEquals(bytes("the old version"), Syscalls.readAll(reader));
    }
    Syscalls.close(reader);
  }

  @Test
  void sequentialWrite() throws Exception {
    byte[] content = randomBytes(3 * MIB + 17, 1);
    Path path = dir.resolve("f");
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    int at = 0;
    for (int size = 1; at < content.length; size = size * 3 + 1) {
      int end = Math.min(content.length, at + size);
      assertEquals(end - at, Syscalls.write(fd, Arrays.copyOfRange(content, at, end)));
      at = end;
      assertEquals(at, Syscalls.fstat(fd).size());
    }
    Syscalls.close(fd);
    assertContent(content, path);
    assertEquals(content.length, Syscalls.stat(path).size());
  }

  @Test
  void aWriteBeyondTheEndFillsWithZeros() throws Exception {
    Path path = dir.resolve("f");
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    Syscalls.write(fd, "begin");
    Syscalls.pwrite(fd, bytes("end"), 5 * MIB);
    Syscalls.close(fd);
    byte[] expected = new byte[5 * MIB + 3];
    System.arraycopy(bytes("begin"), 0, expected, 0, 5);
    System.arraycopy(bytes("end"), 0, expected, 5 * MIB, 3);
    assertContent(expected, path);
  }

  @Test
  void aWriteInsideTheUnflushedSpanRewrites() throws Exception {
    Path path = dir.resolve("f");
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    Syscalls.write(fd, "header: ????; body");
    Syscalls.pwrite(fd, bytes("0018"), 8);
    Syscalls.close(fd);
    assertContent("header: 0018; body", path);
  }

  @Test
  void aWriteInsideAFlushedSpanIsInvalid() throws Exception {
    onlyOurs();
    Path path = dir.resolve("f");
    byte[] content = randomBytes(60 * MIB, 2);
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    writeAll(fd, content);
    Syscalls.fsync(fd);
    fails(Errno.EINVAL, () -> Syscalls.pwrite(fd, bytes("too late"), 0));
    // The refused write takes nothing away from the file.
    Syscalls.write(fd, "tail");
    Syscalls.close(fd);
    byte[] expected = Arrays.copyOf(content, content.length + 4);
    System.arraycopy(bytes("tail"), 0, expected, content.length, 4);
    assertContent(expected, path);
    Syscalls.unlink(path);
  }

  @Test
  void appendOnANewFile() throws Exception {
    Path path = dir.resolve("f");
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT | O_APPEND);
    Syscalls.write(fd, "one ");
    Syscalls.lseek(fd, 0, Syscalls.SEEK_SET);
    Syscalls.write(fd, "two");
    Syscalls.close(fd);
    assertContent("one two", path);
  }

  @Test
  void directFlagIsAcceptedAndIgnored() throws Exception {
    Path path = dir.resolve("f");
    byte[] content = randomBytes(8192, 3);
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT | O_DIRECT);
    assertEquals(8192, Syscalls.pwrite(fd, content, 0));
    Syscalls.close(fd);
    int reader = Syscalls.open(path, O_RDONLY | O_DIRECT);
    assertArrayEquals(content, Syscalls.pread(reader, 8192, 0));
    assertArrayEquals(Arrays.copyOfRange(content, 4096, 8192), Syscalls.pread(reader, 8192, 4096));
    Syscalls.close(reader);
  }

  @Test
  void aFileBeingWrittenCanBeRead() throws Exception {
    Path path = dir.resolve("f");
    byte[] content = randomBytes(30 * MIB, 4);
    int fd = Syscalls.open(path, O_RDWR | O_CREAT);
    writeAll(fd, content);
    for (int at : new int[] {0, 100, 4096, 7 * MIB + 5, 29 * MIB, 30 * MIB - 10}) {
      int length = Math.min(100_000, content.length - at);
      assertArrayEquals(
          Arrays.copyOfRange(content, at, at + length), Syscalls.pread(fd, length, at), "at " + at);
    }
    assertEquals(0, Syscalls.pread(fd, 10, 30 * MIB).length);
    // What is written afterwards is read too: no page of before may be kept.
    Syscalls.pwrite(fd, bytes("tail"), 30 * MIB);
    assertArrayEquals(bytes("tail"), Syscalls.pread(fd, 10, 30 * MIB));
    Syscalls.close(fd);
  }

  @Test
  void rangesAndMappedMemoryAreRead() throws Exception {
    byte[] content = randomBytes(2 * MIB + 123, 5);
    Path path = file("f", content);
    int fd = Syscalls.open(path, O_RDONLY);
    for (int at : new int[] {0, 1, 4095, 4096, MIB - 1, 2 * MIB + 100}) {
      int length = Math.min(9000, content.length - at);
      assertArrayEquals(
          Arrays.copyOfRange(content, at, at + length), Syscalls.pread(fd, 9000, at), "at " + at);
    }
    assertEquals(0, Syscalls.pread(fd, 1, content.length).length);
    assertEquals(0, Syscalls.pread(fd, 1, 1L << 40).length);
    for (int flags : new int[] {Syscalls.MAP_PRIVATE, Syscalls.MAP_SHARED}) {
      long address = Syscalls.mmap(fd, content.length, Syscalls.PROT_READ, flags);
      assertArrayEquals(content, Syscalls.readMapped(address, content.length));
      Syscalls.munmap(address, content.length);
    }
    Syscalls.close(fd);
  }

  @Test
  void sharedWritableMappingOfACommittedFileIsRefused() throws Exception {
    onlyOurs();
    Path committed = file("g", "committed");
    int reader = Syscalls.open(committed, O_RDONLY);
    fails(
        Errno.EACCES,
        () ->
            Syscalls.mmap(
                reader, 4096, Syscalls.PROT_READ | Syscalls.PROT_WRITE, Syscalls.MAP_SHARED));
    Syscalls.close(reader);
  }

  @Test
  void closeCommits() throws Exception {
    Path path = dir.resolve("f");
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    Syscalls.write(fd, "whole");
    Syscalls.close(fd);
    assertContent("whole", path);
    assertEquals(List.of("f"), Syscalls.names(dir));
  }

  @Test
  void fsyncSucceedsAndDoesNotCommit() throws Exception {
    Path path = dir.resolve("f");
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    Syscalls.write(fd, randomBytes(100_000, 6));
    Syscalls.fsync(fd);
    Syscalls.write(fd, "more");
    Syscalls.fdatasync(fd);
    Syscalls.fdatasync(fd);
    Syscalls.close(fd);
    assertEquals(100_004, Syscalls.stat(path).size());
    int reader = Syscalls.open(path, O_RDONLY);
    Syscalls.fsync(reader);
    Syscalls.close(reader);
    int directory = Syscalls.open(dir, O_RDONLY | O_DIRECTORY);
    Syscalls.fsync(directory);
    Syscalls.close(directory);
  }

  @Test
  void otherSyncsDoNothing() throws Exception {
    int fd = Syscalls.open(dir.resolve("f"), O_WRONLY | O_CREAT);
    Syscalls.write(fd, "x");
    Syscalls.syncFileRange(fd, 0, 1);
    Syscalls.syncfs(fd);
    Syscalls.close(fd);
    assertContent("x", dir.resolve("f"));
  }

  @Test
  void ftruncateGrowsAndShrinksAFileBeingWritten() throws Exception {
    Path path = dir.resolve("f");
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    Syscalls.write(fd, "0123456789");
    Syscalls.ftruncate(fd, 4);
    assertEquals(4, Syscalls.fstat(fd).size());
    Syscalls.ftruncate(fd, 8);
    assertEquals(8, Syscalls.fstat(fd).size());
    Syscalls.close(fd);
    assertContent(new byte[] {'0', '1', '2', '3', 0, 0, 0, 0}, path);
  }

  @Test
  void ftruncateIntoAFlushedSpanIsInvalid() throws Exception {
    onlyOurs();
    int fd = Syscalls.open(dir.resolve("f"), O_WRONLY | O_CREAT);
    writeAll(fd, new byte[40 * MIB]);
    Syscalls.fsync(fd);
    fails(Errno.EINVAL, () -> Syscalls.ftruncate(fd, 10));
    assertEquals(40 * MIB, Syscalls.fstat(fd).size());
    Syscalls.close(fd);
    assertEquals(40 * MIB, Syscalls.stat(dir.resolve("f")).size());
  }

  @Test
  void fallocateIsAHint() throws Exception {
    Path path = dir.resolve("f");
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    Syscalls.fallocate(fd, Syscalls.FALLOC_FL_KEEP_SIZE, 0, MIB);
    assertEquals(0, Syscalls.fstat(fd).size());
    Syscalls.write(fd, "start");
    Syscalls.close(fd);
    assertContent("start", path);
  }

  @Test
  void lseekMovesWithoutSideEffects() throws Exception {
    Path path = dir.resolve("f");
    int fd = Syscalls.open(path, O_WRONLY | O_CREAT);
    Syscalls.write(fd, "abc");
    assertEquals(1000, Syscalls.lseek(fd, 1000, Syscalls.SEEK_SET));
    assertEquals(1005, Syscalls.lseek(fd, 5, Syscalls.SEEK_CUR));
    assertEquals(3, Syscalls.lseek(fd, 0, Syscalls.SEEK_END));
    fails(Errno.EINVAL, () -> Syscalls.lseek(fd, -1, Syscalls.SEEK_SET));
    Syscalls.lseek(fd, 1000, Syscalls.SEEK_SET);
    Syscalls.close(fd);
    assertContent("abc", path);
  }

  @Test
  void dataAndHoles() throws Exception {
    Path path = file("f", "0123456789");
    int fd = Syscalls.open(path, O_RDONLY);
    assertEquals(0, Syscalls.lseek(fd, 0, Syscalls.SEEK_DATA));
    assertEquals(4, Syscalls.lseek(fd, 4, Syscalls.SEEK_DATA));
    assertEquals(10, Syscalls.lseek(fd, 0, Syscalls.SEEK_HOLE));
    assertEquals(10, Syscalls.lseek(fd, 9, Syscalls.SEEK_HOLE));
    fails(Errno.ENXIO, () -> Syscalls.lseek(fd, 10, Syscalls.SEEK_DATA));
    fails(Errno.ENXIO, () -> Syscalls.lseek(fd, 10, Syscalls.SEEK_HOLE));
    Syscalls.close(fd);
  }

  @Test
  void copyFileRangeCopies() throws Exception {
    byte[] content = randomBytes(300_000, 7);
    Path from = file("from", content);
    int in = Syscalls.open(from, O_RDONLY);
    int out = Syscalls.open(dir.resolve("to"), O_WRONLY | O_CREAT);
    long copied = 0;
    try {
      for (long n = 1; n > 0; copied += n) {
        n = Syscalls.copyFileRange(in, out, content.length);
      }
    } catch (SyscallException e) {
      // What programs take as the sign to copy by themselves.
      assertEquals(Errno.EOPNOTSUPP, e.errno());
      assertEquals(0, copied);
      writeAll(out, content);
    }
    Syscalls.close(in);
    Syscalls.close(out);
    assertContent(content, dir.resolve("to"));
  }

  @Test
  void sendfileReadsAndWrites() throws Exception {
    byte[] content = randomBytes(500_000, 8);
    Path from = file("from", content);
    int in = Syscalls.open(from, O_RDONLY);
    int out = Syscalls.open(dir.resolve("to"), O_WRONLY | O_CREAT);
    for (long left = content.length; left > 0; ) {
      long n = Syscalls.sendfile(out, in, left);
      assertTrue(n > 0);
      left -= n;
    }
    Syscalls.close(in);
    Syscalls.close(out);
    assertContent(content, dir.resolve("to"));
  }

  @Test
  void statSaysTheSameByAllWays() throws Exception {
    Path path = file("f", "0123456789");
    Syscalls.Stat stat = Syscalls.stat(path);
    int fd = Syscalls.open(path, O_RDONLY);
    assertEquals(stat, Syscalls.fstat(fd));
    Syscalls.close(fd);
    assertEquals(Syscalls.S_IFREG, stat.type());
    assertEquals(10, stat.size());
    assertEquals(stat.device(), Syscalls.stat(dir).device());
    assertEquals(Syscalls.S_IFDIR, Syscalls.stat(dir).type());
    Files.writeString(dir.resolve("g"), "x");
    assertNotEquals(stat.inode(), Syscalls.stat(dir.resolve("g")).inode());
  }

  @Test
  void linkCountsAreOneAlsoOfDirectories() throws Exception {
    onlyOurs();
    assertEquals(1, Syscalls.stat(file("f", "x")).nlink());
    directory("d");
    directory("d/sub");
    assertEquals(1, Syscalls.stat(dir.resolve("d")).nlink());
  }

  @Test
  void blocksAreTheLogicalSize() throws Exception {
    onlyOurs();
    assertEquals(0, Syscalls.stat(file("empty", "")).blocks());
    assertEquals(1, Syscalls.stat(file("one", "x")).blocks());
    assertEquals(3, Syscalls.stat(file("three", new byte[1025])).blocks());
  }

  @Test
  void atimeMovesForwardOnlyNowAndThen() throws Exception {
    onlyOurs();
    Path path = file("f", "read me");
    Syscalls.FileTime old = new Syscalls.FileTime(1_000_000_000, 5);
    Syscalls.utimens(path, old, old);
    assertContent("read me", path);
    waitUntil("the old access time is renewed", () -> !Syscalls.stat(path).atime().equals(old));
    Syscalls.FileTime renewed = Syscalls.stat(path).atime();
    for (int i = 0; i < 20; i++) {
      assertContent("read me", path);
    }
    assertEquals(renewed, Syscalls.stat(path).atime());
  }

  @Test
  void utimensatOnFilesAndSymlinks() throws Exception {
    Path path = file("f", "x");
    Syscalls.symlink("f", dir.resolve("l"));
    Syscalls.FileTime atime = new Syscalls.FileTime(1_234_567_890, 123_456_789);
    Syscalls.FileTime mtime = new Syscalls.FileTime(1_334_567_891, 987_654_321);
    for (Path each : List.of(path, dir.resolve("l"))) {
      Syscalls.utimens(each, atime, mtime);
      assertEquals(atime, Syscalls.lstat(each).atime());
      assertEquals(mtime, Syscalls.lstat(each).mtime());
    }
  }

  @Test
  void utimensatOnADirectoryIsAccepted() throws Exception {
    Path path = directory("d");
    Syscalls.FileTime time = new Syscalls.FileTime(1_234_567_890, 1);
    Syscalls.utimens(path, time, time);
    Syscalls.mkdir(path.resolve("sub"));
    assertNotEquals(time, Syscalls.stat(path).mtime());
  }

  @Test
  void chmodAndChownWithoutAChangeSucceed() throws Exception {
    Path path = file("f", "x");
    for (Path each : List.of(path, directory("d"))) {
      Syscalls.Stat stat = Syscalls.stat(each);
      Syscalls.chmod(each, stat.permissions());
      Syscalls.chown(each, stat.uid(), stat.gid());
      Syscalls.chown(each, -1, -1);
    }
    Syscalls.Stat after = Syscalls.stat(path);
    assertEquals(0, after.uid());
  }

  @Test
  void accessFollowsTheModeAndAllowsCreation() throws Exception {
    Path path = file("f", "x");
    Syscalls.access(path, Syscalls.F_OK);
    Syscalls.access(path, Syscalls.R_OK);
    Syscalls.access(path, Syscalls.W_OK);
    Syscalls.access(dir, Syscalls.R_OK | Syscalls.W_OK | Syscalls.X_OK);
    fails(Errno.ENOENT, () -> Syscalls.access(dir.resolve("none"), Syscalls.F_OK));
    fails(Errno.ENOTDIR, () -> Syscalls.access(path.resolve("below"), Syscalls.F_OK));
  }

  @Test
  void mkdirAndRmdir() throws Exception {
    Path path = directory("d");
    assertEquals(Syscalls.S_IFDIR, Syscalls.stat(path).type());
    assertEquals(List.of(), Syscalls.names(path));
    fails(Errno.EEXIST, () -> Syscalls.mkdir(path));
    Syscalls.rmdir(path);
    assertFalse(exists(path));
    fails(Errno.ENOENT, () -> Syscalls.rmdir(path));
    Syscalls.mkdir(path);
    assertTrue(exists(path));
  }

  @Test
  void anUnlinkedFileThatIsOpenIsReadOn() throws Exception {
    byte[] content = randomBytes(MIB, 9);
    Path path = file("f", content);
    int fd = Syscalls.open(path, O_RDONLY);
    Syscalls.unlink(path);
    assertFalse(exists(path));
    assertArrayEquals(content, Syscalls.readAll(fd));
    assertEquals(content.length, Syscalls.fstat(fd).size());
    Syscalls.close(fd);
  }

  @Test
  void plainRenameReplaces() throws Exception {
    Path a = file("a", "a");
    Path b = file("b", "b");
    int reader = Syscalls.open(b, O_RDONLY);
    Syscalls.rename(a, b);
    assertFalse(exists(a));
    assertContent("a", b);
    assertArrayEquals(bytes("b"), Syscalls.readAll(reader));
    Syscalls.close(reader);
  }

  @Test
  void renameNoReplaceAndExchange() throws Exception {
    Path a = file("a", "a");
    Path b = file("b", "b");
    fails(
        Errno.EEXIST, () -> Syscalls.rename(a.toString(), b.toString(), Syscalls.RENAME_NOREPLACE));
    Syscalls.rename(a.toString(), dir.resolve("c").toString(), Syscalls.RENAME_NOREPLACE);
    assertContent("a", dir.resolve("c"));
    if (SharedMount.current().isOurs()) {
      fails(
          Unsupported.errnoOf("renameat2 RENAME_EXCHANGE"),
          () ->
              Syscalls.rename(b.toString(), dir.resolve("c").toString(), Syscalls.RENAME_EXCHANGE));
    }
    assertContent("b", b);
    assertContent("a", dir.resolve("c"));
  }

  @Test
  void aDirectoryDoesNotGoIntoItsChild() throws Exception {
    Path path = directory("d");
    directory("d/sub");
    fails(Errno.EINVAL, () -> Syscalls.rename(path, path.resolve("sub/x")));
    fails(Errno.EINVAL, () -> Syscalls.rename(path, path.resolve("x")));
  }

  @Test
  void hardLinksAreRefused() throws Exception {
    onlyOurs();
    Path path = file("f", "x");
    fails(Unsupported.errnoOf("link"), () -> Syscalls.link(path, dir.resolve("g")));
    assertFalse(exists(dir.resolve("g")));
  }

  @Test
  void symlinkAndReadlink() throws Exception {
    String target = "../some/where else/" + "z".repeat(1000);
    Syscalls.symlink(target, dir.resolve("l"));
    assertEquals(target, Syscalls.readlink(dir.resolve("l")));
    Syscalls.Stat stat = Syscalls.lstat(dir.resolve("l"));
    assertEquals(Syscalls.S_IFLNK, stat.type());
    assertEquals(target.length(), stat.size());
    assertEquals("../so", Syscalls.readlink(dir.resolve("l").toString(), 5));
  }

  @Test
  void specialFilesAreRefused() throws Exception {
    onlyOurs();
    fails(Unsupported.errnoOf("mkfifo"), () -> Syscalls.mkfifo(dir.resolve("fifo")));
    fails(
        Unsupported.errnoOf("mknod S_IFSOCK"),
        () -> Syscalls.mknod(dir.resolve("s"), Syscalls.S_IFSOCK | 0644, 0));
    fails(
        Unsupported.errnoOf("mknod S_IFCHR"),
        () -> Syscalls.mknod(dir.resolve("c"), Syscalls.S_IFCHR | 0644, 0x103));
    fails(
        Unsupported.errnoOf("mknod S_IFBLK"),
        () -> Syscalls.mknod(dir.resolve("b"), Syscalls.S_IFBLK | 0644, 0x700));
    assertEquals(List.of(), Syscalls.names(dir));
  }

  @Test
  void aTemporaryFileWithoutNameCanBeLinked() throws Exception {
    int fd = Syscalls.open(dir, O_RDWR | O_TMPFILE);
    Syscalls.write(fd, "made before it had a name");
    assertEquals(List.of(), Syscalls.names(dir));
    Syscalls.linkAt(
        Syscalls.AT_FDCWD,
        "/proc/self/fd/" + fd,
        dir.resolve("f").toString(),
        Syscalls.AT_SYMLINK_FOLLOW);
    Syscalls.close(fd);
    assertContent("made before it had a name", dir.resolve("f"));
    int forgotten = Syscalls.open(dir, O_RDWR | O_TMPFILE);
    Syscalls.write(forgotten, "never linked");
    Syscalls.close(forgotten);
    assertEquals(List.of("f"), Syscalls.names(dir));
  }

  @Test
  void extendedAttributesShowFactsAndAreReadOnly() throws Exception {
    onlyOurs();
    Path path = file("f", randomBytes(100_000, 10));
    String inode = Long.toHexString(Syscalls.stat(path).inode());
    assertTrue(attribute(path, "eggsfs.inode").contains(inode), attribute(path, "eggsfs.inode"));
    assertTrue(attribute(path, "eggsfs.spans").startsWith("0+100000 "));
    for (String policy : List.of("snapshot", "span", "block", "stripe")) {
      String ofFile = attribute(path, "eggsfs.policy." + policy);
      assertEquals(ofFile, attribute(dir, "eggsfs.policy." + policy));
      assertFalse(ofFile.isEmpty());
    }
    // Not listed: programs that copy attributes would try to set them elsewhere.
    assertEquals(List.of(), Syscalls.listxattr(path));
    assertEquals(List.of(), Syscalls.listxattr(dir));
    fails(Errno.ENODATA, () -> Syscalls.getxattr(path, "user.none"));
    fails(Errno.ENODATA, () -> Syscalls.getxattr(path, "eggsfs.none"));
    fails(Errno.ERANGE, () -> Syscalls.getxattr(path, "eggsfs.inode", 1));
    fails(Unsupported.errnoOf("setxattr"), () -> Syscalls.setxattr(path, "user.mine", bytes("x")));
    fails(
        Unsupported.errnoOf("setxattr"), () -> Syscalls.setxattr(path, "eggsfs.inode", bytes("x")));
    fails(Unsupported.errnoOf("removexattr"), () -> Syscalls.removexattr(path, "eggsfs.inode"));
  }

  private static String attribute(Path path, String name) throws Exception {
    return new String(Syscalls.getxattr(path, name), StandardCharsets.UTF_8);
  }

  @Test
  void locksAreLocal() throws Exception {
    Path path = file("f", "x");
    int first = Syscalls.open(path, O_RDONLY);
    int second = Syscalls.open(path, O_RDONLY);
    Syscalls.flock(first, Syscalls.LOCK_EX | Syscalls.LOCK_NB);
    fails(Errno.EAGAIN, () -> Syscalls.flock(second, Syscalls.LOCK_EX | Syscalls.LOCK_NB));
    Syscalls.flock(first, Syscalls.LOCK_UN);
    Syscalls.flock(second, Syscalls.LOCK_EX | Syscalls.LOCK_NB);
    Syscalls.close(first);
    Syscalls.close(second);
  }

  @Test
  void inotifySeesLocalChanges() throws Exception {
    try (WatchService watcher = dir.getFileSystem().newWatchService()) {
      dir.register(watcher, StandardWatchEventKinds.ENTRY_CREATE);
      file("f", "x");
      WatchKey key = watcher.poll(30, TimeUnit.SECONDS);
      assertNotEquals(null, key);
      assertEquals("f", key.pollEvents().getFirst().context().toString());
    }
  }

  @Test
  void readdirGivesEachNameOnce() throws Exception {
    for (int i = 0; i < 150; i++) {
      file("name-" + i, "");
    }
    int fd = Syscalls.open(dir, O_RDONLY | O_DIRECTORY);
    List<Syscalls.Entry> entries = Syscalls.getAllDents(fd, 300);
    Syscalls.close(fd);
    assertEquals(152, entries.size());
    assertEquals(152, new HashSet<>(entries.stream().map(Syscalls.Entry::name).toList()).size());
    for (Syscalls.Entry entry : entries) {
      if (entry.name().startsWith("name")) {
        assertEquals(Syscalls.Entry.REGULAR, entry.type());
        assertEquals(Syscalls.stat(dir.resolve(entry.name())).inode(), entry.inode());
      } else {
        assertEquals(Syscalls.Entry.DIRECTORY, entry.type());
      }
    }
  }

  @Test
  void telldirAndSeekdir() throws Exception {
    for (int i = 0; i < 60; i++) {
      file("name-" + i, "");
    }
    int fd = Syscalls.open(dir, O_RDONLY | O_DIRECTORY);
    List<Syscalls.Entry> all = Syscalls.getAllDents(fd, 512);
    for (int i : new int[] {0, 1, 2, 30, 60}) {
      Syscalls.lseek(fd, all.get(i).nextOffset(), Syscalls.SEEK_SET);
      assertEquals(all.subList(i + 1, all.size()), Syscalls.getAllDents(fd, 4096), "after " + i);
    }
    Syscalls.lseek(fd, 0, Syscalls.SEEK_SET);
    assertEquals(all, Syscalls.getAllDents(fd, 32_768));
    Syscalls.close(fd);
  }

  @Test
  void statfsGivesTheUsableCapacity() throws Exception {
    Syscalls.StatFs fs = Syscalls.statfs(dir);
    assertTrue(fs.blocks() > 0);
    assertTrue(fs.available() > 0 && fs.available() <= fs.blocks(), fs.toString());
    assertTrue(fs.free() <= fs.blocks(), fs.toString());
    assertEquals(255, fs.nameLength());
    assertTrue(fs.blockSize() >= 512, fs.toString());
  }

  @Test
  void programsOnTheMountRun() throws Exception {
    Files.copy(Path.of("/bin/true"), dir.resolve("program"));
    Path script = file("script", "#!/bin/sh\necho ran $1\n");
    if (!SharedMount.current().isOurs()) {
      Syscalls.chmod(script, 0755);
    }
    Shell shell = new Shell(dir);
    assertEquals("ran well\n", shell.bash("./script well").ok().output());
    shell.bash("./program").ok();
  }

  @Test
  void noAtimeFlagLeavesTheAccessTime() throws Exception {
    Path path = file("f", "read me");
    Syscalls.FileTime old = new Syscalls.FileTime(1_000_000_000, 5);
    Syscalls.utimens(path, old, Syscalls.OMIT);
    int fd = Syscalls.open(path, O_RDONLY | O_NOATIME);
    Syscalls.readAll(fd);
    Syscalls.close(fd);
    assertEquals(old, Syscalls.stat(path).atime());
  }
}
