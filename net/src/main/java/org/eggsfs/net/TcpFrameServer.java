package org.eggsfs.net;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;

/**
 * Serves length-framed requests over TCP: u32 magic, u32 length, that many bytes (wire.md section
 * 9).
 *
 * <p>One virtual thread per listening address and per connection, plus one that closes connections
 * which stay silent or stop reading. Requests of one connection are answered in order. Requests
 * that have arrived together are handed to the handler together, before the first of them is
 * answered, so that writes of one caller can share one fsync.
 *
 * <p>Bounded: connections ({@code connectionsMax}; at the limit the new one is closed), requests
 * ({@code requestBytesMax}; a longer one closes its connection), requests of one connection in work
 * ({@link #IN_WORK_MAX}; further ones wait in the socket), and the memory of all large requests and
 * answers together ({@link #LARGE_BYTES_MAX}; who does not get some in time is closed). A request's
 * memory grows with the bytes that arrive, never with the length announced.
 */
public final class TcpFrameServer implements AutoCloseable {
  /** A whole answer frame; written out only when there is memory for it. */
  public interface Reply {
    /** Exactly the bytes {@link #encode} writes. */
    int size();

    /** Writes the frame. */
    void encode(ByteBuffer out);
  }

  /** What the frames mean. */
  public interface Handler {
    /**
     * Begins to answer a request; called by the connection's thread.
     *
     * @param request the bytes behind the length, little-endian; valid only during the call
     * @return completed with the answer, or exceptionally to close the connection once earlier
     *     requests are answered
     */
    CompletableFuture<Reply> handle(ByteBuffer request);

    /**
     * Whether this request must see the effects of earlier ones of its connection, and is therefore
     * handed over only when they are answered. Must not move the request's position.
     */
    boolean waitsForEarlier(ByteBuffer request);
  }

  /**
   * What may be set.
   *
   * @param requestMagic first four bytes of every request
   * @param connectionsMax connections at a time
   * @param requestBytesMax longest request
   * @param idleTime how long a connection may be without a request
   * @param frameTime how long a request may take to arrive once begun, and an answer to leave
   */
  public record Options(
      int requestMagic,
      int connectionsMax,
      int requestBytesMax,
      Duration idleTime,
      Duration frameTime) {
    /** Limits of the shuckle. */
    public static Options standard(int requestMagic) {
      return new Options(
          requestMagic, 4_000, 16 << 20, Duration.ofMinutes(10), Duration.ofSeconds(15));
    }

    /** Checks the values. */
    public Options {
      if (connectionsMax < 1 || requestBytesMax < 1) {
        throw new IllegalArgumentException("limits must be positive");
      }
      if (!idleTime.isPositive() || !frameTime.isPositive()) {
        throw new IllegalArgumentException("times must be positive");
      }
    }
  }

  /** Requests of one connection handed over but not yet answered. */
  public static final int IN_WORK_MAX = 512;

  /** Memory of all requests and answers above {@link #SMALL_BYTES} together. */
  public static final int LARGE_BYTES_MAX = 256 << 20;

  /** Requests and answers up to this size are not counted. */
  public static final int SMALL_BYTES = 64 << 10;

  private static final System.Logger LOG = System.getLogger(TcpFrameServer.class.getName());

  private static final int HEADER_BYTES = Frames.SHUCKLE_HEADER_SIZE;
  private static final int BUFFER_BYTES = 4 << 10;
  private static final int OUT_BYTES = 16 << 10;
  private static final int BACKLOG = 1_024;
  private static final int UNIT_BYTES = 1 << 10;
  private static final long SWEEP_MILLIS_MAX = 2_000;
  private static final long ACCEPT_PAUSE_MILLIS = 100;
  private static final long CLOSE_WAIT_SECONDS = 5;

  private final Options options;
  private final Handler handler;
  private final List<ServerSocket> listeners = new ArrayList<>();
  private final List<InetSocketAddress> addresses = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final Semaphore connectionSlots;
  private final Semaphore largeMemory = new Semaphore(LARGE_BYTES_MAX / UNIT_BYTES, true);
  private final AtomicLong refused = new AtomicLong();
  private final CountDownLatch stopping = new CountDownLatch(1);

  private TcpFrameServer(Options options, Handler handler) {
    this.options = options;
    this.handler = handler;
    this.connectionSlots = new Semaphore(options.connectionsMax());
  }

  /**
   * Binds all addresses and begins to serve.
   *
   * @param bind where to listen; port 0 chooses one
   * @throws IOException if an address cannot be bound; then nothing is left open
   */
  public static TcpFrameServer start(List<InetSocketAddress> bind, Options options, Handler handler)
      throws IOException {
    TcpFrameServer server = new TcpFrameServer(options, handler);
    boolean started = false;
    try {
      for (InetSocketAddress address : bind) {
        server.bind(address);
      }
      for (ServerSocket listener : server.listeners) {
        server.threads.add(
            Thread.ofVirtual()
                .name("accept-" + listener.getLocalPort())
                .start(() -> server.accept(listener)));
      }
      server.threads.add(Thread.ofVirtual().name("frame-sweeper").start(server::sweep));
      started = true;
      return server;
    } finally {
      if (!started) {
        server.close();
      }
    }
  }

