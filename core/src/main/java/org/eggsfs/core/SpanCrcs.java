package org.eggsfs.core;

/**
 * Checksums derived from the CRCs of a span's cells without touching data (wire.md section 8,
 * shard.md section 11.4). Cell CRCs are row-major: stripe, then block.
 */
public final class SpanCrcs {
  private SpanCrcs() {}

  /** The CRC of each block: its cells over all stripes. */
  public static int[] blockCrcs(int[] cellCrcs, int blocks, long cellSize) {
    int[] result = new int[blocks];
    for (int i = 0; i < cellCrcs.length; i++) {
      int block = i % blocks;
      result[block] = Crc32c.append(result[block], cellCrcs[i], cellSize);
    }
    return result;
  }

  /** The CRC of each stripe: its data cells. */
  public static int[] stripeCrcs(int[] cellCrcs, int blocks, int dataBlocks, long cellSize) {
    int[] result = new int[cellCrcs.length / blocks];
    for (int stripe = 0; stripe < result.length; stripe++) {
      for (int d = 0; d < dataBlocks; d++) {
        result[stripe] = Crc32c.append(result[stripe], cellCrcs[stripe * blocks + d], cellSize);
      }
    }
    return result;
  }

  /** The CRC of the span's {@code size} logical bytes. */
  public static int spanCrc(int[] stripeCrcs, int dataBlocks, long cellSize, long size) {
    long stripeSize = dataBlocks * cellSize;
    int crc = 0;
    for (int stripeCrc : stripeCrcs) {
      crc = Crc32c.append(crc, stripeCrc, stripeSize);
    }
    return Crc32c.zeroExtend(crc, size - stripeCrcs.length * stripeSize);
  }

  /**
   * Whether the cell CRCs fit each other and the span's CRC: mirrors equal, the first parity the
   * xor of the data, the whole equal to {@code spanCrc}. The arguments must be in range and {@code
   * cellCrcs} must have stripes × blocks elements.
   */
  public static boolean areConsistent(
      int[] cellCrcs, int parity, int stripes, long cellSize, long size, int spanCrc) {
    int dataBlocks = Parity.data(parity);
    int blocks = Parity.blocks(parity);
    // Each xor of two strings leaves the CRC of as many zeros; pairs of them cancel.
    int correction = dataBlocks % 2 == 0 ? Crc32c.zeros(cellSize) : 0;
    for (int stripe = 0; stripe < stripes; stripe++) {
      int row = stripe * blocks;
      if (dataBlocks == 1) {
        for (int b = 1; b < blocks; b++) {
          if (cellCrcs[row + b] != cellCrcs[row]) {
            return false;
          }
        }
      } else if (blocks > dataBlocks) {
        int xor = correction;
        for (int d = 0; d < dataBlocks; d++) {
          xor ^= cellCrcs[row + d];
        }
        if (xor != cellCrcs[row + dataBlocks]) {
          return false;
        }
      }
    }
    // 64-bit lengths: stripes of 15 cells of 100 MiB pass 32 bits (shard.md section 11.4).
    int[] stripeCrcs = stripeCrcs(cellCrcs, blocks, dataBlocks, cellSize);
    return spanCrc(stripeCrcs, dataBlocks, cellSize, size) == spanCrc;
  }
}
