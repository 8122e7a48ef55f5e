package org.eggsfs.fuse.kernel;

/**
 * Numbers and layouts of the kernel's FUSE interface ({@code linux/fuse.h}), native byte order.
 * Offsets are named after structure and field; a test compares them with the compiler's where the
 * header is installed.
 */
public final class Abi {
  static final int MAJOR = 7;

  /** Older kernels lack what the file system relies on (READDIRPLUS, max_pages, explicit inval). */
  static final int MINOR_MIN = 31;

  static final int MINOR_MAX = 45;

  /** The node of the mount's root. */
  public static final long ROOT_NODE = 1;

  // Operations.
  static final int LOOKUP = 1;
  static final int FORGET = 2;
  static final int GETATTR = 3;
  static final int SETATTR = 4;
  static final int READLINK = 5;
  static final int SYMLINK = 6;
  static final int MKNOD = 8;
  static final int MKDIR = 9;
  static final int UNLINK = 10;
  static final int RMDIR = 11;
  static final int RENAME = 12;
  static final int LINK = 13;
  static final int OPEN = 14;
  static final int READ = 15;
  static final int WRITE = 16;
  static final int STATFS = 17;
  static final int RELEASE = 18;
  static final int FSYNC = 20;
  static final int SETXATTR = 21;
  static final int GETXATTR = 22;
  static final int LISTXATTR = 23;
  static final int REMOVEXATTR = 24;
  static final int FLUSH = 25;
  static final int INIT = 26;
  static final int OPENDIR = 27;
  static final int READDIR = 28;
  static final int RELEASEDIR = 29;
  static final int FSYNCDIR = 30;
  static final int ACCESS = 34;
  static final int CREATE = 35;
  static final int INTERRUPT = 36;
  static final int DESTROY = 38;
  static final int IOCTL = 39;
  static final int BATCH_FORGET = 42;
  static final int FALLOCATE = 43;
  static final int READDIRPLUS = 44;
  static final int RENAME2 = 45;
  static final int LSEEK = 46;
  static final int SYNCFS = 50;
  static final int TMPFILE = 51;

  // fuse_in_header, 40 bytes.
  static final int IN_HEADER_SIZE = 40;
  static final int IN_LEN = 0;
  static final int IN_OPCODE = 4;
  static final int IN_UNIQUE = 8;
  static final int IN_NODEID = 16;
  static final int IN_UID = 24;
  static final int IN_GID = 28;
  static final int IN_PID = 32;

  /** Length of extensions behind the body, in units of 8 bytes; 0 before 7.38. */
  static final int IN_TOTAL_EXTLEN = 36;

  // fuse_out_header, 16 bytes.
  static final int OUT_HEADER_SIZE = 16;
  static final int OUT_LEN = 0;
  static final int OUT_ERROR = 4;
  static final int OUT_UNIQUE = 8;

  // Fixed parts of request bodies.
  static final int GETATTR_IN_SIZE = 16;
  static final int SETATTR_IN_SIZE = 88;
  static final int MKNOD_IN_SIZE = 16;
  static final int MKDIR_IN_SIZE = 8;
  static final int RENAME_IN_SIZE = 8;
  static final int RENAME2_IN_SIZE = 16;
  static final int LINK_IN_SIZE = 8;
  static final int OPEN_IN_SIZE = 8;
  static final int CREATE_IN_SIZE = 16;
  static final int READ_IN_SIZE = 40;
  static final int WRITE_IN_SIZE = 40;
  static final int RELEASE_IN_SIZE = 24;
  static final int FLUSH_IN_SIZE = 24;
  static final int FSYNC_IN_SIZE = 16;
  static final int GETXATTR_IN_SIZE = 8;
  static final int ACCESS_IN_SIZE = 8;
  static final int INTERRUPT_IN_SIZE = 8;
  static final int FORGET_IN_SIZE = 8;
  static final int BATCH_FORGET_IN_SIZE = 8;
  static final int FORGET_ONE_SIZE = 16;
  static final int FALLOCATE_IN_SIZE = 32;
  static final int LSEEK_IN_SIZE = 24;

  /** Up to 7.35; from 7.36 on with FUSE_INIT_EXT 64 bytes. */
  static final int INIT_IN_SIZE_MIN = 16;