  private void bind(InetSocketAddress address) throws IOException {
    ServerSocket listener = new ServerSocket();
    listeners.add(listener);
    // A restarted server must get its port back at once.
    listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
    try {
      listener.bind(address, BACKLOG);
    } catch (IOException e) {
      throw new IOException("cannot listen on " + address + ": " + e.getMessage(), e);
    }
    addresses.add((InetSocketAddress) listener.getLocalSocketAddress());
  }

  /** Where the server listens, in the order given. */
  public List<InetSocketAddress> addresses() {
    return List.copyOf(addresses);
  }

  /** Connections open now. */
  public int connectionCount() {
    return connections.size();
  }

  /** Connections closed at once because there were too many. */
  public long refusedCount() {
    return refused.get();
  }

  private boolean isStopping() {
    return stopping.getCount() == 0;
  }

  private void accept(ServerSocket listener) {
    while (!isStopping()) {
      Socket socket;
      try {
        socket = listener.accept();
      } catch (IOException e) {
        if (isStopping()) {
          return;
        }
        // Out of file descriptors, most likely: wait for some to be closed.
        LOG.log(System.Logger.Level.WARNING, "cannot accept a connection", e);
        pause(ACCEPT_PAUSE_MILLIS);
        continue;
      }
      if (!connectionSlots.tryAcquire()) {
        refused.incrementAndGet();
        closeQuietly(socket);
        continue;
      }
      Connection connection = new Connection(socket);
      connections.add(connection);
      if (isStopping()) {
        closeQuietly(socket);
      }
      Thread.ofVirtual().name("connection-" + socket.getPort()).start(connection);
    }
  }

  private void sweep() {
    long sweepMillis =
        Math.clamp(
            Math.min(options.idleTime().toMillis(), options.frameTime().toMillis()) / 2,
            1,
            SWEEP_MILLIS_MAX);
    while (!pause(sweepMillis)) {
      long now = System.nanoTime();
      for (Connection connection : connections) {
        long deadline = connection.deadline;
        if (deadline != Connection.NO_DEADLINE && deadline - now < 0) {
          // Its thread wakes up with an exception and cleans up.
          closeQuietly(connection.socket);
        }
      }
    }
  }

