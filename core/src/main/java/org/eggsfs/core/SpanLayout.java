package org.eggsfs.core;

/**
 * How the bytes of one span lie in its blocks (client.md section 6). Stripe by stripe, the data
 * cells of a stripe hold consecutive bytes; block b is the concatenation of its cells.
 *
 * @param parity the parity byte
 * @param storageClass where the blocks go
 * @param stripes 1..15
 * @param cellSize bytes of a cell, a multiple of 4096
 */
public record SpanLayout(int parity, int storageClass, int stripes, long cellSize) {
  /** Bytes of a page, the unit of cells. */
  public static final int PAGE = 4096;

  /** Most stripes of a span. */
  public static final int STRIPES_MAX = 15;

  /** Largest block and span in bytes. */
  public static final long BLOCK_SIZE_MAX = 100L << 20;

  /** Longest data that is kept inside the metadata. */
  public static final int INLINE_MAX = 255;

  /** Span sizes up to {@code maxSizes[i]} take {@code parities[i]} (wire.md section 5). */
  public record SpanPolicy(long[] maxSizes, int[] parities) {
    /** The largest span a writer makes. */
    public long spanSizeMax() {
      return maxSizes[maxSizes.length - 1];
    }

    /**
     * The parity of a span.
     *
     * @throws IllegalArgumentException if it is larger than the policy's largest
     */
    public int pick(long size) {
      if (size > spanSizeMax()) {
        throw new IllegalArgumentException(
            "a span of " + size + " bytes; the policy allows " + spanSizeMax());
      }
      // From the back, as all clients do: lists need not be sorted.
      for (int i = maxSizes.length - 2; i >= 0; i--) {
        if (size > maxSizes[i]) {
          return parities[i + 1];
        }
      }
      return parities[0];
    }
  }

  /** Blocks larger than {@code minSizes[i]} may go to {@code storageClasses[i]}. */
  public record BlockPolicy(int[] storageClasses, long[] minSizes) {
    /** The storage class of blocks of that size. */
    public int pick(long blockSize) {
      for (int i = minSizes.length - 1; i >= 0; i--) {
        if (blockSize > minSizes[i]) {
          return storageClasses[i];
        }
      }
      return storageClasses[0];
    }
  }

  /**
   * Chooses the layout of a span.
   *
   * @param length bytes actually stored, more than {@link #INLINE_MAX}
   * @param targetStripeSize of the stripe policy, above 0
   * @throws IllegalArgumentException if the policies allow no such span
   */
  public static SpanLayout choose(
      long length, SpanPolicy spanPolicy, BlockPolicy blockPolicy, long targetStripeSize) {
    int parity = spanPolicy.pick(length);
    // Policies come from other clients, some of which check nothing.
    if (!Parity.isValid(parity) || targetStripeSize <= 0 || length <= 0) {
      throw new IllegalArgumentException(
          "no layout for "
              + length
              + " bytes with parity "
              + Parity.format(parity)
              + " and stripes of "
              + targetStripeSize);
    }
    int dataBlocks = Parity.data(parity);
    int stripes = Math.clamp(length / targetStripeSize, 1, STRIPES_MAX);
    long block = ceilDivide(length, dataBlocks);
    long cell = cellSize(block, stripes);
    // Rounding up to pages can push a block of nearly 100 MiB over the limit.
    while (cell * stripes > BLOCK_SIZE_MAX && stripes > 1) {
      stripes--;
      cell = cellSize(block, stripes);
    }
    if (cell > BLOCK_SIZE_MAX) {
      throw new IllegalArgumentException("blocks of " + cell + " bytes are too large");
    }
    return new SpanLayout(parity, blockPolicy.pick(cell * stripes), stripes, cell);
  }

  private static long cellSize(long block, int stripes) {
    return ceilDivide(ceilDivide(block, stripes), PAGE) * PAGE;
  }

  private static long ceilDivide(long a, long b) {
    return (a + b - 1) / b;
  }

  /** Number of data blocks D. */
  public int dataBlocks() {
    return Parity.data(parity);
  }

  /** Number of blocks B. */
  public int blocks() {
    return Parity.blocks(parity);
  }

  /** Bytes of each block. */
  public long blockSize() {
    return cellSize * stripes;
  }

  /** Data bytes of one stripe. */
  public long stripeSize() {
    return cellSize * dataBlocks();
  }

  /** Data bytes of all stripes, padding included. */
  public long capacity() {
    return stripeSize() * stripes;
  }

  /** Number of parity blocks P. */
  public int parityBlocks() {
    return Parity.parity(parity);
  }

  /** The stripe of a data offset, which must be below {@link #capacity()}. */
  public int stripeOf(long offset) {
    return (int) (offset / stripeSize());
  }

  /** The data block that holds a data offset. */
  public int blockOf(long offset) {
    return (int) (offset % stripeSize() / cellSize);
  }

  /** Where in its cell a data offset lies. */
  public long offsetInCell(long offset) {
    return offset % cellSize;
  }

  /** Where in its block a data offset lies. */
  public long offsetInBlock(long offset) {
    return stripeOf(offset) * cellSize + offset % cellSize;
  }

  /** The data offset of a byte of a data block: the inverse of the block and offset in it. */
  public long dataOffset(int block, long offsetInBlock) {
    return offsetInBlock / cellSize * stripeSize() + block * cellSize + offsetInBlock % cellSize;
  }
}
