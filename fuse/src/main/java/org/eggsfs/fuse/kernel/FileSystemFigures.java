package org.eggsfs.fuse.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What statfs(2) says ({@code fuse_kstatfs}).
 *
 * @param blocks capacity in units of blockSize
 * @param blocksFree free
 * @param blocksAvailable free to everybody
 * @param files most inodes
 * @param filesFree inodes that can still be made
 * @param blockSize the unit
 * @param nameLengthMax longest name in bytes
 */
public record FileSystemFigures(
    long blocks,
    long blocksFree,
    long blocksAvailable,
    long files,
    long filesFree,
    int blockSize,
    int nameLengthMax) {
  void put(MemorySegment out, long at) {
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at, blocks);
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 8, blocksFree);
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 16, blocksAvailable);
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 24, files);
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 32, filesFree);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 40, blockSize);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 44, nameLengthMax);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 48, blockSize);
  }
}
