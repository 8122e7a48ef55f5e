package org.eggsfs.fuse.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The answer to one READDIR or READDIRPLUS as it fills ({@code fuse_dirent}, {@code
 * fuse_direntplus}). To be used by one thread at a time; made by {@link FuseRequest#page}.
 */
public final class DirectoryPage {
  /** Types of directory entries, as in {@code dirent.d_type}. */
  public static final int DT_DIR = 4;

  /** A regular file. */
  public static final int DT_REG = 8;

  /** A symbolic link. */
  public static final int DT_LNK = 10;

  private final MemorySegment segment;
  private final long limit;
  private final boolean plus;
  private long used;

  DirectoryPage(MemorySegment segment, long limit, boolean plus) {
    this.segment = segment;
    this.used = Abi.OUT_HEADER_SIZE;
    this.limit = Abi.OUT_HEADER_SIZE + limit;
    this.plus = plus;
  }

  /** Whether entries carry attributes. */
  public boolean plus() {
    return plus;
  }

  /** Whether nothing has been added. */
  public boolean isEmpty() {
    return used == Abi.OUT_HEADER_SIZE;
  }

  /** Whether a name of that many bytes still fits. */
  public boolean fits(int nameLength) {
    return used + size(nameLength) <= limit;
  }

  private long size(int nameLength) {
    long header = plus ? Abi.DIRENTPLUS_HEADER_SIZE : Abi.DIRENT_HEADER_SIZE;
    long size = header + nameLength;
    return (size + Abi.DIRENT_ALIGN - 1) & -Abi.DIRENT_ALIGN;
  }

  /**
   * Adds an entry; it must fit.
   *
   * @param inode number shown to programs
   * @param next offset at which the listing goes on behind this entry
   * @param type one of the DT constants
   * @param entry what READDIRPLUS tells of the node; null for nothing, which does not count as a
   *     lookup
   */
  public void add(byte[] name, long inode, long next, int type, Entry entry) {
    long size = size(name.length);
    segment.asSlice(used, size).fill((byte) 0);
    long at = used;
    if (plus) {
      if (entry != null) {
        entry.put(segment, at);
      }
      at += Abi.ENTRY_OUT_SIZE;
    }
    segment.set(ValueLayout.JAVA_LONG_UNALIGNED, at, inode);
    segment.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 8, next);
    segment.set(ValueLayout.JAVA_INT_UNALIGNED, at + 16, name.length);
    segment.set(ValueLayout.JAVA_INT_UNALIGNED, at + 20, type);
    MemorySegment.copy(
        name, 0, segment, ValueLayout.JAVA_BYTE, at + Abi.DIRENT_HEADER_SIZE, name.length);
    used += size;
  }

  MemorySegment segment() {
    return segment;
  }

  long used() {
    return used;
  }
}
