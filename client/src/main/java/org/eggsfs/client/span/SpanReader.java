package org.eggsfs.client.span;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import org.eggsfs.client.blocks.BlockChannel;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.BlockService;

/**
 * Reads ranges of spans (client.md section 8.3). One per client: it holds what readers learn about
 * block services. The reading itself is {@link RangeRead}, one object per range.
 */
public final class SpanReader {
  private static final int UNREADABLE =
      BlockServiceFlags.STALE | BlockServiceFlags.NO_READ | BlockServiceFlags.DECOMMISSIONED;
  private static final Logger LOG = System.getLogger(SpanReader.class.getName());

  private final BlockChannel blocks;
  private final BufferPool pool;
  private final LatencyEstimate latency = new LatencyEstimate();
  private final FailureMemory<Long> failedServices = new FailureMemory<>();
  private final ReadCounters counters = new ReadCounters();

  /** A reader over these. */
  public SpanReader(BlockChannel blocks, BufferPool pool) {
    this.blocks = blocks;
    this.pool = pool;
  }

  /** What was done. */
  public ReadCounters counters() {
    return counters;
  }

  BlockChannel blocks() {
    return blocks;
  }

  BufferPool pool() {
    return pool;
  }

  LatencyEstimate latency() {
    return latency;
  }

  /** Bytes of memory that reading the range takes. */
  public static long windowBytes(Span span, int from, int to) {
    long stripe = span.layout().stripeSize();
    return ((to - 1) / stripe - from / stripe + 1) * stripe;
  }

  /**
   * Reads a range of stored bytes of a span. Every byte that was fetched has matched its page CRC,
   * and every stripe that the range covers wholly its own. What was computed of a stripe that the
   * range covers partly is as right as the blocks it was computed of, none of which is known to be
   * wrong.
   *
   * @param from first byte, relative to the span
   * @param to behind the last byte, at most the stored bytes
   * @param lease memory of at least {@link #windowBytes}; given back if this fails
   * @throws IOException if no combination of blocks gives the bytes now
   */
  public Window read(long fileId, Span span, int from, int to, BufferPool.Lease lease)
      throws IOException {
    boolean good = false;
    try {
      Window window = new RangeRead(this, fileId, span, from, to, lease).run();
      good = true;
      return window;
    } finally {
      if (!good) {
        lease.close();
      }
    }
  }

  boolean isReadable(BlockService service) {
    return (service.flags() & UNREADABLE) == 0 && Addresses.isPresent(service.addrs());
  }

  boolean isSuspect(BlockService service) {
    return failedServices.contains(service.id(), System.nanoTime());
  }

  void failed(BlockService service, long blockId, Exception failure) {
    LOG.log(
        Level.DEBUG,
        "read of block {0} from {1} failed: {2}",
        Long.toHexString(blockId),
        Addresses.format(service.addrs()),
        failure.toString());
    // An error answer is about a block; anything else is about the server.
    if (!(failure instanceof EggsException)) {
      failedServices.add(service.id(), System.nanoTime());
    }
  }

  void wrongBlock(long fileId, BlockService service, long blockId) {
    counters.wrongBlocks.increment();
    LOG.log(
        Level.WARNING,
        "block {0} on service {1} at {2}, of file {3}, holds other data than it should",
        Long.toHexString(blockId),
        Long.toHexString(service.id()),
        Addresses.format(service.addrs()),
        Long.toHexString(fileId));
  }
}
