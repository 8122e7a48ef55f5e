package org.eggsfs.client.span;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.ReedSolomon;

/**
 * The last resort for stripes whose pages are intact but do not add up: some block holds the pages
 * of another one (client.md section 8.3 item 4). Tries combinations of D blocks until the stripe
 * has its CRC, at most 1,001 for (10,4).
 */
final class StripePuzzle {
  /** Wider codes have too many combinations to try them all. */
  private static final int TRIES_MAX = 20_000;

  private final RangeRead read;
  private final int dataBlocks;
  private final int cellSize;
  private int tries;

  StripePuzzle(RangeRead read) {
    this.read = read;
    this.dataBlocks = read.layout().dataBlocks();
    this.cellSize = (int) read.layout().cellSize();
  }

  /**
   * Puts the right data into the window.
   *
   * @throws IOException if no combination of the blocks that can be had gives a stripe its CRC
   */
  void solve(List<Integer> stripes) throws IOException {
    List<Integer> here = read.fetchEverything();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment[] out = new MemorySegment[dataBlocks];
      for (int d = 0; d < dataBlocks; d++) {
        out[d] = arena.allocate(cellSize, Long.BYTES);
      }
      for (int stripe : stripes) {
        if (!choose(stripe, here, 0, new ArrayList<>(), out)) {
          throw new IOException(
              "stripe "
                  + stripe
                  + " matches its CRC with no "
                  + dataBlocks
                  + " of the blocks "
                  + here
                  + " that could be read");
        }
      }
    }
  }

  private boolean choose(
      int stripe, List<Integer> here, int next, List<Integer> chosen, MemorySegment[] out) {
    if (chosen.size() == dataBlocks) {
      return tries++ < TRIES_MAX && fits(stripe, here, chosen, out);
    }
    for (int i = next; i <= here.size() - (dataBlocks - chosen.size()); i++) {
      chosen.addLast(here.get(i));
      if (choose(stripe, here, i + 1, chosen, out)) {
        return true;
      }
      chosen.removeLast();
    }
    return false;
  }

  private boolean fits(int stripe, List<Integer> here, List<Integer> chosen, MemorySegment[] out) {
    int[] have = chosen.stream().mapToInt(Integer::intValue).toArray();
    MemorySegment[] cells = new MemorySegment[dataBlocks];
    for (int i = 0; i < dataBlocks; i++) {
      cells[i] = read.cell(have[i], stripe);
    }
    if (dataBlocks == 1) {
      out[0].copyFrom(cells[0]);
    } else {
      int[] want = new int[dataBlocks];
      for (int d = 0; d < dataBlocks; d++) {
        want[d] = d;
      }
      ReedSolomon.get(read.layout().parity()).recover(have, cells, want, out, cellSize);
    }
    int crc = 0;
    for (int d = 0; d < dataBlocks; d++) {
      crc = Crc32c.sum(crc, out[d].asByteBuffer());
    }
    if (crc != read.span().stripeCrc(stripe)) {
      return false;
    }
    for (int d = 0; d < dataBlocks; d++) {
      // Read before the place, which is the cell itself, gets the right data.
      if (dataBlocks > 1 && here.contains(d) && read.cell(d, stripe).mismatch(out[d]) >= 0) {
        read.blame(d);
      }
      read.place(d, stripe).copyFrom(out[d]);
    }
    return true;
  }
}
