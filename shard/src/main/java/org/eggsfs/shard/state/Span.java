package org.eggsfs.shard.state;

import java.util.List;

/**
 * One extent of a file (shard.md section 2.3).
 *
 * @param size logical bytes
 * @param crc of the logical bytes
 * @param body of an inline span, null for a span of blocks
 * @param locations of a span of blocks, each a whole copy; empty for an inline span
 */
record Span(long size, int crc, byte[] body, List<Location> locations) {
  /**
   * One copy of a span.
   *
   * @param services block service of each block
   * @param blocks id of each block
   * @param crcs CRC of each block
   * @param stripeCrcs CRC of the data cells of each stripe
   */
  record Location(
      int locationId,
      int storageClass,
      int parity,
      int stripes,
      long cellSize,
      long[] services,
      long[] blocks,
      int[] crcs,
      int[] stripeCrcs) {
    long blockSize() {
      return cellSize * stripes;
    }

    int count() {
      return blocks.length;
    }
  }

  static Span inline(long size, int crc, byte[] body) {
    return new Span(size, crc, body, List.of());
  }

  static Span ofBlocks(long size, int crc, List<Location> locations) {
    return new Span(size, crc, null, locations);
  }

  boolean isInline() {
    return body != null;
  }

  /** The copy at that site, or null. */
  Location at(int locationId) {
    for (Location location : locations) {
      if (location.locationId == locationId) {
        return location;
      }
    }
    return null;
  }

  /** All block ids, location by location. */
  long[] blockIds() {
    int count = 0;
    for (Location location : locations) {
      count += location.count();
    }
    long[] ids = new long[count];
    int done = 0;
    for (Location location : locations) {
      System.arraycopy(location.blocks, 0, ids, done, location.count());
      done += location.count();
    }
    return ids;
  }
}
