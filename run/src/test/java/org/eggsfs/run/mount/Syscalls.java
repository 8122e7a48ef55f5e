package org.eggsfs.run.mount;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * System calls of Linux on x86-64, one method each, without anything that Java's own file classes
 * put around them. A call that fails throws {@link SyscallException} with the error number's name.
 *
 * <p>A mount that is served by this same process must never be touched by a page fault in Java
 * code: the thread would wait for the server inside what the garbage collector takes for running
 * code. Mapped memory is therefore only read through {@link #readMapped}, which is a foreign call.
 */
final class Syscalls {
  static final int AT_FDCWD = -100;
  static final int AT_SYMLINK_NOFOLLOW = 0x100;
  static final int AT_REMOVEDIR = 0x200;
  static final int AT_SYMLINK_FOLLOW = 0x400;
  static final int AT_EMPTY_PATH = 0x1000;

  static final int O_RDONLY = 0;
  static final int O_WRONLY = 1;
  static final int O_RDWR = 2;
  static final int O_CREAT = 0x40;
  static final int O_EXCL = 0x80;
  static final int O_TRUNC = 0x200;
  static final int O_APPEND = 0x400;
  static final int O_DIRECT = 0x4000;
  static final int O_DIRECTORY = 0x10000;
  static final int O_NOFOLLOW = 0x20000;
  static final int O_NOATIME = 0x40000;
  static final int O_CLOEXEC = 0x80000;
  static final int O_PATH = 0x200000;
  static final int O_TMPFILE = 0x400000 | O_DIRECTORY;

  static final int SEEK_SET = 0;
  static final int SEEK_CUR = 1;
  static final int SEEK_END = 2;
  static final int SEEK_DATA = 3;
  static final int SEEK_HOLE = 4;

  static final int RENAME_NOREPLACE = 1;
  static final int RENAME_EXCHANGE = 2;
  static final int RENAME_WHITEOUT = 4;

  static final int FALLOC_FL_KEEP_SIZE = 1;
  static final int FALLOC_FL_PUNCH_HOLE = 2;

  static final int R_OK = 4;
  static final int W_OK = 2;
  static final int X_OK = 1;
  static final int F_OK = 0;

  static final int S_IFMT = 0xF000;
  static final int S_IFSOCK = 0xC000;
  static final int S_IFLNK = 0xA000;
  static final int S_IFREG = 0x8000;
  static final int S_IFBLK = 0x6000;
  static final int S_IFDIR = 0x4000;
  static final int S_IFCHR = 0x2000;
  static final int S_IFIFO = 0x1000;

  static final int PROT_READ = 1;
  static final int PROT_WRITE = 2;
  static final int MAP_SHARED = 1;
  static final int MAP_PRIVATE = 2;

  static final int LOCK_EX = 2;
  static final int LOCK_NB = 4;
  static final int LOCK_UN = 8;

  static final int F_GETFL = 3;

  /** A file time that utimensat takes for "leave it". */
  static final FileTime OMIT = new FileTime(0, 0x3FFFFFFE);

  /** A file time that utimensat takes for "the current time". */
  static final FileTime NOW = new FileTime(0, 0x3FFFFFFF);

  private static final int STATX_BASIC_STATS = 0x7ff;
  private static final int STATX_BYTES = 256;

  /** Seconds since 1970 and nanoseconds. */
  record FileTime(long seconds, long nanos) {}

  /** What statx says. */
  record Stat(
      int mode,
      int nlink,
      int uid,
      int gid,
      long inode,
      long size,
      long blocks,
      int blockSize,
      FileTime atime,
      FileTime mtime,
      FileTime ctime,
      long device) {
    int type() {
      return mode & S_IFMT;
    }

    int permissions() {
      return mode & 07777;
    }
  }

  /** What statfs says. */
  record StatFs(
      long type,
      long blockSize,
      long blocks,
      long free,
      long available,
      long files,
      long filesFree,
      long nameLength,
      long fragmentSize) {}

  /** One name of a directory, with the offset at which the next one begins. */
  record Entry(long inode, long nextOffset, int type, String name) {
    static final int DIRECTORY = 4;
    static final int REGULAR = 8;
    static final int SYMLINK = 10;
  }

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final AddressLayout POINTER = ValueLayout.ADDRESS;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final long ERRNO_OFFSET =
      Linker.Option.captureStateLayout().byteOffset(MemoryLayout.PathElement.groupElement("errno"));

  private static final Call OPENAT = variadic("openat", 3, INT, INT, POINTER, INT, INT);
  private static final Call CREAT = call("creat", INT, POINTER, INT);
  private static final Call CLOSE = call("close", INT, INT);
  private static final Call DUP = call("dup", INT, INT);
  private static final Call DUP2 = call("dup2", INT, INT, INT);
  private static final Call READ = call("read", LONG, INT, POINTER, LONG);
  private static final Call PREAD = call("pread", LONG, INT, POINTER, LONG, LONG);
  private static final Call WRITE = call("write", LONG, INT, POINTER, LONG);
  private static final Call PWRITE = call("pwrite", LONG, INT, POINTER, LONG, LONG);
  private static final Call LSEEK = call("lseek", LONG, INT, LONG, INT);
  private static final Call FSYNC = call("fsync", INT, INT);
  private static final Call FDATASYNC = call("fdatasync", INT, INT);
  private static final Call SYNCFS = call("syncfs", INT, INT);
  private static final Call SYNC_FILE_RANGE = call("sync_file_range", INT, INT, LONG, LONG, INT);
  private static final Call TRUNCATE = call("truncate", INT, POINTER, LONG);
  private static final Call FTRUNCATE = call("ftruncate", INT, INT, LONG);
  private static final Call FALLOCATE = call("fallocate", INT, INT, INT, LONG, LONG);
  private static final Call COPY_FILE_RANGE =
      call("copy_file_range", LONG, INT, POINTER, INT, POINTER, LONG, INT);
  private static final Call SENDFILE = call("sendfile", LONG, INT, INT, POINTER, LONG);
  private static final Call RENAMEAT2 = call("renameat2", INT, INT, POINTER, INT, POINTER, INT);
  private static final Call LINKAT = call("linkat", INT, INT, POINTER, INT, POINTER, INT);
  private static final Call UNLINKAT = call("unlinkat", INT, INT, POINTER, INT);
  private static final Call UNLINK = call("unlink", INT, POINTER);
  private static final Call RMDIR = call("rmdir", INT, POINTER);
  private static final Call MKDIR = call("mkdir", INT, POINTER, INT);
  private static final Call MKNOD = call("mknod", INT, POINTER, INT, LONG);
  private static final Call MKFIFO = call("mkfifo", INT, POINTER, INT);
  private static final Call SYMLINK = call("symlink", INT, POINTER, POINTER);
  private static final Call READLINK = call("readlink", LONG, POINTER, POINTER, LONG);
  private static final Call CHMOD = call("chmod", INT, POINTER, INT);
  private static final Call FCHMOD = call("fchmod", INT, INT, INT);
  private static final Call FCHOWNAT = call("fchownat", INT, INT, POINTER, INT, INT, INT);
  private static final Call UTIMENSAT = call("utimensat", INT, INT, POINTER, POINTER, INT);
  private static final Call FUTIMENS = call("futimens", INT, INT, POINTER);
  private static final Call FACCESSAT = call("faccessat", INT, INT, POINTER, INT, INT);
  private static final Call STATX = call("statx", INT, INT, POINTER, INT, INT, POINTER);
  private static final Call STATFS = call("statfs", INT, POINTER, POINTER);
  private static final Call GETDENTS = call("getdents64", LONG, INT, POINTER, LONG);
  private static final Call MMAP = call("mmap", LONG, POINTER, LONG, INT, INT, INT, LONG);
  private static final Call MUNMAP = call("munmap", INT, LONG, LONG);
  private static final Call MEMCPY = call("memcpy", LONG, POINTER, LONG, LONG);
  private static final Call GETXATTR = call("lgetxattr", LONG, POINTER, POINTER, POINTER, LONG);
  private static final Call LISTXATTR = call("llistxattr", LONG, POINTER, POINTER, LONG);
  private static final Call SETXATTR = call("lsetxattr", INT, POINTER, POINTER, POINTER, LONG, INT);
  private static final Call REMOVEXATTR = call("lremovexattr", INT, POINTER, POINTER);
  private static final Call FCNTL = variadic("fcntl", 2, INT, INT, INT, LONG);
  private static final Call FLOCK = call("flock", INT, INT, INT);
  private static final Call UMASK = call("umask", INT, INT);

  private Syscalls() {}

  // Opening and closing.

  static int open(Path path, int flags) throws SyscallException {
    return open(path.toString(), flags, 0644);
  }

  static int open(String path, int flags, int mode) throws SyscallException {
    return openAt(AT_FDCWD, path, flags, mode);
  }

  /** Descriptors are not inherited by programs that a test starts, unless it says so itself. */
  static int openAt(int directory, String path, int flags, int mode) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      return (int) OPENAT.run(arena, directory, text(arena, path), flags | O_CLOEXEC, mode);
    }
  }

  static int creat(Path path, int mode) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      return (int) CREAT.run(arena, text(arena, path.toString()), mode);
    }
  }

  static void close(int fd) throws SyscallException {
    plain(CLOSE, fd);
  }

  static int dup(int fd) throws SyscallException {
    return (int) plain(DUP, fd);
  }

  static int dup2(int fd, int onto) throws SyscallException {
    return (int) plain(DUP2, fd, onto);
  }

  // Bytes.

  static byte[] read(int fd, int length) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(Math.max(length, 1));
      long got = READ.run(arena, fd, buffer, (long) length);
      return buffer.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  static byte[] pread(int fd, int length, long offset) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      // Aligned, as reads that bypass the page cache want it.
      MemorySegment buffer = arena.allocate(Math.max(length, 1), 4096);
      long got = PREAD.run(arena, fd, buffer, (long) length, offset);
      return buffer.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /** Reads to the end of the file. */
  static byte[] readAll(int fd) throws SyscallException {
    byte[] all = new byte[0];
    for (byte[] part = read(fd, 1 << 20); part.length > 0; part = read(fd, 1 << 20)) {
      int before = all.length;
      all = Arrays.copyOf(all, before + part.length);
      System.arraycopy(part, 0, all, before, part.length);
    }
    return all;
  }

  static long write(int fd, byte[] bytes) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      return WRITE.run(arena, fd, copy(arena, bytes), (long) bytes.length);
    }
  }

  static long write(int fd, String text) throws SyscallException {
    return write(fd, text.getBytes(StandardCharsets.UTF_8));
  }

  static long pwrite(int fd, byte[] bytes, long offset) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      return PWRITE.run(arena, fd, copy(arena, bytes), (long) bytes.length, offset);
    }
  }

  static long lseek(int fd, long offset, int whence) throws SyscallException {
    return plain(LSEEK, fd, offset, whence);
  }

  static void fsync(int fd) throws SyscallException {
    plain(FSYNC, fd);
  }

  static void fdatasync(int fd) throws SyscallException {
    plain(FDATASYNC, fd);
  }

  static void syncfs(int fd) throws SyscallException {
    plain(SYNCFS, fd);
  }

  static void syncFileRange(int fd, long offset, long length) throws SyscallException {
    plain(SYNC_FILE_RANGE, fd, offset, length, 7);
  }

  static void truncate(String path, long size) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      TRUNCATE.run(arena, text(arena, path), size);
    }
  }

  static void ftruncate(int fd, long size) throws SyscallException {
    plain(FTRUNCATE, fd, size);
  }

  static void fallocate(int fd, int mode, long offset, long length) throws SyscallException {
    plain(FALLOCATE, fd, mode, offset, length);
  }

  /** Copies at the descriptors' positions. */
  static long copyFileRange(int from, int to, long length) throws SyscallException {
    return plain(COPY_FILE_RANGE, from, MemorySegment.NULL, to, MemorySegment.NULL, length, 0);
  }

  static long sendfile(int to, int from, long length) throws SyscallException {
    return plain(SENDFILE, to, from, MemorySegment.NULL, length);
  }

  // Names.

  static void rename(Path from, Path to) throws SyscallException {
    rename(from.toString(), to.toString(), 0);
  }

  static void rename(String from, String to, int flags) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      RENAMEAT2.run(arena, AT_FDCWD, text(arena, from), AT_FDCWD, text(arena, to), flags);
    }
  }

  static void link(Path from, Path to) throws SyscallException {
    linkAt(AT_FDCWD, from.toString(), to.toString(), 0);
  }

  static void linkAt(int directory, String from, String to, int flags) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      LINKAT.run(arena, directory, text(arena, from), AT_FDCWD, text(arena, to), flags);
    }
  }

  static void unlink(Path path) throws SyscallException {
    unlink(path.toString());
  }

  static void unlink(String path) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      UNLINK.run(arena, text(arena, path));
    }
  }

  static void unlinkAt(int directory, String path, int flags) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      UNLINKAT.run(arena, directory, text(arena, path), flags);
    }
  }

  static void rmdir(Path path) throws SyscallException {
    rmdir(path.toString());
  }

  static void rmdir(String path) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      RMDIR.run(arena, text(arena, path));
    }
  }

  static void mkdir(Path path) throws SyscallException {
    mkdir(path.toString());
  }

  static void mkdir(String path) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      MKDIR.run(arena, text(arena, path), 0755);
    }
  }

  static void mknod(Path path, int mode, long device) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      MKNOD.run(arena, text(arena, path.toString()), mode, device);
    }
  }

  static void mkfifo(Path path) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      MKFIFO.run(arena, text(arena, path.toString()), 0644);
    }
  }

  static void symlink(String target, Path path) throws SyscallException {
    symlink(target, path.toString());
  }

  static void symlink(String target, String path) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      SYMLINK.run(arena, text(arena, target), text(arena, path));
    }
  }

  static String readlink(Path path) throws SyscallException {
    return readlink(path.toString(), 8192);
  }

  static String readlink(String path, int length) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(Math.max(length, 1));
      long got = READLINK.run(arena, text(arena, path), buffer, (long) length);
      return new String(
          buffer.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }
  }

  // Attributes.

  static void chmod(Path path, int mode) throws SyscallException {
    chmod(path.toString(), mode);
  }

  static void chmod(String path, int mode) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      CHMOD.run(arena, text(arena, path), mode);
    }
  }

  static void fchmod(int fd, int mode) throws SyscallException {
    plain(FCHMOD, fd, mode);
  }

  /** Changes the owner of the name itself; −1 leaves an id. */
  static void chown(Path path, int uid, int gid) throws SyscallException {
    chown(path.toString(), uid, gid);
  }

  static void chown(String path, int uid, int gid) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      FCHOWNAT.run(arena, AT_FDCWD, text(arena, path), uid, gid, AT_SYMLINK_NOFOLLOW);
    }
  }

  /** Sets the times of the name itself. */
  static void utimens(Path path, FileTime atime, FileTime mtime) throws SyscallException {
    utimensAt(AT_FDCWD, path.toString(), atime, mtime, AT_SYMLINK_NOFOLLOW);
  }

  static void utimensAt(int directory, String path, FileTime atime, FileTime mtime, int flags)
      throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      UTIMENSAT.run(arena, directory, text(arena, path), times(arena, atime, mtime), flags);
    }
  }

  /** Sets the times of an open file. */
  static void futimens(int fd, FileTime atime, FileTime mtime) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      FUTIMENS.run(arena, fd, times(arena, atime, mtime));
    }
  }

  private static MemorySegment times(Arena arena, FileTime atime, FileTime mtime) {
    MemorySegment times = arena.allocate(32, 8);
    times.set(LONG, 0, atime.seconds());
    times.set(LONG, 8, atime.nanos());
    times.set(LONG, 16, mtime.seconds());
    times.set(LONG, 24, mtime.nanos());
    return times;
  }

  static void access(Path path, int mode) throws SyscallException {
    access(path.toString(), mode);
  }

  static void access(String path, int mode) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      FACCESSAT.run(arena, AT_FDCWD, text(arena, path), mode, 0);
    }
  }

  static Stat stat(Path path) throws SyscallException {
    return statAt(AT_FDCWD, path.toString(), 0);
  }

  static Stat lstat(Path path) throws SyscallException {
    return statAt(AT_FDCWD, path.toString(), AT_SYMLINK_NOFOLLOW);
  }

  static Stat fstat(int fd) throws SyscallException {
    return statAt(fd, "", AT_EMPTY_PATH);
  }

  static Stat statAt(int directory, String path, int flags) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment s = arena.allocate(STATX_BYTES, 8);
      STATX.run(arena, directory, text(arena, path), flags, STATX_BASIC_STATS, s);
      return new Stat(
          s.get(ValueLayout.JAVA_SHORT, 28) & 0xffff,
          s.get(INT, 16),
          s.get(INT, 20),
          s.get(INT, 24),
          s.get(LONG, 32),
          s.get(LONG, 40),
          s.get(LONG, 48),
          s.get(INT, 4),
          time(s, 64),
          time(s, 112),
          time(s, 96),
          ((long) s.get(INT, 136) << 32) | s.get(INT, 140));
    }
  }

  private static FileTime time(MemorySegment statx, long offset) {
    return new FileTime(statx.get(LONG, offset), statx.get(INT, offset + 8));
  }

  static StatFs statfs(Path path) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment s = arena.allocate(120, 8);
      STATFS.run(arena, text(arena, path.toString()), s);
      return new StatFs(
          s.get(LONG, 0),
          s.get(LONG, 8),
          s.get(LONG, 16),
          s.get(LONG, 24),
          s.get(LONG, 32),
          s.get(LONG, 40),
          s.get(LONG, 48),
          s.get(LONG, 64),
          s.get(LONG, 72));
    }
  }

  // Directories.

  /** One getdents64; nothing at the end of the directory. */
  static List<Entry> getdents(int fd, int bufferBytes) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(bufferBytes, 8);
      long got = GETDENTS.run(arena, fd, buffer, (long) bufferBytes);
      List<Entry> entries = new ArrayList<>();
      long at = 0;
      while (at < got) {
        int length = buffer.get(ValueLayout.JAVA_SHORT, at + 16) & 0xffff;
        entries.add(
            new Entry(
                buffer.get(LONG, at),
                buffer.get(LONG, at + 8),
                buffer.get(ValueLayout.JAVA_BYTE, at + 18),
                buffer.getString(at + 19, StandardCharsets.UTF_8)));
        at += length;
      }
      return entries;
    }
  }

  /** All of a directory from the descriptor's position, in the order given. */
  static List<Entry> getAllDents(int fd, int bufferBytes) throws SyscallException {
    List<Entry> all = new ArrayList<>();
    for (List<Entry> part = getdents(fd, bufferBytes);
        !part.isEmpty();
        part = getdents(fd, bufferBytes)) {
      all.addAll(part);
    }
    return all;
  }

  /** The names of a directory in order, without {@code .} and {@code ..}. */
  static List<String> names(Path directory) throws SyscallException {
    int fd = open(directory, O_RDONLY | O_DIRECTORY);
    try {
      return getAllDents(fd, 32_768).stream()
          .map(Entry::name)
          .filter(name -> !name.equals(".") && !name.equals(".."))
          .sorted()
          .toList();
    } finally {
      close(fd);
    }
  }

  // Memory.

  static long mmap(int fd, long length, int protection, int flags) throws SyscallException {
    return plain(MMAP, MemorySegment.NULL, length, protection, flags, fd, 0L);
  }

  static void munmap(long address, long length) throws SyscallException {
    plain(MUNMAP, address, length);
  }

  /** Copies out of mapped memory, outside of Java code. */
  static byte[] readMapped(long address, int length) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(length);
      MEMCPY.runUnchecked(arena, buffer, address, (long) length);
      return buffer.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  // Extended attributes, of the name itself.

  static byte[] getxattr(Path path, String name) throws SyscallException {
    return getxattr(path, name, 65_536);
  }

  static byte[] getxattr(Path path, String name, int bufferBytes) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(bufferBytes);
      long got =
          GETXATTR.run(
              arena, text(arena, path.toString()), text(arena, name), buffer, (long) bufferBytes);
      return buffer.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  static List<String> listxattr(Path path) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(65_536);
      long got = LISTXATTR.run(arena, text(arena, path.toString()), buffer, 65_536L);
      List<String> names = new ArrayList<>();
      for (long at = 0; at < got; ) {
        String name = buffer.getString(at, StandardCharsets.UTF_8);
        names.add(name);
        at += name.getBytes(StandardCharsets.UTF_8).length + 1L;
      }
      return names;
    }
  }

  static void setxattr(Path path, String name, byte[] value) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      SETXATTR.run(
          arena,
          text(arena, path.toString()),
          text(arena, name),
          copy(arena, value),
          (long) value.length,
          0);
    }
  }

  static void removexattr(Path path, String name) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      REMOVEXATTR.run(arena, text(arena, path.toString()), text(arena, name));
    }
  }

  // Locks and flags.

  static int getFlags(int fd) throws SyscallException {
    return (int) plain(FCNTL, fd, F_GETFL, 0L);
  }

  static void flock(int fd, int operation) throws SyscallException {
    plain(FLOCK, fd, operation);
  }

  /** Sets the umask of the whole process and returns the one before. */
  static int umask(int mask) throws SyscallException {
    return (int) plain(UMASK, mask);
  }

  // How a call is made.

  private static MemorySegment text(Arena arena, String string) {
    return arena.allocateFrom(string, StandardCharsets.UTF_8);
  }

  private static MemorySegment copy(Arena arena, byte[] bytes) {
    MemorySegment segment = arena.allocate(Math.max(bytes.length, 1));
    MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
    return segment;
  }

  private static long plain(Call call, Object... arguments) throws SyscallException {
    try (Arena arena = Arena.ofConfined()) {
      return call.run(arena, arguments);
    }
  }

  private static Call call(String name, MemoryLayout result, MemoryLayout... arguments) {
    return new Call(name, result, arguments);
  }

  private static Call variadic(
      String name, int firstVariadic, MemoryLayout result, MemoryLayout... arguments) {
    return new Call(name, result, arguments, Linker.Option.firstVariadicArg(firstVariadic));
  }

  /** One function of the C library. */
  private static final class Call {
    private final String name;
    private final MethodHandle handle;

    Call(String name, MemoryLayout result, MemoryLayout[] arguments, Linker.Option... options) {
      this.name = name;
      Linker.Option[] all = Arrays.copyOf(options, options.length + 1);
      all[options.length] = Linker.Option.captureCallState("errno");
      this.handle =
          LINKER.downcallHandle(
              LINKER.defaultLookup().findOrThrow(name),
              FunctionDescriptor.of(result, arguments),
              all);
    }

    long run(SegmentAllocator allocator, Object... arguments) throws SyscallException {
      MemorySegment state = allocator.allocate(Linker.Option.captureStateLayout());
      long result = invoke(state, arguments);
      if (result == -1) {
        throw new SyscallException(name, Errno.of(state.get(INT, ERRNO_OFFSET)));
      }
      return result;
    }

    /** For functions that cannot fail. */
    void runUnchecked(SegmentAllocator allocator, Object... arguments) {
      invoke(allocator.allocate(Linker.Option.captureStateLayout()), arguments);
    }

    private long invoke(MemorySegment state, Object... arguments) {
      Object[] all = new Object[arguments.length + 1];
      all[0] = state;
      System.arraycopy(arguments, 0, all, 1, arguments.length);
      try {
        return ((Number) handle.invokeWithArguments(all)).longValue();
      } catch (Throwable e) {
        throw new LinkageError(name, e);
      }
    }
  }
}
