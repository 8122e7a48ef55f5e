package org.eggsfs.client.blocks;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * A thread that does the I/O of some block servers' connections. Everything below it (pools,
 * connections, operations) belongs to this thread; others only put operations into the queue.
 */
final class BlockLoop implements Runnable {
  /** One staging buffer per loop: 64 pages with CRC, a leftover, small enough to stay in cache. */
  private static final int STAGING_SIZE = 64 * 4100 + 4100;

  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long IDLE_TICK_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final long IDLE_NANOS_MAX = TimeUnit.MINUTES.toNanos(5);
  private static final Logger LOG = System.getLogger(BlockLoop.class.getName());

  private record PoolKey(AddrsInfo addrs, BlockOp.OpClass opClass) {}

  /** A request to end an operation, and its connection if it has one. */
  private record Cancel(BlockOp op) {}

  private final Selector selector;
  private final BlockCounters counters;
  private final BlockDeadlines deadlines;
  private final List<InetSocketAddress> sources;
  private final int connectionsMax;
  private final ByteBuffer staging = Frames.directBuffer(STAGING_SIZE);
  private final PageChecker checker = new PageChecker();
  private final Map<PoolKey, BlockPool> pools = new HashMap<>();
  private final ConcurrentLinkedQueue<Object> queue = new ConcurrentLinkedQueue<>();
  private volatile boolean sleeping;
  private volatile boolean closed;
  private boolean busy;

  BlockLoop(
      BlockCounters counters,
      BlockDeadlines deadlines,
      List<InetSocketAddress> sources,
      int connectionsMax)
      throws IOException {
    this.selector = Selector.open();
    this.counters = counters;
    this.deadlines = deadlines;
    this.sources = sources;
    this.connectionsMax = connectionsMax;
  }

  void submit(List<BlockOp> ops) {
    queue.addAll(ops);
    wake();
    if (closed) {
      failQueue();
    }
  }

  void cancel(BlockOp op) {
    queue.add(new Cancel(op));
    wake();
  }

  void wake() {
    if (sleeping) {
      selector.wakeup();
    }
  }

  @Override
  public void run() {
    try {
      loop();
    } finally {
      // Also after an Error: nobody may wait for this thread for ever.
      closed = true;
      failEverything();
    }
  }

  private void loop() {
    long lastTickNanos = System.nanoTime();
    while (!closed) {
      try {
        takeQueue();
        select(lastTickNanos);
        long now = System.nanoTime();
        if (now - lastTickNanos >= (busy ? TICK_NANOS : IDLE_TICK_NANOS)) {
          lastTickNanos = now;
          tick(now);
        }
      } catch (IOException | RuntimeException e) {
        LOG.log(Level.ERROR, "failure in a block loop", e);
      }
    }
  }

  private void failEverything() {
    IOException reason = new IOException("client is closed");
    pools.values().forEach(pool -> pool.closeAll(reason));
    failQueue();
    try {
      selector.close();
    } catch (IOException e) {
      LOG.log(Level.WARNING, "cannot close a selector", e);
    }
  }

  private void takeQueue() {
    Set<BlockPool> touched = new LinkedHashSet<>();
    long now = System.nanoTime();
    for (Object next = queue.poll(); next != null; next = queue.poll()) {
      if (next instanceof Cancel(BlockOp op)) {
        BlockPool pool = pools.get(keyOf(op));
        if (pool != null) {
          pool.cancel(op);
        }
      } else if (next instanceof BlockOp op) {
        BlockPool pool = pools.computeIfAbsent(keyOf(op), this::newPool);
        pool.submit(op, now);
        touched.add(pool);
      }
    }
    if (!touched.isEmpty()) {
      busy = true;
      touched.forEach(pool -> pool.flush(now));
    }
  }

  private static PoolKey keyOf(BlockOp op) {
    return new PoolKey(op.addrs(), op.opClass());
  }

  private BlockPool newPool(PoolKey key) {
    return new BlockPool(
        selector,
        counters,
        staging,
        checker,
        key.addrs,
        sources,
        connectionsMax,
        key.opClass == BlockOp.OpClass.FETCH ? deadlines.fetchNanos() : deadlines.writeNanos());
  }

  private void select(long lastTickNanos) throws IOException {
    sleeping = true;
    try {
      if (!queue.isEmpty() || closed) {
        selector.selectNow(this::handle);
        return;
      }
      long period = busy ? TICK_NANOS : IDLE_TICK_NANOS;
      long left = period - (System.nanoTime() - lastTickNanos);
      selector.select(this::handle, Math.max(1, TimeUnit.NANOSECONDS.toMillis(left)));
    } finally {
      sleeping = false;
    }
  }

  private void handle(SelectionKey key) {
    sleeping = false;
    BlockConnection connection = (BlockConnection) key.attachment();
    try {
      long now = System.nanoTime();
      if (key.isValid() && key.isConnectable()) {
        connection.finishConnect(now);
      }
      if (key.isValid() && key.isReadable()) {
        connection.receive(staging, checker, now);
      }
      if (key.isValid() && key.isWritable()) {
        connection.send(now);
      }
    } catch (RuntimeException e) {
      // Readiness stays: without an end of this connection the same would happen for ever.
      LOG.log(Level.ERROR, "failure on a block connection", e);
      connection.close(new IOException("failure on a block connection", e), false);
    }
  }

  private void tick(long nowNanos) {
    busy = false;
    for (BlockPool pool : pools.values()) {
      busy |= pool.tick(nowNanos, deadlines.connectNanos(), IDLE_NANOS_MAX);
    }
    pools.values().removeIf(BlockPool::isUnused);
  }

  private void failQueue() {
    for (Object next = queue.poll(); next != null; next = queue.poll()) {
      if (next instanceof BlockOp op) {
        op.complete(new IOException("client is closed"));
      }
    }
  }

  void close() {
    closed = true;
    selector.wakeup();
  }
}
