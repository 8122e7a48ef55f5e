package org.eggsfs.client.blocks;

import java.nio.ByteBuffer;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.CheckBlockRequest;
import org.eggsfs.protocol.blocks.EraseBlockRequest;
import org.eggsfs.protocol.blocks.QuarantineBlockRequest;
import org.eggsfs.protocol.struct.AddrsInfo;

/** Checks, erases or puts aside a block: operations without bulk data. */
public final class ControlOp extends BlockOp {
  private static final int PROOF_SIZE = 8;
  private static final ByteBuffer[] NO_BODY = {};

  private long proof;

  private ControlOp(AddrsInfo addrs, long serviceId, int kind, Message request, Listener listener) {
    super(addrs, serviceId, OpClass.CONTROL, kind, request, listener);
  }

  /** Lets the server read the whole block and compare. */
  public static ControlOp check(
      AddrsInfo addrs, long serviceId, long blockId, long size, int crc, Listener listener) {
    return new ControlOp(
        addrs,
        serviceId,
        BlocksKind.CHECK_BLOCK,
        new CheckBlockRequest(blockId, size, crc),
        listener);
  }

  /** Erases the block; success also when it never existed. */
  public static ControlOp erase(
      AddrsInfo addrs, long serviceId, long blockId, long certificate, Listener listener) {
    return new ControlOp(
        addrs,
        serviceId,
        BlocksKind.ERASE_BLOCK,
        new EraseBlockRequest(blockId, certificate),
        listener);
  }

  /** Puts a block file aside that nothing refers to; only our servers know this request. */
  public static ControlOp quarantine(
      AddrsInfo addrs, long serviceId, long blockId, long certificate, Listener listener) {
    return new ControlOp(
        addrs,
        serviceId,
        BlocksKind.QUARANTINE_BLOCK,
        new QuarantineBlockRequest(blockId, certificate),
        listener);
  }

  /** The proof of an erasure, after success. */
  public long proof() {
    return proof;
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
  void rewind() {}

  @Override
  boolean receive(ByteBuffer in, PageChecker checker) {
    if (kind() != BlocksKind.ERASE_BLOCK) {
      return true;
    }
    if (in.remaining() < PROOF_SIZE) {
      return false;
    }
    proof = in.getLong();
    return true;
  }
}
