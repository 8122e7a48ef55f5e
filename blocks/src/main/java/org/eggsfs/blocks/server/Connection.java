package org.eggsfs.blocks.server;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.eggsfs.blocks.format.BlockFormat;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.blocks.BlocksKind;
import org.eggsfs.protocol.blocks.BlocksRequest;

/**
 * One client connection (blocks.md section 5). Its thread reads requests; bodies of writes go to
 * the disk as they arrive. While the client waits for one answer at a time, the same thread also
 * answers. Once requests are pipelined they run on the disks' queues and a second thread sends the
 * answers in the order of the requests.
 */
final class Connection implements Runnable {
  private static final System.Logger LOGGER = System.getLogger(Connection.class.getName());

  /** Requests in progress; beyond it nothing more is read. */
  private static final int PENDING_MAX = 64;

  private static final int HEADER_BUFFER_SIZE = 16 << 10;

  /** A transfer buffer is held meanwhile, so a stalled peer ends the connection soon. */
  private static final long STALL_NANOS = 30_000_000_000L;

  private record Pending(long serviceId, long blockId, CompletableFuture<Response> response) {}

  private final SocketChannel channel;
  private final RequestHandler handler;
  private final Runnable onEnd;
  private final long timeoutNanos;
  private final ByteBuffer in = Frames.directBuffer(HEADER_BUFFER_SIZE).limit(0);

  /** Guarded by itself: requests without an answer yet, oldest first. */
  private final ArrayDeque<Pending> pending = new ArrayDeque<>();

  private Thread sender;
  private boolean ended;
  private volatile long deadline;

  /** When the wait for the next request began; 0 while there is something to do. */
  private volatile long idleSinceNanos;

  // Guarded by pending: what the two threads are occupied with, when it is about a disk.
  private BlockService reading;
  private CompletableFuture<Response> awaited;
  private BlockService sending;

  /** What the second thread answers or is about to: it lets go of that itself. */
  private Pending answering;

  /** Of the body that is received and of the answer that is sent, while there are such. */
  private volatile PeerClock receivingClock;

  private volatile PeerClock sendingClock;

  /**
   * A connection, served by {@link #run}.
   *
   * @param onEnd called when it has ended
   */
  Connection(SocketChannel channel, RequestHandler handler, Runnable onEnd, long timeoutNanos) {
    this.channel = channel;
    this.handler = handler;
    this.onEnd = onEnd;
    this.timeoutNanos = timeoutNanos;
    extendDeadline(timeoutNanos);
  }

  private void extendDeadline(long nanos) {
    deadline = nanos == 0 ? Long.MAX_VALUE : System.nanoTime() + nanos;
  }

  void closeIfExpired(long nowNanos) {
    long limit = deadline;
    if ((limit != Long.MAX_VALUE && nowNanos - limit > 0)
        || isOver(receivingClock, nowNanos)
        || isOver(sendingClock, nowNanos)) {
      close();
    }
  }

  private static boolean isOver(PeerClock clock, long nowNanos) {
    return clock != null && clock.isOver(nowNanos);
  }

  /** How long it has had nothing to do; 0 when it has. */
  long idleNanos(long nowNanos) {
    long since = idleSinceNanos;
    synchronized (pending) {
      return since == 0 || !pending.isEmpty() ? 0 : nowNanos - since;
    }
  }

  /**
   * A disk hangs: answers what waits for it, and closes the connection if one of its threads is
   * inside a call for that disk, as nothing else can pass it then. Clients repeat what was merely
   * behind it on another connection.
   */
  void diskHangs(BlockService service) {
    boolean stuck;
    synchronized (pending) {
      for (Pending request : pending) {
        if (request.serviceId == service.id) {
          request.response.complete(Response.error(ErrorCode.BLOCK_IO_ERROR_DEVICE, false));
        }
      }
      stuck = service.equals(sending);
      if (service.equals(reading)) {
        if (awaited == null) {
          stuck = true;
        } else {
          awaited.complete(Response.error(ErrorCode.BLOCK_IO_ERROR_DEVICE, false));
        }
      }
    }
    if (stuck) {
      close();
    }
  }

