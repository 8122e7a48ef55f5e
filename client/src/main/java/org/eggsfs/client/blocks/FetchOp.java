package org.eggsfs.client.blocks;

import java.nio.ByteBuffer;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.FetchBlockWithCrcRequest;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * Fetches a range of pages of a block. Every page is verified against its CRC before it is copied
 * to its place; the CRCs are kept, so that cells, blocks and stripes can be verified without
 * reading the data again.
 */
public final class FetchOp extends BlockOp {
  private static final int PAGE = ProtocolConstants.PAGE_SIZE;
  private static final ByteBuffer[] NO_BODY = {};

  /**
   * Where the pages of a block go. Cells of consecutive stripes lie {@code stripeStride} bytes
   * apart, so a block can be spread over an assembled span range.
   *
   * @param buffer the memory
   * @param base index of byte 0 of the block's cell in stripe {@code firstStripe}
   * @param firstStripe the first stripe of the range
   * @param cellSize bytes of a cell
   * @param stripeStride bytes from a cell to the block's next cell
   * @param pageCrcs receives the CRC of page i of the block at i - firstStripe × pages of a cell
   */
  public record Target(
      ByteBuffer buffer,
      int base,
      int firstStripe,
      int cellSize,
      int stripeStride,
      int[] pageCrcs) {}

  private final Target target;
  private final int offset;
  private final int count;
  private int pagesDone;

  /**
   * A fetch.
   *
   * @param offset first byte, a multiple of 4096
   * @param count bytes, a multiple of 4096, above 0
   */
  public FetchOp(
      AddrsInfo addrs,
      long serviceId,
      long fileId,
      long blockId,
      int blockCrc,
      int offset,
      int count,
      Target target,
      Listener listener) {
    super(
        addrs,
        serviceId,
        OpClass.FETCH,
        BlocksKind.FETCH_BLOCK_WITH_CRC,
        new FetchBlockWithCrcRequest(fileId, blockId, blockCrc, offset, count),
        listener);
    if (offset % PAGE != 0 || count % PAGE != 0 || offset < 0 || count <= 0) {
      throw new IllegalArgumentException("fetch of " + count + " bytes at " + offset);
    }
    this.target = target;
    this.offset = offset;
    this.count = count;
  }

  /** First byte in the block. */
  public int offset() {
    return offset;
  }

  /** Bytes. */
  public int count() {
    return count;
  }

  @Override
  long weight() {
    return count;
  }

  @Override
  ByteBuffer[] body() {
    return NO_BODY;
  }

  @Override
  void rewind() {
    pagesDone = 0;
  }

  @Override
  boolean receive(ByteBuffer in, PageChecker checker) throws EggsException {
    int pages = count / PAGE;
    // Under the monitor, so that a canceller knows that nothing is written any more.
    synchronized (this) {
      while (pagesDone < pages && in.remaining() >= ProtocolConstants.PAGE_WITH_CRC_SIZE) {
        int start = in.position();
        int expected = in.getInt(start + PAGE);
        if (checker.crcOf(in, start) != expected) {
          throw new EggsException(
              ErrorCode.BAD_BLOCK_CRC,
              "page at " + (offset + pagesDone * PAGE) + " arrived damaged");
        }
        if (!isCancelled()) {
          place(in, start, offset + pagesDone * PAGE, expected);
        }
        in.position(start + ProtocolConstants.PAGE_WITH_CRC_SIZE);
        pagesDone++;
      }
    }
    return pagesDone == pages;
  }

  private void place(ByteBuffer in, int start, int blockOffset, int crc) {
    int stripe = blockOffset / target.cellSize - target.firstStripe;
    int index = target.base + stripe * target.stripeStride + blockOffset % target.cellSize;
    target.buffer.put(index, in, start, PAGE);
    target.pageCrcs[(blockOffset - target.firstStripe * target.cellSize) / PAGE] = crc;
  }

  /**
   * Gives up interest: from the return of this method on, the target's memory is not written any
   * more. The operation still completes some time.
   */
  public void cancel() {
    synchronized (this) {
      markCancelled();
    }
  }
}
