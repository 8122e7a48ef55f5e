package org.eggsfs.client.blocks;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Selector;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * The connections to one block server for one class of operations. Owned by one loop thread.
 *
 * <p>A request goes to an idle connection, else to a new one while the limit allows, else to the
 * connection with the fewest bytes outstanding, else it waits here.
 */
final class BlockPool {
  /** Requests that wait for a connection; callers bound themselves by memory long before. */
  private static final int WAITING_MAX = 65_536;

  private final Selector selector;
  private final BlockCounters counters;
  private final ByteBuffer staging;
  private final PageChecker checker;
  private final InetSocketAddress[] addresses;
  private final List<InetSocketAddress> sources;
  private final int connectionsMax;
  private final long deadlineNanos;
  private final List<BlockConnection> connections = new ArrayList<>();
  private final ArrayDeque<BlockOp> waiting = new ArrayDeque<>();

  /** Addresses that could not be connected to since one was, or since there was any connection. */
  private final Set<InetSocketAddress> unreachable = new HashSet<>();

  private int turn;

  /** Why nothing begins here any more; null while it does. */
  private IOException closed;

  BlockPool(
      Selector selector,
      BlockCounters counters,
      ByteBuffer staging,
      PageChecker checker,
      AddrsInfo addrs,
      List<InetSocketAddress> sources,
      int connectionsMax,
      long deadlineNanos) {
    this.selector = selector;
    this.counters = counters;
    this.staging = staging;
    this.checker = checker;
    this.sources = sources;
    this.connectionsMax = connectionsMax;
    this.deadlineNanos = deadlineNanos;
    this.addresses = Addresses.list(addrs).toArray(InetSocketAddress[]::new);
  }

  ByteBuffer staging() {
    return staging;
  }

  PageChecker checker() {
    return checker;
  }

  /** Takes a request; it is sent by {@link #flush}. */
  void submit(BlockOp op, long nowNanos) {
    if (closed != null) {
      op.complete(closed);
    } else if (addresses.length == 0) {
      op.complete(new IOException("block service without address"));
    } else if (waiting.size() >= WAITING_MAX) {
      op.complete(new IOException("too many requests for one block server"));
    } else {
      waiting.add(op);
      assign(nowNanos);
    }
  }

  private void assign(long nowNanos) {
    while (!waiting.isEmpty()) {
      BlockOp op = waiting.peek();
      try {
        BlockConnection connection = choose(nowNanos, op);
        if (connection == null) {
          return;
        }
        waiting.poll();
        connection.add(op, nowNanos);
      } catch (IOException e) {
        counters.connectFailures.increment();
        counters.failed.increment();
        waiting.poll();
        op.complete(e);
      }
    }
  }

  private BlockConnection choose(long nowNanos, BlockOp op) throws IOException {
    BlockConnection best = null;
    for (BlockConnection connection : connections) {
      // A request whose reused connection died gets one that is certainly alive.
      if (connection.depth() < BlockConnection.DEPTH_MAX
          && (!op.retried || connection.isFresh())
          && (best == null || connection.outstandingWeight() < best.outstandingWeight())) {
        best = connection;
      }
    }
    if (best != null && best.isIdle()) {
      return best;
    }
    if (connections.size() < connectionsMax || (op.retried && best == null)) {
      return connect(nowNanos);
    }
    return best;
  }

  private BlockConnection connect(long nowNanos) throws IOException {
    if (connections.isEmpty()) {
      unreachable.clear();
    }
    int at = turn++ & Integer.MAX_VALUE;
    InetSocketAddress source = sources.isEmpty() ? null : sources.get(at % sources.size());
    BlockConnection connection =
        new BlockConnection(
            this, counters, selector, addresses[at % addresses.length], source, nowNanos);
    connections.add(connection);
    if (connection.isConnected()) {
      connected();
    }
    return connection;
  }

  /** Sends on every connection that has something to send. */
  void flush(long nowNanos) {
    // Sending may close connections and so change the list.
    for (BlockConnection connection : List.copyOf(connections)) {
      if (!connection.isIdle()) {
        connection.send(nowNanos);
      }
    }
  }

  /** A connection has been established. */
  void connected() {
    unreachable.clear();
  }

  /** A response has come: a request that waits may move up; the connection sends it. */
  void roomOn(BlockConnection connection, long nowNanos) {
    if (!waiting.isEmpty() && connection.depth() < BlockConnection.DEPTH_MAX / 2) {
      connection.add(waiting.poll(), nowNanos);
    }
  }

  /** Ends a request with its connection, or alone while it waits for one. */
  void cancel(BlockOp op) {
    IOException reason = new IOException("cancelled");
    if (waiting.remove(op)) {
      counters.failed.increment();
      op.complete(reason);
    } else if (!op.isDone() && op.connection != null) {
      op.connection.close(reason, true);
    }
  }

  /** What a connection leaves behind. */
  void ended(
      BlockConnection connection,
      List<BlockOp> orphans,
      IOException reason,
      boolean mayRetry,
      boolean neverConnected) {
    connections.remove(connection);
    if (closed != null) {
      fail(orphans, closed);
      return;
    }
    // One that was given up for another reason says nothing about its server.
    boolean failedToConnect = neverConnected && !mayRetry;
    if (failedToConnect) {
      unreachable.add(connection.address());
    }
    boolean otherAddress = failedToConnect && !unreachable.containsAll(List.of(addresses));
    if (otherAddress) {
      turn = connection.address().equals(addresses[0]) ? 1 : 0;
    }
    for (BlockOp op : orphans) {
      boolean again =
          (mayRetry || otherAddress) && !op.retried && !op.responseStarted && !op.isCancelled();
      if (again) {
        op.retried = true;
        counters.retries.increment();
        waiting.addLast(op);
      } else {
        counters.failed.increment();
        op.complete(reason);
      }
    }
    if (failedToConnect
        && !otherAddress
        && connections.stream().noneMatch(BlockConnection::isConnected)) {
      // The others that wait would only run into the same wall one after the other.
      failWaiting(reason);
    }
    long now = System.nanoTime();
    assign(now);
    flush(now);
  }

  private void failWaiting(IOException reason) {
    List<BlockOp> hopeless = List.copyOf(waiting);
    waiting.clear();
    fail(hopeless, reason);
  }

  private void fail(List<BlockOp> ops, IOException reason) {
    for (BlockOp op : ops) {
      counters.failed.increment();
      op.complete(reason);
    }
  }

  boolean isUnused() {
    return connections.isEmpty() && waiting.isEmpty();
  }

  /**
   * Closes what hangs and what has been idle for long; says whether anything is going on. Requests
   * that were dropped from a connection before they were sent have left room: others move up.
   */
  boolean tick(long nowNanos, long connectNanosMax, long idleNanosMax) {
    if (!waiting.isEmpty()) {
      assign(nowNanos);
      flush(nowNanos);
    }
    boolean busy = !waiting.isEmpty();
    for (BlockConnection connection : List.copyOf(connections)) {
      if (connection.isIdle()) {
        if (nowNanos - connection.progressNanos() > idleNanosMax) {
          connection.close(new IOException("idle"), false);
        }
      } else {
        busy = true;
        connection.checkDeadline(
            nowNanos, connection.isConnected() ? deadlineNanos : connectNanosMax);
      }
    }
    return busy;
  }

  /** Ends everything: nothing is tried once more. */
  void closeAll(IOException reason) {
    closed = reason;
    for (BlockConnection connection : List.copyOf(connections)) {
      connection.close(reason, false);
    }
    failWaiting(reason);
  }
}
