package org.eggsfs.client.blocks;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.TestWriteRequest;
import org.eggsfs.protocol.struct.AddrsInfo;

/** Writes zeros that the block server syncs and forgets: how fast is the disk? */
public final class TestWriteOp extends BlockOp {
  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer();

  private final long size;

  /** A test with {@code size} bytes. */
  public TestWriteOp(AddrsInfo addrs, long serviceId, long size, Listener listener) {
    super(
        addrs,
        serviceId,
        OpClass.WRITE,
        BlocksKind.TEST_WRITE,
        new TestWriteRequest(size),
        listener);
    this.size = size;
  }

  @Override
  long weight() {
    return size;
  }

  @Override
  ByteBuffer[] body() {
    List<ByteBuffer> body = new ArrayList<>();
    for (long left = size; left > 0; left -= ZEROS.capacity()) {
      body.add(ZEROS.slice(0, (int) Math.min(left, ZEROS.capacity())));
    }
    return body.toArray(ByteBuffer[]::new);
  }

  @Override
  void rewind() {}

  @Override
  boolean receive(ByteBuffer in, PageChecker checker) {
    return true;
  }
}
