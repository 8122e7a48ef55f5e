package org.eggsfs.client.blocks;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.blocks.ListBlocksResponse;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * Requests to block servers over TCP (client.md section 3, wire.md section 10).
 *
 * <p>A few loop threads own the connections, each server on one loop; operations complete on the
 * loop's thread. Per server and operation class there are several connections with pipelined
 * requests. A hung server, a damaged page or anything unexpected closes the connection; what was
 * merely unlucky to share it is sent again, once. Which block to try instead of a failed one is the
 * business of readers and writers.
 */
public final class BlockChannel implements AutoCloseable {
  private final BlockCounters counters = new BlockCounters();
  private final BlockLoop[] loops;
  private final List<Thread> threads = new ArrayList<>();

  /** Starts the loops. */
  public BlockChannel(
      int loopCount,
      int connectionsPerServer,
      List<InetSocketAddress> sources,
      BlockDeadlines deadlines)
      throws IOException {
    loops = new BlockLoop[loopCount];
    boolean started = false;
    try {
      for (int i = 0; i < loopCount; i++) {
        loops[i] = new BlockLoop(counters, deadlines, sources, connectionsPerServer);
        threads.add(Thread.ofPlatform().daemon().name("eggs-client-blocks-" + i).start(loops[i]));
      }
      started = true;
    } finally {
      if (!started) {
        close();
      }
    }
  }

  /** What was done. */
  public BlockCounters counters() {
    return counters;
  }

  /** Starts an operation. */
  public void submit(BlockOp op) {
    loop(op.addrs()).submit(List.of(op));
  }

  /** Starts several at the same time: servers that share a disk can make them durable together. */
  public void submitAll(List<? extends BlockOp> ops) {
    ops.stream()
        .collect(Collectors.<BlockOp, BlockLoop>groupingBy(op -> loop(op.addrs())))
        .forEach(BlockLoop::submit);
  }

  /**
   * Ends a write at once, its connection included if it has one; the operation then completes soon,
   * and only then its memory is free.
   */
  public void cancel(WriteOp op) {
    op.markCancelled();
    loop(op.addrs()).cancel(op);
  }

  private BlockLoop loop(AddrsInfo addrs) {
    int hash = addrs.addr1().ip() * 31 + addrs.addr1().port();
    hash ^= hash >>> 16;
    return loops[(hash & Integer.MAX_VALUE) % loops.length];
  }

  /**
   * Checks a block and waits for the verdict.
   *
   * @throws EggsException the server's verdict
   * @throws IOException if the server cannot be asked
   */
  public void check(AddrsInfo addrs, long serviceId, long blockId, long size, int crc)
      throws EggsException, IOException {
    CountDownLatch done = new CountDownLatch(1);
    ControlOp op =
        ControlOp.check(addrs, serviceId, blockId, size, crc, finished -> done.countDown());
    await(op, done);
  }

  /**
   * Erases a block.
   *
   * @return the proof
   */
  public long erase(AddrsInfo addrs, long serviceId, long blockId, long certificate)
      throws EggsException, IOException {
    CountDownLatch done = new CountDownLatch(1);
    ControlOp op =
        ControlOp.erase(addrs, serviceId, blockId, certificate, finished -> done.countDown());
    await(op, done);
    return op.proof();
  }

  /** Writes zeros to a disk, which syncs and forgets them, and waits until it has. */
  public void testWrite(AddrsInfo addrs, long serviceId, long size)
      throws EggsException, IOException {
    CountDownLatch done = new CountDownLatch(1);
    await(new TestWriteOp(addrs, serviceId, size, finished -> done.countDown()), done);
  }

  /**
   * Lists a page of the block files in one of a service's 256 directories.
   *
   * @param createdBefore only blocks with smaller ids; 0 = all
   */
  public ListBlocksResponse list(
      AddrsInfo addrs, long serviceId, int directory, long startFrom, long createdBefore)
      throws EggsException, IOException {
    CountDownLatch done = new CountDownLatch(1);
    ListOp op =
        new ListOp(
            addrs, serviceId, directory, startFrom, createdBefore, finished -> done.countDown());
    await(op, done);
    return op.page();
  }

  /** Puts a block file aside. */
  public void quarantine(AddrsInfo addrs, long serviceId, long blockId, long certificate)
      throws EggsException, IOException {
    CountDownLatch done = new CountDownLatch(1);
    await(
        ControlOp.quarantine(addrs, serviceId, blockId, certificate, finished -> done.countDown()),
        done);
  }

  private void await(BlockOp op, CountDownLatch done) throws EggsException, IOException {
    submit(op);
    try {
      done.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (InterruptedIOException)
          new InterruptedIOException("interrupted while waiting for a block server").initCause(e);
    }
    switch (op.failure()) {
      case null -> {}
      case EggsException eggs -> throw eggs;
      case IOException io -> throw new IOException("block server", io);
      default -> throw new IllegalStateException(op.failure());
    }
  }

  /** Ends everything; outstanding operations complete with a failure. */
  @Override
  public void close() {
    for (BlockLoop loop : loops) {
      // Null in a channel that could not start all of them.
      if (loop != null) {
        loop.close();
      }
    }
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }
}