  /** Sleeps; true if the server is stopping. */
  private boolean pause(long millis) {
    try {
      return stopping.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  private static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "closing a connection", e);
    }
  }

  /** Stops listening and closes all connections; requests in work are not answered. */
  @Override
  public void close() {
    stopping.countDown();
    for (ServerSocket listener : listeners) {
      try {
        listener.close();
      } catch (IOException e) {
        LOG.log(System.Logger.Level.DEBUG, "closing a listening socket", e);
      }
    }
    for (Connection connection : connections) {
      closeQuietly(connection.socket);
    }
    try {
      for (Thread thread : threads) {
        thread.join(Duration.ofSeconds(CLOSE_WAIT_SECONDS));
      }
      if (connectionSlots.tryAcquire(
          options.connectionsMax(), CLOSE_WAIT_SECONDS, TimeUnit.SECONDS)) {
        connectionSlots.release(options.connectionsMax());
      } else {
        LOG.log(System.Logger.Level.WARNING, "a connection is still at work after close");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** One peer. All fields but the deadline belong to its thread. */
  private final class Connection implements Runnable {
    static final long NO_DEADLINE = Long.MIN_VALUE;

    final Socket socket;

    /** When the sweeper closes the socket, in nanoTime; NO_DEADLINE while we ourselves are busy. */
    volatile long deadline;

    private byte[] bytes = new byte[BUFFER_BYTES];
    private int start;
    private int end;

    /** Part of a request has been seen, and {@link #deadline} is set for the rest. */
    private boolean midFrame;

    /** Counted units that {@link #bytes} holds now. */
    private int heldUnits;

    private final List<CompletableFuture<Reply>> inWork = new ArrayList<>();

    Connection(Socket socket) {
      this.socket = socket;
      this.deadline = System.nanoTime() + options.idleTime().toNanos();
    }

    @Override
    public void run() {
      try {
        socket.setTcpNoDelay(true);
        socket.setKeepAlive(true);
        serve(socket.getInputStream(), socket.getOutputStream());
      } catch (IOException | ExecutionException | TimeoutException e) {
        // The peer went away or sent nonsense: its own business.
        LOG.log(System.Logger.Level.DEBUG, "connection ended", e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (RuntimeException e) {
        LOG.log(System.Logger.Level.ERROR, "a connection failed", e);
      } finally {
        closeQuietly(socket);
        largeMemory.release(heldUnits);
        connections.remove(this);
        connectionSlots.release();
      }
    }

    private void serve(InputStream in, OutputStream out)
        throws IOException, ExecutionException, InterruptedException, TimeoutException {
      while (true) {
        int length = frameLength();
        if (length < 0 || end - start < HEADER_BYTES + length) {
          answer(out);
          if (!fill(in, length)) {
            return;
          }
          continue;
        }
        ByteBuffer request = ByteBuffer.wrap(bytes, start + HEADER_BYTES, length).slice();
        request.order(ByteOrder.LITTLE_ENDIAN);
        start += HEADER_BYTES + length;
        midFrame = false;
        if (inWork.size() == IN_WORK_MAX
            || (!inWork.isEmpty() && handler.waitsForEarlier(request))) {
          answer(out);
        }
        inWork.add(begin(request));
      }
    }

    private CompletableFuture<Reply> begin(ByteBuffer request) {
      try {
        return handler.handle(request);
      } catch (MalformedMessageException e) {
        return CompletableFuture.failedFuture(e);
      } catch (RuntimeException e) {
        LOG.log(System.Logger.Level.ERROR, "a request failed", e);
        return CompletableFuture.failedFuture(e);
      }
    }

    /** The length of the next request, or -1 while its header is incomplete. */
    private int frameLength() throws IOException {
      if (end - start < HEADER_BYTES) {
        return -1;
      }
      ByteBuffer header =
          ByteBuffer.wrap(bytes, start, HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
      if (header.getInt() != options.requestMagic()) {
        throw new IOException("wrong magic");
      }
      int length = header.getInt();
      if (length < 1 || length > options.requestBytesMax()) {
        throw new IOException("request of " + Integer.toUnsignedString(length) + " bytes");
      }
      return length;
    }

    /** Reads what there is; false at the orderly end. */
    private boolean fill(InputStream in, int length) throws IOException, TimeoutException {
      if (start == end) {
        start = 0;
        end = 0;
        shrink();
        arm(options.idleTime());
      } else if (!midFrame) {
        // The first bytes of a request are here: the rest has to come soon.
        midFrame = true;
        arm(options.frameTime());
      }
      makeRoom(length);
      int n = in.read(bytes, end, bytes.length - end);
      if (n < 0) {
        return false;
      }
      end += n;
      return true;
    }

    private void arm(Duration time) {
      deadline = System.nanoTime() + time.toNanos();
    }

    private void makeRoom(int length) throws TimeoutException {
      if (start > 0) {
        System.arraycopy(bytes, start, bytes, 0, end - start);
        end -= start;
        start = 0;
      }
      if (end < bytes.length) {
        return;
      }
      // Full and the request is incomplete: at most double what has arrived.
      int size = (int) Math.min(2L * bytes.length, (long) HEADER_BYTES + length);
      size = Math.max(size, bytes.length + 1);
      int units = size <= SMALL_BYTES ? 0 : (size + UNIT_BYTES - 1) / UNIT_BYTES;
      if (units > heldUnits && !largeMemory.tryAcquire(units - heldUnits)) {
        throw new TimeoutException("no memory for a large request");
      }
      heldUnits = Math.max(heldUnits, units);
      bytes = Arrays.copyOf(bytes, size);
    }

    private void shrink() {
      if (bytes.length > BUFFER_BYTES) {
        bytes = new byte[BUFFER_BYTES];
        largeMemory.release(heldUnits);
        heldUnits = 0;
      }
    }

    /** Waits for everything in work and sends the answers, small ones together. */
    private void answer(OutputStream out)
        throws IOException, ExecutionException, InterruptedException, TimeoutException {
      if (inWork.isEmpty()) {
        return;
      }
      deadline = NO_DEADLINE;
      ByteBuffer gathered = null;
      for (CompletableFuture<Reply> future : inWork) {
        Reply reply;
        try {
          reply = future.get();
        } catch (ExecutionException e) {
          send(out, gathered);
          throw e;
        }
        int size = reply.size();
        if (gathered != null && gathered.remaining() < size) {
          send(out, gathered);
        }
        if (size > OUT_BYTES) {
          sendLarge(out, reply);
          continue;
        }
        if (gathered == null) {
          gathered = Frames.buffer(inWork.size() == 1 ? size : OUT_BYTES);
        }
        reply.encode(gathered);
      }
      inWork.clear();
      send(out, gathered);
    }

    private void sendLarge(OutputStream out, Reply reply)
        throws IOException, InterruptedException, TimeoutException {
      int size = reply.size();
      int units = size <= SMALL_BYTES ? 0 : (size + UNIT_BYTES - 1) / UNIT_BYTES;
      if (!largeMemory.tryAcquire(units, options.frameTime().toMillis(), TimeUnit.MILLISECONDS)) {
        throw new TimeoutException("no memory for a large answer");
      }
      try {
        ByteBuffer frame = Frames.buffer(size);
        reply.encode(frame);
        send(out, frame);
      } finally {
        largeMemory.release(units);
      }
    }

    /** Sends what was put into the buffer and empties it. */
    private void send(OutputStream out, ByteBuffer buffer) throws IOException {
      if (buffer != null && buffer.position() > 0) {
        arm(options.frameTime());
        out.write(buffer.array(), 0, buffer.position());
        deadline = NO_DEADLINE;
        buffer.clear();
      }
    }
  }
}
