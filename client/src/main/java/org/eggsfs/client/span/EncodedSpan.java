package org.eggsfs.client.span;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.core.Parity;
import org.eggsfs.core.ReedSolomon;
import org.eggsfs.core.SpanCrcs;
import org.eggsfs.core.SpanLayout;

/**
 * A span ready to be written: padded data, parity, and all checksums (client.md section 6,
 * blocks.md section 9.5). The data is read once: parity and CRC-32C of every cell are computed
 * chunk by chunk while the chunk is in the processor's cache; the CRCs of blocks, stripes and span
 * follow from those of the cells. Mirrors share the data's memory.
 *
 * <p>Owns its buffers; {@link #close} gives them back.
 */
public final class EncodedSpan implements AutoCloseable {
  /** Of each cell at a time: with 14 cells half a megabyte, which fits a core's own cache. */
  private static final int CHUNK = 32 << 10;

  private final SpanLayout layout;
  private final int size;
  private final BufferPool.Lease data;
  private final BufferPool.Lease parity;
  private final int[] cellCrcs;
  private final int[] blockCrcs;
  private final int crc;

  private EncodedSpan(
      SpanLayout layout, int size, BufferPool.Lease data, BufferPool.Lease parity, int[] cellCrcs) {
    this.layout = layout;
    this.size = size;
    this.data = data;
    this.parity = parity;
    this.cellCrcs = cellCrcs;
    this.blockCrcs = SpanCrcs.blockCrcs(cellCrcs, layout.blocks(), layout.cellSize());
    this.crc =
        SpanCrcs.spanCrc(
            SpanCrcs.stripeCrcs(cellCrcs, layout.blocks(), layout.dataBlocks(), layout.cellSize()),
            layout.dataBlocks(),
            layout.cellSize(),
            size);
  }

  /**
   * Encodes.
   *
   * @param data holds the span's bytes from index 0 and has room for the padding; owned by the
   *     result, and given back if this method fails
   */
  public static EncodedSpan encode(BufferPool.Lease data, int size, SpanLayout layout) {
    BufferPool.Lease parity = null;
    try {
      int capacity = Math.toIntExact(layout.capacity());
      data.segment().asSlice(size, capacity - size).fill((byte) 0);
      int parityBlocks = Parity.parity(layout.parity());
      if (layout.dataBlocks() > 1 && parityBlocks > 0) {
        parity = data.takeExtra(layout.blockSize() * parityBlocks);
      }
      int[] cellCrcs = new int[layout.stripes() * layout.blocks()];
      for (int stripe = 0; stripe < layout.stripes(); stripe++) {
        encodeStripe(data, parity, layout, stripe, cellCrcs);
      }
      return new EncodedSpan(layout, size, data, parity, cellCrcs);
    } catch (RuntimeException | Error e) {
      data.close();
      if (parity != null) {
        parity.close();
      }
      throw e;
    }
  }

  private static void encodeStripe(
      BufferPool.Lease data,
      BufferPool.Lease parity,
      SpanLayout layout,
      int stripe,
      int[] cellCrcs) {
    int dataBlocks = layout.dataBlocks();
    int blocks = layout.blocks();
    int cellSize = (int) layout.cellSize();
    int computed = parity == null ? dataBlocks : blocks;
    CRC32C[] crcs = new CRC32C[computed];
    for (int b = 0; b < computed; b++) {
      crcs[b] = new CRC32C();
    }
    ReedSolomon code = parity == null ? null : ReedSolomon.get(layout.parity());
    MemorySegment[] dataChunks = new MemorySegment[dataBlocks];
    MemorySegment[] parityChunks = new MemorySegment[computed - dataBlocks];
    ByteBuffer dataView = data.buffer().duplicate();
    ByteBuffer parityView = parity == null ? null : parity.buffer().duplicate();
    for (int done = 0; done < cellSize; done += CHUNK) {
      int length = Math.min(CHUNK, cellSize - done);
      for (int b = 0; b < computed; b++) {
        int index = cellIndex(layout, b, stripe) + done;
        if (b < dataBlocks) {
          dataChunks[b] = data.segment().asSlice(index, length);
        } else {
          parityChunks[b - dataBlocks] = parity.segment().asSlice(index, length);
        }
      }
      if (code != null) {
        code.encode(dataChunks, parityChunks, length);
      }
      for (int b = 0; b < computed; b++) {
        int index = cellIndex(layout, b, stripe) + done;
        ByteBuffer view = b < dataBlocks ? dataView : parityView;
        crcs[b].update(view.limit(index + length).position(index));
      }
    }
    for (int b = 0; b < blocks; b++) {
      cellCrcs[stripe * blocks + b] = (int) crcs[b < computed ? b : 0].getValue();
    }
  }

  /** Where a cell begins in its buffer: data stripe by stripe, parity block by block. */
  private static int cellIndex(SpanLayout layout, int block, int stripe) {
    int dataBlocks = layout.dataBlocks();
    int cellSize = (int) layout.cellSize();
    return block < dataBlocks
        ? (stripe * dataBlocks + block) * cellSize
        : ((block - dataBlocks) * layout.stripes() + stripe) * cellSize;
  }

  /** How the span lies in its blocks. */
  public SpanLayout layout() {
    return layout;
  }

  /** Logical bytes. */
  public int size() {
    return size;
  }

  /** CRC of the logical bytes. */
  public int crc() {
    return crc;
  }

  /** CRCs of all cells, row by row of stripes. */
  public int[] cellCrcs() {
    return cellCrcs;
  }

  /** CRC of a block. */
  public int blockCrc(int block) {
    return blockCrcs[block];
  }

  /** The bytes of a block; valid until {@link #close}. */
  public ByteBuffer[] block(int block) {
    int cellSize = (int) layout.cellSize();
    if (block >= layout.dataBlocks() && layout.dataBlocks() > 1) {
      int index = cellIndex(layout, block, 0);
      return new ByteBuffer[] {parity.buffer().slice(index, (int) layout.blockSize())};
    }
    int source = layout.dataBlocks() == 1 ? 0 : block;
    ByteBuffer[] cells = new ByteBuffer[layout.stripes()];
    for (int stripe = 0; stripe < cells.length; stripe++) {
      cells[stripe] = data.buffer().slice(cellIndex(layout, source, stripe), cellSize);
    }
    return cells;
  }

  @Override
  public void close() {
    data.close();
    if (parity != null) {
      parity.close();
    }
  }
}
