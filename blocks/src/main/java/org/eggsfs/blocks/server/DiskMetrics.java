package org.eggsfs.blocks.server;

import java.util.concurrent.atomic.LongAdder;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.net.RequestMetrics;
import org.eggsfs.protocol.ErrorCode;

/**
 * What the requests for one disk did (blocks.md section 8). Any thread may count. Bytes are those
 * of the files, with a CRC for each page.
 */
final class DiskMetrics {
  final RequestMetrics requests = new RequestMetrics();
  final LongAdder blocksWritten = new LongAdder();
  final LongAdder bytesWritten = new LongAdder();
  final LongAdder blocksRead = new LongAdder();
  final LongAdder bytesRead = new LongAdder();
  final LongAdder blocksErased = new LongAdder();
  final LongAdder blocksChecked = new LongAdder();
  final LongAdder bytesChecked = new LongAdder();

  /** A block of so many data bytes is on the disk. */
  void written(long size) {
    blocksWritten.increment();
    bytesWritten.add(BlockFormat.fileOffset(size));
  }

  /** So many data bytes of a block were sent. */
  void read(int kind, long count, long nanos) {
    blocksRead.increment();
    bytesRead.add(BlockFormat.fileOffset(count));
    requests.answered(kind, null, nanos);
  }

  /** A block could not be read. */
  void notRead(int kind, ErrorCode error, long nanos) {
    requests.answered(kind, error, nanos);
  }

  /** A block is not on the disk any more, or never was. */
  void erased() {
    blocksErased.increment();
  }

  /** A block of so many data bytes was read through and is well. */
  void checked(long size) {
    blocksChecked.increment();
    bytesChecked.add(BlockFormat.fileOffset(size));
  }
}
