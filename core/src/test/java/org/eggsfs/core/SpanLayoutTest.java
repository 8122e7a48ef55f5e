package org.eggsfs.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;

/** Goal: layouts are those of all other clients. Method: the table of client.md 6.2, and limits. */
class SpanLayoutTest {
  private static final int FLASH = 3;
  private static final int HDD = 2;
  private static final long STEP = 610L * 4096;
  private static final long MIB = 1L << 20;

  private static final SpanLayout.BlockPolicy BLOCKS =
      new SpanLayout.BlockPolicy(new int[] {FLASH, HDD}, new long[] {0, STEP});

  /** The intended list of shard.md section 12.3. */
  private static SpanLayout.SpanPolicy intended() {
    long[] maxSizes = new long[10];
    int[] parities = new int[10];
    maxSizes[0] = 2 * STEP;
    parities[0] = Parity.of(10, 4);
    for (int i = 1; i < 10; i++) {
      maxSizes[i] = (i + 2) * STEP;
      parities[i] = Parity.of(i + 1, 4);
    }
    return new SpanLayout.SpanPolicy(maxSizes, parities);
  }

  private static SpanLayout choose(long length) {
    return SpanLayout.choose(length, intended(), BLOCKS, MIB);
  }

  @Example
  void tableOfTheSpecification() {
    assertEquals(new SpanLayout(Parity.of(10, 4), FLASH, 1, 4096), choose(256));
    assertEquals(new SpanLayout(Parity.of(10, 4), FLASH, 1, 4096), choose(40_960));
    assertEquals(new SpanLayout(Parity.of(10, 4), FLASH, 1, 8192), choose(40_961));
    assertEquals(new SpanLayout(Parity.of(10, 4), FLASH, 1, 102_400), choose(1_000_000));
    assertEquals(new SpanLayout(Parity.of(10, 4), FLASH, 2, 126_976), choose(2_498_560));
    assertEquals(new SpanLayout(Parity.of(2, 4), HDD, 4, 626_688), choose(5_000_000));
    assertEquals(new SpanLayout(Parity.of(4, 4), HDD, 10, 262_144), choose(10_485_760));
    assertEquals(new SpanLayout(Parity.of(10, 4), HDD, 15, 184_320), choose(27_484_160));
    assertEquals(38_707_200, choose(27_484_160).blockSize() * choose(27_484_160).blocks());
  }

  @Example
  void listsOutOfOrderAreReadAsEveryoneReadsThem() {
    long[] maxSizes = new long[10];
    java.util.Arrays.fill(maxSizes, STEP);
    maxSizes[0] = 2 * STEP;
    SpanLayout.SpanPolicy original = new SpanLayout.SpanPolicy(maxSizes, intended().parities());
    assertEquals(STEP, original.spanSizeMax());
    assertEquals(Parity.of(10, 4), original.pick(STEP));
    assertEquals(Parity.of(10, 4), original.pick(1));
    assertThrows(IllegalArgumentException.class, () -> original.pick(STEP + 1));
  }

  @Example
  void oneHundredMebibytesInOneBlockFit() {
    SpanLayout.SpanPolicy mirrors =
        new SpanLayout.SpanPolicy(new long[] {100 * MIB}, new int[] {Parity.of(1, 2)});
    SpanLayout layout = SpanLayout.choose(100 * MIB, mirrors, BLOCKS, MIB);
    assertEquals(10, layout.stripes());
    assertEquals(100 * MIB, layout.blockSize());
  }

  @Example
  void uselessPoliciesAreRefused() {
    SpanLayout.SpanPolicy bare =
        new SpanLayout.SpanPolicy(new long[] {200 * MIB}, new int[] {Parity.of(2, 0)});
    SpanLayout.SpanPolicy huge =
        new SpanLayout.SpanPolicy(new long[] {200 * MIB}, new int[] {Parity.of(1, 0)});
    assertThrows(IllegalArgumentException.class, () -> SpanLayout.choose(1000, bare, BLOCKS, MIB));
    assertThrows(IllegalArgumentException.class, () -> SpanLayout.choose(1000, huge, BLOCKS, 0));
    assertThrows(
        IllegalArgumentException.class, () -> SpanLayout.choose(100 * MIB + 1, huge, BLOCKS, MIB));
  }

  @Property(tries = 500)
  void everyLengthFits(
      @ForAll @LongRange(min = 256, max = 27_484_160) long length,
      @ForAll @IntRange(min = 4096, max = 1 << 24) int target) {
    SpanLayout layout = SpanLayout.choose(length, intended(), BLOCKS, target);
    assertTrue(layout.capacity() >= length);
    assertEquals(0, layout.cellSize() % SpanLayout.PAGE);
    assertTrue(layout.stripes() >= 1 && layout.stripes() <= SpanLayout.STRIPES_MAX);
    // Less padding than a page per data cell, and what rounding the cells up to bytes adds.
    long cells = (long) layout.stripes() * layout.dataBlocks();
    assertTrue(layout.capacity() - length < cells * (SpanLayout.PAGE + 1));
    assertEquals(layout.blockSize() > STEP ? HDD : FLASH, layout.storageClass());
  }

  @Property(tries = 500)
  void offsetsMapBothWays(
      @ForAll @IntRange(min = 1, max = 15) int d,
      @ForAll @IntRange(min = 1, max = 15) int stripes,
      @ForAll @IntRange(min = 1, max = 40) int pages,
      @ForAll @LongRange(min = 0) long any) {
    SpanLayout layout = new SpanLayout(Parity.of(d, 4), HDD, stripes, pages * 4096L);
    long offset = any % layout.capacity();
    int block = layout.blockOf(offset);
    assertTrue(block < d && layout.stripeOf(offset) < stripes);
    assertTrue(layout.offsetInBlock(offset) < layout.blockSize());
    assertEquals(offset, layout.dataOffset(block, layout.offsetInBlock(offset)));
    // Section 6.3, from the stripe, the cell and the offset in it.
    assertEquals(
        offset,
        (layout.stripeOf(offset) * (long) d + block) * layout.cellSize()
            + layout.offsetInCell(offset));
  }
}
