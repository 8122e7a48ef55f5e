package org.eggsfs.client.blocks;

import java.nio.ByteBuffer;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.WriteBlockRequest;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * Writes a block and receives the proof that it is durable. The body's memory must stay as it is
 * until the operation completes, cancelled or not.
 */
public final class WriteOp extends BlockOp {
  private static final int PROOF_SIZE = 8;

  private final ByteBuffer[] cells;
  private final long size;
  private long proof;

  /**
   * A write.
   *
   * @param cells the block's bytes; views that this operation may duplicate
   */
  public WriteOp(
      AddrsInfo addrs,
      long serviceId,
      long blockId,
      int crc,
      long certificate,
      ByteBuffer[] cells,
      Listener listener) {
    super(
        addrs,
        serviceId,
        OpClass.WRITE,
        BlocksKind.WRITE_BLOCK,
        new WriteBlockRequest(blockId, crc, sizeOf(cells), certificate),
        listener);
    this.cells = cells.clone();
    this.size = sizeOf(cells);
  }

  private static long sizeOf(ByteBuffer[] cells) {
    long size = 0;
    for (ByteBuffer cell : cells) {
      size += cell.remaining();
    }
    return size;
  }

  /** The proof, after success. */
  public long proof() {
    return proof;
  }

  @Override
  long weight() {
    return size;
  }

  @Override
  ByteBuffer[] body() {
    ByteBuffer[] body = new ByteBuffer[cells.length];
    for (int i = 0; i < cells.length; i++) {
      body[i] = cells[i].duplicate();
    }
    return body;
  }

  @Override
  void rewind() {}

  @Override
  boolean receive(ByteBuffer in, PageChecker checker) {
    if (in.remaining() < PROOF_SIZE) {
      return false;
    }
    proof = in.getLong();
    return true;
  }
}
