package org.eggsfs.client.span;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.ReedSolomon;

/**
 * The last resort when the pages of a stripe are intact but the stripe is not what it should be and
 * no server admits to a wrong block (client.md section 8.3.4): tries sets of D of the blocks at
 * hand, one after another, until the stripe's CRC fits.
 */
final class StripePuzzle {
  /** C(14,10) is 1001; wider codes get a fair share of their combinations. */
  private static final int TRIES_MAX = 5_000;

  private final RangeRead read;
  private final int dataBlocks;
  private final int cellSize;
  private final Set<Integer> wrong = new TreeSet<>();
  private int tries;

  StripePuzzle(RangeRead read) {
    this.read = read;
    this.dataBlocks = read.layout().dataBlocks();
    this.cellSize = (int) read.layout().cellSize();
  }

  /**
   * Puts the right data of the stripes into the window.
   *
   * @param stripes that lie in the window wholly
   * @return the blocks at hand that are wrong in one of them
   * @throws IOException if no combination fits
   */
  Set<Integer> solve(List<Integer> stripes) throws IOException {
    List<Integer> here = read.fetchEverything();
    try (BufferPool.Lease scratch = read.pool().acquireOverdraft((dataBlocks + 1L) * cellSize)) {
      for (int stripe : stripes) {
        tries = 0;
        if (!choose(here, new ArrayList<>(), 0, stripe, scratch)) {
          throw new IOException(
              "no combination of blocks gives stripe "
                  + stripe
                  + " of the span at "
                  + read.span().offset());
        }
      }
    }
    return wrong;
  }

  /** Depth-first over the sets of D blocks. */
  private boolean choose(
      List<Integer> here, List<Integer> chosen, int next, int stripe, BufferPool.Lease scratch)
      throws IOException {
    if (chosen.size() == dataBlocks) {
      if (tries++ == TRIES_MAX) {
        throw new IOException("too many combinations of blocks for stripe " + stripe);
      }
      return fits(here, chosen, stripe, scratch);
    }
    for (int i = next; i < here.size(); i++) {
      chosen.add(here.get(i));
      if (choose(here, chosen, i + 1, stripe, scratch)) {
        return true;
      }
      chosen.removeLast();
    }
    return false;
  }

  private boolean fits(
      List<Integer> here, List<Integer> chosen, int stripe, BufferPool.Lease scratch) {
    int[] have = chosen.stream().mapToInt(Integer::intValue).toArray();
    MemorySegment[] haveCells = new MemorySegment[dataBlocks];
    MemorySegment[] cells = new MemorySegment[dataBlocks];
    int[] crcs = new int[dataBlocks];
    List<Integer> missing = new ArrayList<>();
    for (int i = 0; i < dataBlocks; i++) {
      haveCells[i] = read.cell(have[i], stripe);
    }
    for (int d = 0; d < dataBlocks; d++) {
      int at = dataBlocks == 1 ? 0 : chosen.indexOf(d);
      if (at >= 0) {
        cells[d] = haveCells[at];
        crcs[d] = read.cellCrc(have[at], stripe);
      } else {
        cells[d] = scratch.segment().asSlice((long) d * cellSize, cellSize);
        missing.add(d);
      }
    }
    if (!missing.isEmpty()) {
      int[] want = missing.stream().mapToInt(Integer::intValue).toArray();
      MemorySegment[] out = new MemorySegment[want.length];
      for (int i = 0; i < want.length; i++) {
        out[i] = cells[want[i]];
      }
      ReedSolomon.get(read.layout().parity()).recover(have, haveCells, want, out, cellSize);
      for (int d : want) {
        ByteBuffer bytes = scratch.buffer().slice(d * cellSize, cellSize);
        crcs[d] = Crc32c.sum(0, bytes);
      }
    }
    int crc = 0;
    for (int cellCrc : crcs) {
      crc = Crc32c.append(crc, cellCrc, cellSize);
    }
    if (crc != read.span().stripeCrc(stripe)) {
      return false;
    }
    blame(here, chosen, cells, stripe, scratch);
    for (int d = 0; d < dataBlocks; d++) {
      MemorySegment place = read.place(d, stripe);
      if (!place.equals(cells[d])) {
        place.copyFrom(cells[d]);
      }
    }
    return true;
  }

  /** Notes the blocks that differ from what is right. */
  private void blame(
      List<Integer> here,
      List<Integer> chosen,
      MemorySegment[] cells,
      int stripe,
      BufferPool.Lease scratch) {
    for (int b : here) {
      if (!chosen.contains(b) && read.cell(b, stripe).mismatch(rightCell(b, cells, scratch)) >= 0) {
        wrong.add(b);
      }
    }
  }

  private MemorySegment rightCell(int b, MemorySegment[] cells, BufferPool.Lease scratch) {
    if (dataBlocks == 1) {
      return cells[0];
    }
    if (b < dataBlocks) {
      return cells[b];
    }
    int[] data = IntStream.range(0, dataBlocks).toArray();
    MemorySegment parity = scratch.segment().asSlice((long) dataBlocks * cellSize, cellSize);
    ReedSolomon.get(read.layout().parity())
        .recover(data, cells, new int[] {b}, new MemorySegment[] {parity}, cellSize);
    return parity;
  }
}