  /** Closes the socket; both threads end. */
  void close() {
    try {
      channel.close();
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "closing a connection", e);
    }
    synchronized (pending) {
      ended = true;
      pending.notifyAll();
    }
  }

  @Override
  public void run() {
    try {
      while (serveOne()) {
        extendDeadline(timeoutNanos);
      }
      awaitPending();
    } catch (EOFException | AsynchronousCloseException e) {
      LOGGER.log(System.Logger.Level.TRACE, "connection ended", e);
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "connection failed", e);
    } catch (RuntimeException | Error e) {
      LOGGER.log(System.Logger.Level.ERROR, "a connection failed; the server goes on", e);
    } finally {
      close();
      releasePending();
      onEnd.run();
    }
  }

  /** Reads and starts one request; false when the connection is to end. */
  private boolean serveOne() throws IOException {
    idleSinceNanos = System.nanoTime() | 1;
    if (!fill(Frames.BLOCKS_REQUEST_HEADER_SIZE, true)) {
      return false;
    }
    idleSinceNanos = 0;
    int magic = in.getInt();
    long serviceId = in.getLong();
    int kind = in.get() & 0xff;
    int bodySize = bodySize(kind);
    if (magic != ProtocolConstants.MAGIC_BLOCKS_REQUEST || bodySize < 0) {
      return refuse();
    }
    fill(bodySize, false);
    BlocksRequest request;
    try {
      request = BlocksRequest.decode(kind, in);
    } catch (MalformedMessageException e) {
      return refuse();
    }
    extendDeadline(timeoutNanos);
    boolean pipelined = isPipelined(RequestHandler.dataSize(request));
    long blockId = RequestHandler.blockId(request);
    awaitSameBlock(serviceId, blockId);
    occupy(handler.service(serviceId), null);
    CompletableFuture<Response> response = handler.handle(this, serviceId, request, pipelined);
    if (pipelined) {
      enqueue(new Pending(serviceId, blockId, response));
      occupy(null, null);
      // What follows a request that ends the connection is unread data, not requests.
      return !(response.isDone()
          && join(response) instanceof Response.Frame frame
          && frame.close());
    }
    occupy(handler.service(serviceId), response);
    Response answer = join(response);
    occupy(null, null);
    return send(answer);
  }

  /** Says what the reading thread does: a request of a disk, or waiting for its answer. */
  private void occupy(BlockService service, CompletableFuture<Response> response) {
    synchronized (pending) {
      reading = service;
      awaited = response;
    }
  }

  private boolean refuse() throws IOException {
    awaitPending();
    send(Response.error(ErrorCode.MALFORMED_REQUEST, true));
    return false;
  }

  private static int bodySize(int kind) {
    return switch (kind) {
      case BlocksKind.ERASE_BLOCK,
          BlocksKind.FETCH_BLOCK,
          BlocksKind.CHECK_BLOCK,
          BlocksKind.QUARANTINE_BLOCK ->
          16;
      case BlocksKind.LIST_BLOCKS -> 17;
      case BlocksKind.WRITE_BLOCK -> 24;
      case BlocksKind.FETCH_BLOCK_WITH_CRC -> 28;
      case BlocksKind.TEST_WRITE -> 8;
      default -> -1;
    };
  }

  /**
   * Whether other requests follow this one, as far as is known: something has come that is not its
   * data, or an answer is outstanding. Large data is still on its way, and so may the next request
   * be that it is to overlap with.
   */
  private boolean isPipelined(long dataSize) {
    synchronized (pending) {
      return in.remaining() != dataSize || !pending.isEmpty();
    }
  }

  private long stallNanos() {
    return timeoutNanos == 0 ? STALL_NANOS : Math.min(timeoutNanos, STALL_NANOS);
  }

  // ---------------------------------------------------------------- reading

  /** Makes {@code count} bytes available; false if the peer closed between requests. */
  private boolean fill(int count, boolean atBoundary) throws IOException {
    if (in.remaining() >= count) {
      return true;
    }
    in.compact();
    try {
      while (in.position() < count) {
        if (channel.read(in) < 0) {
          if (atBoundary && in.position() == 0) {
            return false;
          }
          throw new EOFException("inside a request");
        }
      }
    } finally {
      in.flip();
    }
    return true;
  }

  /** Data of a request follows, for which a transfer buffer is held until {@link #endData}. */
  void beginData(long size) {
    receivingClock = new PeerClock(stallNanos(), size);
  }

  /** The transfer buffer is not held any more. */
  void endData() {
    receivingClock = null;
  }

  /** Fills {@code target} with the next bytes of a request's data. */
  void readData(ByteBuffer target) throws IOException {
    if (in.hasRemaining()) {
      int part = Math.min(in.remaining(), target.remaining());
      target.put(in.slice(in.position(), part));
      in.position(in.position() + part);
    }
    extendDeadline(timeoutNanos);
    // One limit for the whole piece: a trickling peer must not keep the transfer buffer.
    PeerClock clock = receivingClock;
    clock.start(System.nanoTime());
    while (target.hasRemaining()) {
      if (channel.read(target) < 0) {
        throw new EOFException("inside a block");
      }
    }
    clock.stop(System.nanoTime());
  }

  /** Reads and drops the data of a request that failed, so that the stream stays in step. */
  void drain(long count) throws IOException {
    long left = count;
    while (left > 0) {
      if (!in.hasRemaining()) {
        extendDeadline(stallNanos());
        in.clear();
        int received = channel.read(in);
        in.flip();
        if (received < 0) {
          throw new EOFException("inside a block");
        }
      }
      int part = (int) Math.min(left, in.remaining());
      in.position(in.position() + part);
      left -= part;
    }
  }

  // ---------------------------------------------------------------- answering

  private static Response join(CompletableFuture<Response> response) {
    try {
      return response.join();
    } catch (CompletionException e) {
      throw new IllegalStateException("handlers answer with errors, they do not fail", e);
    }
  }

  /** Two requests for one block take effect in their order. */
  private void awaitSameBlock(long serviceId, long blockId) {
    CompletableFuture<Response> earlier = null;
    synchronized (pending) {
      for (Pending request : pending) {
        if (blockId != RequestHandler.NO_BLOCK
            && request.blockId == blockId
            && request.serviceId == serviceId) {
          earlier = request.response;
        }
      }
    }
    if (earlier != null) {
      join(earlier);
    }
  }

  private void enqueue(Pending request) throws IOException {
    synchronized (pending) {
      while (pending.size() >= PENDING_MAX && !ended) {
        waitForChange();
      }
      pending.addLast(request);
      if (sender == null) {
        sender = Thread.ofPlatform().name("blocks-sender").daemon().start(this::sendAll);
      }
      pending.notifyAll();
      if (ended) {
        throw new ClosedChannelException();
      }
    }
  }

  private void waitForChange() {
    try {
      pending.wait();
    } catch (InterruptedException e) {
      // Only closing ends the wait; nobody interrupts these threads.
      LOGGER.log(System.Logger.Level.DEBUG, "interrupted", e);
    }
  }

  private void awaitPending() {
    synchronized (pending) {
      while (!pending.isEmpty() && !ended) {
        waitForChange();
      }
    }
  }

  private void sendAll() {
    try {
      while (true) {
        Pending oldest;
        synchronized (pending) {
          while (pending.isEmpty() && !ended) {
            waitForChange();
          }
          if (ended) {
            return;
          }
          oldest = pending.peekFirst();
          answering = oldest;
        }
        boolean goOn = send(join(oldest.response));
        extendDeadline(timeoutNanos);
        synchronized (pending) {
          answering = null;
          pending.pollFirst();
          pending.notifyAll();
        }
        if (!goOn) {
          return;
        }
      }
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.DEBUG, "sending failed", e);
    } catch (RuntimeException | Error e) {
      LOGGER.log(System.Logger.Level.ERROR, "a connection failed; the server goes on", e);
    } finally {
      close();
    }
  }

  /** Files opened for answers that nobody will send; one may be read for an answer right now. */
  private void releasePending() {
    synchronized (pending) {
      for (Pending request : pending) {
        if (!request.equals(answering)) {
          request.response.thenAccept(Response::dispose);
        }
      }
      pending.clear();
    }
  }

  private boolean send(Response response) throws IOException {
    extendDeadline(timeoutNanos);
    switch (response) {
      case Response.Frame frame -> {
        write(frame.bytes());
        return !frame.close();
      }
      case Response.Pages pages -> {
        sendPages(pages);
        return true;
      }
    }
  }

  private void write(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private void sendPages(Response.Pages pages) throws IOException {
    try {
      sendFrom(pages.service());
      TransferBuffers.Lease lease = pages.service().buffers.take();
      try {
        sendingClock = new PeerClock(stallNanos(), pages.count());
        sendPages(pages, lease.buffer());
      } finally {
        sendingClock = null;
        lease.give();
      }
    } finally {
      sendFrom(null);
      pages.dispose();
    }
  }

  /** Nothing is ever sent after a started body: a failure inside it ends the connection. */
  private void sendPages(Response.Pages pages, ByteBuffer chunk) throws IOException {
    long startNanos = System.nanoTime();
    DiskMetrics metrics = pages.service().metrics;
    long position = pages.offset();
    long left = pages.count();
    chunk.putInt(ProtocolConstants.MAGIC_BLOCKS_RESPONSE).put((byte) pages.kind());
    int start = Frames.BLOCKS_RESPONSE_HEADER_SIZE;
    do {
      int part = (int) Math.min(left, pagesThatFit(chunk.capacity() - start));
      int length = (int) BlockFormat.fileOffset(part);
      chunk.limit(start + length).position(start);
      try {
        pages.file().file().readFully(chunk, BlockFormat.fileOffset(position));
      } catch (IOException e) {
        ErrorCode error = pages.service().classify(e, pages.file().blockId(), "read");
        if (start == 0) {
          throw e;
        }
        // The head is not sent yet, so this can still be an error answer.
        metrics.notRead(pages.kind(), error, System.nanoTime() - startNanos);
        sendPiece(((Response.Frame) Response.error(error, false)).bytes());
        return;
      }
      if (!pages.withCrcs()) {
        length = BlockFormat.stripCrcs(chunk, start, length);
      }
      chunk.limit(start + length).position(0);
      sendPiece(chunk);
      chunk.clear();
      start = 0;
      position += part;
      left -= part;
    } while (left > 0);
    metrics.read(pages.kind(), pages.count(), System.nanoTime() - startNanos);
  }

  private void sendPiece(ByteBuffer bytes) throws IOException {
    extendDeadline(timeoutNanos);
    PeerClock clock = sendingClock;
    clock.start(System.nanoTime());
    write(bytes);
    clock.stop(System.nanoTime());
  }

  private void sendFrom(BlockService service) {
    synchronized (pending) {
      sending = service;
    }
  }

  /** Data bytes whose records fit into so many bytes. */
  private static long pagesThatFit(int bytes) {
    return BlockFormat.pages(bytes) * (long) BlockFormat.PAGE;
  }
}
