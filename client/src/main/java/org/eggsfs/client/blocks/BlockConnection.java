package org.eggsfs.client.blocks;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.ProtocolConstants;

/**
 * One TCP connection to a block server and the requests on it, in order: those to be sent, those
 * that wait for their response. Owned by one loop thread.
 *
 * <p>Anything unexpected from the server ends the connection (client.md section 3, defect 1 of the
 * original): there is no length in the frames by which to find the next response.
 */
final class BlockConnection {
  /** Requests on one connection; the rest waits in the pool. */
  static final int DEPTH_MAX = 32;

  /** Buffers handed to the system in one call. */
  private static final int GATHER_MAX = 64;

  /** Bytes moved before other connections get their turn. */
  private static final int TURN_BYTES = 1 << 20;

  private final BlockPool pool;
  private final BlockCounters counters;
  private final InetSocketAddress address;
  private final SocketChannel channel;
  private final SelectionKey key;
  private final ArrayDeque<BlockOp> sending = new ArrayDeque<>();
  private final ArrayDeque<BlockOp> awaiting = new ArrayDeque<>();

  /** A partial page or header from the last turn. */
  private ByteBuffer leftover;

  private boolean connected;
  private boolean closed;
  private long responses;
  private long outstandingWeight;
  private long progressNanos;

