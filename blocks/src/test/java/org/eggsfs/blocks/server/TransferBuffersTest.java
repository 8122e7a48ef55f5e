package org.eggsfs.blocks.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.protocol.Frames;
import org.junit.jupiter.api.Test;

/** Goal: no buffer is lost. Method: memory that runs out, and all buffers of a disk at once. */
class TransferBuffersTest {
  private static final int PER_DISK = 16;

  private boolean noMemory;
  private final TransferBuffers buffers = new TransferBuffers(this::allocate);
  private final TransferBuffers.Share disk = buffers.share();

  private ByteBuffer allocate(int size) {
    if (noMemory) {
      throw new OutOfMemoryError("Cannot reserve " + size + " bytes of direct buffer memory");
    }
    return Frames.buffer(size);
  }

  @Test
  void whatCouldNotBeAllocatedIsNotInUse() {
    int all = buffers.available();
    noMemory = true;
    for (int i = 0; i < 2 * all; i++) {
      assertThrows(OutOfMemoryError.class, disk::take);
    }
    assertEquals(all, buffers.available());
    noMemory = false;
    List<TransferBuffers.Lease> leases = new ArrayList<>();
    for (int i = 0; i < PER_DISK; i++) {
      leases.add(disk.take());
    }
    assertEquals(all - PER_DISK, buffers.available());
    leases.forEach(TransferBuffers.Lease::give);
    assertEquals(all, buffers.available());
  }

  @Test
  void whatIsWrittenOffIsNotGivenBackAgain() {
    int all = buffers.available();
    TransferBuffers.Lease lost = disk.take();
    disk.writeOff();
    assertEquals(all, buffers.available());
    noMemory = true;
    assertThrows(OutOfMemoryError.class, disk::take);
    disk.writeOff();
    lost.give();
    assertEquals(all, buffers.available());
  }
}
