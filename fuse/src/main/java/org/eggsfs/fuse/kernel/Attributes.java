package org.eggsfs.fuse.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What stat(2) says of a node ({@code fuse_attr}). Times are nanoseconds since 1970.
 *
 * @param inode number shown to programs
 * @param size in bytes
 * @param mtimeNanos last change of the contents
 * @param atimeNanos last access
 * @param ctimeNanos last change of the node
 * @param mode type and permissions
 * @param links number of names
 * @param uid owner
 * @param gid group
 * @param blockSize preferred size of reads and writes
 */
public record Attributes(
    long inode,
    long size,
    long mtimeNanos,
    long atimeNanos,
    long ctimeNanos,
    int mode,
    int links,
    int uid,
    int gid,
    int blockSize) {
  private static final long NANOS = 1_000_000_000L;
  private static final int SECTOR = 512;

  void put(MemorySegment out, long at) {
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at, inode);
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 8, size);
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 16, size / SECTOR + (size % SECTOR == 0 ? 0 : 1));
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 24, Math.floorDiv(atimeNanos, NANOS));
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 32, Math.floorDiv(mtimeNanos, NANOS));
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 40, Math.floorDiv(ctimeNanos, NANOS));
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 48, (int) Math.floorMod(atimeNanos, NANOS));
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 52, (int) Math.floorMod(mtimeNanos, NANOS));
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 56, (int) Math.floorMod(ctimeNanos, NANOS));
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 60, mode);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 64, links);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 68, uid);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 72, gid);
    // 76: device number; 84: flags.
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 80, blockSize);
  }
}
