package org.eggsfs.client.blocks;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.ListBlocksRequest;
import org.eggsfs.protocol.blocks.ListBlocksResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlockFile;

/** Lists a page of the block files of a block service; only our servers know this request. */
public final class ListOp extends BlockOp {
  private static final ByteBuffer[] NO_BODY = {};
  private static final int HEAD_SIZE = 10;
  private static final int ENTRY_SIZE = 16;

  private long nextBlock;

  /** Entries still to come; negative before the head. */
  private int left = -1;

  private List<BlockFile> blocks = new ArrayList<>();

  /**
   * A listing.
   *
   * @param directory which of the 256
   * @param startFrom first id
   * @param createdBefore only blocks with smaller ids; 0 = all
   */
  public ListOp(
      AddrsInfo addrs,
      long serviceId,
      int directory,
      long startFrom,
      long createdBefore,
      Listener listener) {
    super(
        addrs,
        serviceId,
        OpClass.CONTROL,
        BlocksKind.LIST_BLOCKS,
        new ListBlocksRequest(directory, startFrom, createdBefore),
        listener);
  }

  /** The page, after success. */
  public ListBlocksResponse page() {
    return new ListBlocksResponse(nextBlock, blocks);
  }

  @Override
  long weight() {
    return 1;
  }

  @Override
  ByteBuffer[] body() {
    return NO_BODY;
  }

  @Override
  void rewind() {
    left = -1;
    blocks = new ArrayList<>();
  }

  @Override
  boolean receive(ByteBuffer in, PageChecker checker) {
    if (left < 0) {
      if (in.remaining() < HEAD_SIZE) {
        return false;
      }
      nextBlock = in.getLong();
      left = in.getShort() & 0xffff;
    }
    while (left > 0 && in.remaining() >= ENTRY_SIZE) {
      blocks.add(new BlockFile(in.getLong(), in.getLong()));
      left--;
    }
    return left == 0;
  }
}
