package org.eggsfs.client.span;

import java.nio.ByteBuffer;
import java.util.List;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.FetchedBlock;
import org.eggsfs.protocol.struct.FetchedBlocksSpan;
import org.eggsfs.protocol.struct.FetchedInlineSpan;
import org.eggsfs.protocol.struct.FetchedSpan;

/**
 * A span as a reader sees it, checked: what follows relies on sizes and counts that fit each other.
 */
public final class Span {
  private static final byte[] ZEROS = new byte[4096];

  /** Of data and padding; leaves room in an int for sums of indices. */
  private static final long CAPACITY_MAX = 1 << 30;

  private final long offset;
  private final int size;
  private final byte[] inlineBody;
  private final SpanLayout layout;
  private final FetchedBlock[] blocks;
  private final BlockService[] services;
  private final int[] stripeCrcs;

  private Span(
      long offset,
      int size,
      byte[] inlineBody,
      SpanLayout layout,
      FetchedBlock[] blocks,
      BlockService[] services,
      int[] stripeCrcs) {
    this.offset = offset;
    this.size = size;
    this.inlineBody = inlineBody;
    this.layout = layout;
    this.blocks = blocks;
    this.services = services;
    this.stripeCrcs = stripeCrcs;
  }

  /**
   * From an answer of a shard.
   *
   * @throws EggsException if its parts do not fit each other, or inline data does not match its CRC
   */
  static Span of(FetchedSpan fetched, List<BlockService> table) throws EggsException {
    long size = fetched.header().size();
    require(size > 0 && size <= SpanLayout.BLOCK_SIZE_MAX, "span size");
    long offset = fetched.header().byteOffset();
    require(offset >= 0 && offset <= Long.MAX_VALUE - size, "span offset");
    return switch (fetched.body()) {
      case FetchedInlineSpan inline -> {
        byte[] body = inline.body();
        require(body.length <= size, "inline size");
        int crc = Crc32c.zeroExtend(Crc32c.sum(0, body, 0, body.length), size - body.length);
        if (crc != fetched.header().crc()) {
          throw new EggsException(ErrorCode.BAD_BLOCK_CRC, "inline span at " + offset);
        }
        yield new Span(offset, (int) size, body, null, null, null, null);
      }
      case FetchedBlocksSpan span -> ofBlocks(fetched, span, table);
    };
  }

  private static Span ofBlocks(
      FetchedSpan fetched, FetchedBlocksSpan body, List<BlockService> table) throws EggsException {
    long cellSize = body.cellSize();
    int stripes = body.stripes();
    require(Parity.isValid(body.parity()), "parity");
    require(stripes >= 1 && stripes <= SpanLayout.STRIPES_MAX, "stripes");
    require(cellSize > 0 && cellSize % SpanLayout.PAGE == 0, "cell size");
    require(cellSize * stripes <= SpanLayout.BLOCK_SIZE_MAX, "block size");
    require(body.blocks().size() == Parity.blocks(body.parity()), "number of blocks");
    require(body.stripesCrc().length == stripes, "number of stripe CRCs");
    SpanLayout layout =
        new SpanLayout(body.parity(), fetched.header().storageClass(), stripes, cellSize);
    require(layout.capacity() <= CAPACITY_MAX, "capacity");
    FetchedBlock[] blocks = body.blocks().toArray(FetchedBlock[]::new);
    BlockService[] services = new BlockService[blocks.length];
    for (int b = 0; b < blocks.length; b++) {
      require(blocks[b].blockServiceIx() < table.size(), "block service index");
      services[b] = table.get(blocks[b].blockServiceIx());
    }
    return new Span(
        fetched.header().byteOffset(),
        (int) fetched.header().size(),
        null,
        layout,
        blocks,
        services,
        body.stripesCrc());
  }

  private static void require(boolean condition, String what) throws EggsException {
    if (!condition) {
      throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "list of spans: illegal " + what);
    }
  }

  /** First byte in the file. */
  public long offset() {
    return offset;
  }

  /** Logical bytes. */
  public int size() {
    return size;
  }

  /** First byte behind it. */
  public long end() {
    return offset + size;
  }

  /** Whether the data is in the metadata. */
  public boolean isInline() {
    return inlineBody != null;
  }

  /** Bytes that are stored; what the size exceeds them by is zeros. */
  public int stored() {
    return isInline() ? inlineBody.length : (int) Math.min(size, layout.capacity());
  }

  /** Data bytes of one stripe; not for inline spans. */
  public int stripeSize() {
    return (int) layout.stripeSize();
  }

  /** Copies what needs no block: inline data, and zeros behind what is stored. */
  public int copyWithoutBlocks(int position, ByteBuffer into) {
    int count;
    if (isInline() && position < inlineBody.length) {
      count = Math.min(into.remaining(), inlineBody.length - position);
      into.put(inlineBody, position, count);
    } else {
      count = Math.min(into.remaining(), size - position);
      for (int left = count; left > 0; left -= Math.min(left, ZEROS.length)) {
        into.put(ZEROS, 0, Math.min(left, ZEROS.length));
      }
    }
    return count;
  }

  SpanLayout layout() {
    return layout;
  }

  FetchedBlock block(int index) {
    return blocks[index];
  }

  BlockService service(int index) {
    return services[index];
  }

  int stripeCrc(int stripe) {
    return stripeCrcs[stripe];
  }
}