  BlockConnection(
      BlockPool pool,
      BlockCounters counters,
      Selector selector,
      InetSocketAddress address,
      InetSocketAddress source,
      long nowNanos)
      throws IOException {
    this.pool = pool;
    this.counters = counters;
    this.address = address;
    this.progressNanos = nowNanos;
    this.channel = SocketChannel.open();
    try {
      channel.configureBlocking(false);
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
      if (source != null) {
        channel.bind(source);
      }
      connected = channel.connect(address);
      key =
          channel.register(
              selector, connected ? SelectionKey.OP_READ : SelectionKey.OP_CONNECT, this);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  int depth() {
    return sending.size() + awaiting.size();
  }

  long outstandingWeight() {
    return outstandingWeight;
  }

  boolean isIdle() {
    return depth() == 0;
  }

  boolean isConnected() {
    return connected;
  }

  /** Whether it has never answered yet: such a connection is not one that died of idleness. */
  boolean isFresh() {
    return responses == 0;
  }

  long progressNanos() {
    return progressNanos;
  }

  void add(BlockOp op, long nowNanos) {
    if (isIdle()) {
      progressNanos = nowNanos;
    }
    op.prepare();
    op.connection = this;
    sending.add(op);
    outstandingWeight += op.weight();
  }

  /** Sends what it can; called after requests were added and when the socket has room. */
  void send(long nowNanos) {
    if (!connected || closed) {
      return;
    }
    try {
      long sentInTurn = 0;
      while (!sending.isEmpty() && sentInTurn < TURN_BYTES) {
        ByteBuffer[] batch = batch();
        if (batch.length == 0) {
          continue;
        }
        long sent = channel.write(batch);
        if (sent == 0) {
          break;
        }
        if (!isOwedAnAnswer()) {
          progressNanos = nowNanos;
        }
        sentInTurn += sent;
        retire();
      }
      key.interestOps(
          sending.isEmpty() ? SelectionKey.OP_READ : SelectionKey.OP_READ | SelectionKey.OP_WRITE);
    } catch (IOException e) {
      // The server may have said why before it closed: read that first.
      if (!awaiting.isEmpty()) {
        receive(pool.staging(), pool.checker(), nowNanos);
      }
      close(e, false);
    }
  }

  /** Whether the oldest request is with the server: what is sent for others is no progress then. */
  private boolean isOwedAnAnswer() {
    BlockOp oldest = awaiting.peek();
    return oldest != null && oldest.isSent();
  }

  private ByteBuffer[] batch() throws IOException {
    List<ByteBuffer> buffers = new ArrayList<>(GATHER_MAX);
    for (Iterator<BlockOp> all = sending.iterator(); all.hasNext(); ) {
      BlockOp op = all.next();
      if (op.isCancelled()) {
        if (!op.isUnsent()) {
          throw new IOException("request given up midway");
        }
        all.remove();
        outstandingWeight -= op.weight();
        op.complete(new IOException("cancelled"));
        continue;
      }
      for (int i = op.outIndex; i < op.out.length && buffers.size() < GATHER_MAX; i++) {
        buffers.add(op.out[i]);
      }
      if (buffers.size() == GATHER_MAX) {
        break;
      }
    }
    return buffers.toArray(ByteBuffer[]::new);
  }

  /** Moves what has begun to be sent to the waiting ones; its answer may come before it is sent. */
  private void retire() {
    while (!sending.isEmpty()) {
      BlockOp op = sending.peek();
      boolean untouched = op.isUnsent();
      op.advance();
      if (untouched) {
        return;
      }
      if (awaiting.peekLast() != op) {
        awaiting.add(op);
      }
      if (!op.isSent()) {
        return;
      }
      sending.poll();
    }
  }

  void finishConnect(long nowNanos) {
    try {
      if (channel.finishConnect()) {
        connected = true;
        pool.connected();
        progressNanos = nowNanos;
        counters.connects.increment();
        key.interestOps(SelectionKey.OP_READ);
        send(nowNanos);
      }
    } catch (IOException e) {
      close(e, false);
    }
  }

  /** Reads and handles what has arrived. */
  void receive(ByteBuffer staging, PageChecker checker, long nowNanos) {
    if (closed) {
      return;
    }
    staging.clear();
    if (leftover != null) {
      staging.put(leftover.flip());
      leftover.clear();
    }
    try {
      long read = 0;
      while (read < TURN_BYTES) {
        int room = staging.remaining();
        int n = channel.read(staging);
        if (n > 0) {
          progressNanos = nowNanos;
          read += n;
          staging.flip();
          handle(staging, checker, nowNanos);
          staging.compact();
        }
        if (n < 0) {
          throw new EOFException("connection closed by the block server");
        }
        if (n < room) {
          break;
        }
      }
    } catch (IOException e) {
      close(e, false);
      return;
    } catch (EggsException e) {
      failHead(e);
      close(new IOException("connection given up after a damaged response", e), true);
      return;
    }
    if (staging.position() > 0) {
      if (leftover == null) {
        leftover = ByteBuffer.allocate(ProtocolConstants.PAGE_WITH_CRC_SIZE);
      }
      leftover.put(staging.flip());
    }
    if (!sending.isEmpty()) {
      send(nowNanos);
    }
  }

  private void handle(ByteBuffer in, PageChecker checker, long nowNanos)
      throws IOException, EggsException {
    while (true) {
      BlockOp op = awaiting.peek();
      if (op == null) {
        if (in.hasRemaining()) {
          throw new IOException("bytes from the block server that nobody asked for");
        }
        return;
      }
      if (!op.responseStarted) {
        if (in.remaining() < Frames.BLOCKS_RESPONSE_HEADER_SIZE) {
          return;
        }
        int start = in.position();
        int magic = in.getInt(start);
        int kind = in.get(start + 4) & 0xff;
        if (magic != ProtocolConstants.MAGIC_BLOCKS_RESPONSE || (kind != 0 && kind != op.kind())) {
          throw new EggsException(
              ErrorCode.MALFORMED_RESPONSE, "block server " + address + " answered nonsense");
        }
        if (kind == 0) {
          if (in.remaining() < Frames.BLOCKS_ERROR_SIZE) {
            return;
          }
          in.position(start + Frames.BLOCKS_RESPONSE_HEADER_SIZE);
          fail(op, ErrorCode.ofCode(in.getShort() & 0xffff), nowNanos);
          continue;
        }
        in.position(start + Frames.BLOCKS_RESPONSE_HEADER_SIZE);
        op.responseStarted = true;
      }
      if (!op.receive(in, checker)) {
        return;
      }
      if (!op.isSent()) {
        throw new EggsException(
            ErrorCode.MALFORMED_RESPONSE, "block server " + address + " answered before the end");
      }
      awaiting.poll();
      finished(op, null, nowNanos);
    }
  }

  private void fail(BlockOp op, ErrorCode code, long nowNanos) throws IOException {
    awaiting.poll();
    boolean midway = !op.isSent();
    if (midway) {
      sending.remove(op);
    }
    finished(
        op,
        new EggsException(
            code == null ? ErrorCode.MALFORMED_RESPONSE : code, "block server " + address),
        nowNanos);
    if (midway) {
      throw new IOException("write refused midway");
    }
  }

  private void finished(BlockOp op, Exception failure, long nowNanos) {
    responses++;
    outstandingWeight -= op.weight();
    count(failure);
    op.complete(failure);
    pool.roomOn(this, nowNanos);
  }

  private void count(Exception failure) {
    if (failure == null) {
      counters.completed.increment();
    } else {
      counters.failed.increment();
    }
  }

  private void failHead(EggsException e) {
    if (e.code() == ErrorCode.BAD_BLOCK_CRC) {
      counters.damagedPages.increment();
    }
    BlockOp head = awaiting.poll();
    if (head != null) {
      sending.remove(head);
      outstandingWeight -= head.weight();
      count(e);
      head.complete(e);
    }
  }

  /** Closes when nothing has moved for too long. */
  void checkDeadline(long nowNanos, long limitNanos) {
    if (nowNanos - progressNanos > limitNanos) {
      counters.deadlines.increment();
      close(
          new SocketTimeoutException(
              "block server " + address + (connected ? " hangs" : " cannot be reached")),
          false);
    }
  }

  /**
   * Ends the connection. What had not got a byte of response is sent again once, on a fresh
   * connection, if this one had served before (the server may merely have closed it when it was
   * idle) or was ended by the fault of another request. The rest fails.
   */
  void close(IOException reason, boolean othersAreInnocent) {
    if (closed) {
      return;
    }
    closed = true;
    key.cancel();
    try {
      channel.close();
    } catch (IOException e) {
      reason.addSuppressed(e);
    }
    List<BlockOp> orphans = new ArrayList<>(awaiting);
    for (BlockOp op : sending) {
      if (orphans.isEmpty() || orphans.getLast() != op) {
        orphans.add(op);
      }
    }
    awaiting.clear();
    sending.clear();
    outstandingWeight = 0;
    if (!orphans.isEmpty()) {
      counters.deadConnections.increment();
    }
    if (!connected) {
      counters.connectFailures.increment();
    }
    boolean hung = reason instanceof SocketTimeoutException;
    pool.ended(this, orphans, reason, othersAreInnocent || (responses > 0 && !hung), !connected);
  }

  InetSocketAddress address() {
    return address;
  }
}
