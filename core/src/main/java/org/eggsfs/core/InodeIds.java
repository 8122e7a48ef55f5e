package org.eggsfs.core;

import java.util.Locale;

/**
 * Inode ids (wire.md section 2.1): bits 62..61 type, bits 60..8 sequence number, bits 7..0 shard.
 * Bit 63 is zero except in an id "with extra", where it is a flag.
 */
public final class InodeIds {
  /** No inode. */
  public static final long NULL = 0;

  /** The root directory: type directory, sequence 0, shard 0. */
  public static final long ROOT = 0x2000_0000_0000_0000L;

  /** Type number of directories. */
  public static final int DIRECTORY = 1;

  /** Type number of files. */
  public static final int FILE = 2;

  /** Type number of symbolic links. */
  public static final int SYMLINK = 3;

  private static final int TYPE_SHIFT = 61;
  private static final long SEQUENCE_MAX = (1L << 53) - 2;
  private static final long EXTRA = Long.MIN_VALUE;

  private InodeIds() {}

  /** Whether the id is null or has a type, a legal sequence number and bit 63 clear. */
  public static boolean isValid(long id) {
    return id == NULL || (id > 0 && type(id) != 0 && sequence(id) <= SEQUENCE_MAX);
  }

  /** The type, 0..3; bit 63 is ignored. */
  public static int type(long id) {
    return (int) (id >>> TYPE_SHIFT) & 3;
  }

  /** The shard that stores the inode, 0..255. */
  public static int shard(long id) {
    return (int) id & 0xff;
  }

  /** The sequence number. */
  public static long sequence(long id) {
    return (id >>> 8) & ((1L << 53) - 1);
  }

  /** Builds an id. */
  public static long of(int type, long sequence, int shard) {
    return ((long) type << TYPE_SHIFT) | (sequence << 8) | shard;
  }

  /** Whether the id is of a directory. */
  public static boolean isDirectory(long id) {
    return type(id) == DIRECTORY;
  }

  /** Whether the id is of a file. */
  public static boolean isFile(long id) {
    return type(id) == FILE;
  }

  /** Whether the id is of a symbolic link. */
  public static boolean isSymlink(long id) {
    return type(id) == SYMLINK;
  }

  /** The id with bit 63 set to the flag. */
  public static long withExtra(long id, boolean extra) {
    return extra ? id | EXTRA : id & ~EXTRA;
  }

  /** The flag in bit 63. */
  public static boolean extra(long id) {
    return id < 0;
  }

  /** The id with bit 63 cleared. */
  public static long withoutExtra(long id) {
    return id & ~EXTRA;
  }

  /** Text form: 0x and 16 lower-case hex digits. */
  public static String format(long id) {
    return String.format(Locale.ROOT, "0x%016x", id);
  }

  /**
   * Reads decimal or 0x hex.
   *
   * @throws NumberFormatException if it is neither, or no valid id
   */
  public static long parse(String text) {
    long id =
        text.startsWith("0x") || text.startsWith("0X")
            ? Long.parseUnsignedLong(text.substring(2), 16)
            : Long.parseUnsignedLong(text);
    if (!isValid(id)) {
      throw new NumberFormatException("not an inode id: " + text);
    }
    return id;
  }
}