  static final int INIT_IN_FLAGS2 = 16;

  // Answers.
  static final int ATTR_SIZE = 88;
  static final int ENTRY_OUT_SIZE = 128;
  static final int ATTR_OUT_SIZE = 104;
  static final int OPEN_OUT_SIZE = 16;
  static final int WRITE_OUT_SIZE = 8;
  static final int STATFS_OUT_SIZE = 80;
  static final int GETXATTR_OUT_SIZE = 8;
  static final int LSEEK_OUT_SIZE = 8;
  static final int INIT_OUT_SIZE = 64;
  static final int DIRENT_HEADER_SIZE = 24;
  static final int DIRENTPLUS_HEADER_SIZE = ENTRY_OUT_SIZE + DIRENT_HEADER_SIZE;
  static final int DIRENT_ALIGN = 8;

  // Flags of INIT; those from bit 32 on travel in flags2.
  static final long INIT_ASYNC_READ = 1L << 0;
  static final long INIT_ATOMIC_O_TRUNC = 1L << 3;
  static final long INIT_BIG_WRITES = 1L << 5;
  static final long INIT_DO_READDIRPLUS = 1L << 13;
  static final long INIT_READDIRPLUS_AUTO = 1L << 14;
  static final long INIT_ASYNC_DIO = 1L << 15;
  static final long INIT_PARALLEL_DIROPS = 1L << 18;
  static final long INIT_MAX_PAGES = 1L << 22;
  static final long INIT_CACHE_SYMLINKS = 1L << 23;
  static final long INIT_EXPLICIT_INVAL_DATA = 1L << 25;
  static final long INIT_HANDLE_KILLPRIV_V2 = 1L << 28;
  static final long INIT_INIT_EXT = 1L << 30;
  static final long INIT_OVER_IO_URING = 1L << 41;

  // What OPEN, CREATE and OPENDIR may answer.
  /** Do not use the page cache. */
  public static final int FOPEN_DIRECT_IO = 1;

  /** Pages of an earlier open are still right. */
  public static final int FOPEN_KEEP_CACHE = 1 << 1;

  /** The kernel may keep the listing. */
  public static final int FOPEN_CACHE_DIR = 1 << 3;

  /** No FLUSH when a descriptor is closed. */
  public static final int FOPEN_NOFLUSH = 1 << 5;

  // Valid bits of SETATTR.
  public static final int FATTR_MODE = 1;
  public static final int FATTR_UID = 1 << 1;
  public static final int FATTR_GID = 1 << 2;
  public static final int FATTR_SIZE = 1 << 3;
  public static final int FATTR_ATIME = 1 << 4;
  public static final int FATTR_MTIME = 1 << 5;
  public static final int FATTR_FH = 1 << 6;

  static final int GETATTR_FH = 1;
  static final int WRITE_CACHE = 1;

  // Notifications.
  static final int NOTIFY_INVAL_INODE = 2;
  static final int NOTIFY_INVAL_ENTRY = 3;

  /** {@code ioctl(fd, FUSE_DEV_IOC_CLONE, &other)}: a second queue of the same connection. */
  static final long DEV_IOC_CLONE = 0x8004e500L;

  // File types in modes.
  public static final int S_IFMT = 0xf000;
  public static final int S_IFDIR = 0x4000;
  public static final int S_IFREG = 0x8000;
  public static final int S_IFLNK = 0xa000;

  // Flags of open(2).
  public static final int O_ACCMODE = 3;
  public static final int O_RDONLY = 0;
  public static final int O_WRONLY = 1;
  public static final int O_RDWR = 2;
  public static final int O_EXCL = 0x80;
  public static final int O_TRUNC = 0x200;
  public static final int O_APPEND = 0x400;
  public static final int O_NOATIME = 0x40000;

  // Flags of renameat2(2).
  public static final int RENAME_NOREPLACE = 1;
  public static final int RENAME_EXCHANGE = 2;

  // lseek(2).
  public static final int SEEK_DATA = 3;
  public static final int SEEK_HOLE = 4;

  // fallocate(2).
  public static final int FALLOC_FL_KEEP_SIZE = 1;

  private Abi() {}
}
