package org.eggsfs.client.span;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanCrcs;
import org.eggsfs.core.SpanLayout;

final class EncodedSpanTest {
  /** What a shard checks holds for every size and code, and blocks are what the layout says. */
  @Property(tries = 60)
  void checksumsAndBlocksFitTheData(
      @ForAll @IntRange(min = 256, max = 700_000) int size,
      @ForAll @IntRange(min = 1, max = 15) int dataBlocks,
      @ForAll @IntRange(min = 1, max = 6) int parityBlocks,
      @ForAll @IntRange(min = 20_000, max = 300_000) int targetStripe,
      @ForAll long seed)
      throws Exception {
    int parity = Parity.of(dataBlocks, parityBlocks);
    SpanLayout layout =
        SpanLayout.choose(
            size,
            new SpanLayout.SpanPolicy(new long[] {1 << 20}, new int[] {parity}),
            new SpanLayout.BlockPolicy(new int[] {3}, new long[] {0}),
            targetStripe);
    byte[] data = new byte[size];
    new Random(seed).nextBytes(data);
    try (BufferPool pool = new BufferPool(64 << 20)) {
      BufferPool.Lease lease = pool.tryAcquire(layout.capacity());
      lease.buffer().put(0, data);
      try (EncodedSpan span = EncodedSpan.encode(lease, size, layout)) {
        assertEquals(Crc32c.sum(0, data, 0, size), span.crc());
        assertTrue(
            SpanCrcs.areConsistent(
                span.cellCrcs(), parity, layout.stripes(), layout.cellSize(), size, span.crc()));
        byte[][] blocks = new byte[layout.blocks()][];
        for (int b = 0; b < blocks.length; b++) {
          ByteBuffer all = ByteBuffer.allocate((int) layout.blockSize());
          for (ByteBuffer cell : span.block(b)) {
            all.put(cell.duplicate());
          }
          blocks[b] = all.array();
          assertEquals(span.blockCrc(b), Crc32c.sum(0, blocks[b], 0, blocks[b].length));
        }
        assertArrayEquals(data, unstripe(blocks, layout, size));
      }
      assertEquals(0, pool.chargedBytes());
    }
  }

  private static byte[] unstripe(byte[][] blocks, SpanLayout layout, int size) {
    byte[] data = new byte[size];
    int cell = (int) layout.cellSize();
    for (int i = 0; i < size; i++) {
      int stripe = i / (cell * layout.dataBlocks());
      int inStripe = i % (cell * layout.dataBlocks());
      data[i] = blocks[inStripe / cell][stripe * cell + inStripe % cell];
    }
    return data;
  }

  @Property(tries = 100)
  void foldingPagesGivesTheCrcOfAll(@ForAll @IntRange(min = 0, max = 9) int pages) {
    byte[] data = new byte[pages * 4096];
    new Random(pages).nextBytes(data);
    int[] crcs = new int[pages];
    for (int i = 0; i < pages; i++) {
      crcs[i] = Crc32c.sum(0, data, i * 4096, 4096);
    }
    assertEquals(Crc32c.sum(0, data, 0, data.length), PageCrcs.fold(crcs, 0, pages));
  }
}
