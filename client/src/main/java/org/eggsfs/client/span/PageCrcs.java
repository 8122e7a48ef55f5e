package org.eggsfs.client.span;

import org.eggsfs.core.Crc32c;
import org.eggsfs.core.SpanLayout;

/**
 * Combines CRCs of whole pages into that of the bytes they form. Appending is linear in the CRC so
 * far, so for the one fixed length four table look-ups do what otherwise is a polynomial product;
 * the check of a cell from its pages then costs nothing against reading it.
 */
final class PageCrcs {
  /** CRC of a page of zeros. */
  static final int ZERO_PAGE = Crc32c.zeros(SpanLayout.PAGE);

  private static final int[][] SHIFTED = new int[4][256];

  static {
    for (int i = 0; i < 4; i++) {
      for (int value = 0; value < 256; value++) {
        SHIFTED[i][value] = Crc32c.append(value << (8 * i), 0, SpanLayout.PAGE);
      }
    }
  }

  private PageCrcs() {}

  /** CRC of what {@code crc} covers, followed by a page. */
  static int append(int crc, int pageCrc) {
    return SHIFTED[0][crc & 0xff]
        ^ SHIFTED[1][crc >>> 8 & 0xff]
        ^ SHIFTED[2][crc >>> 16 & 0xff]
        ^ SHIFTED[3][crc >>> 24]
        ^ pageCrc;
  }

  /** CRC of consecutive pages. */
  static int fold(int[] pageCrcs, int from, int to) {
    int crc = 0;
    for (int i = from; i < to; i++) {
      crc = append(crc, pageCrcs[i]);
    }
    return crc;
  }
}
