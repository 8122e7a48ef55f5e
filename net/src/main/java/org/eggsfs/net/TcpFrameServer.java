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
import java.util.Optional;
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
 * <p>Bounded: connections ({@code connectionsMax}; at the limit the one is closed that has been
 * idle longest, if for {@code idleMin} at least, else the new one), requests ({@code
 * requestBytesMax}; a longer one closes its connection), requests of one connection in work ({@link
 * #IN_WORK_MAX}; further ones wait in the socket), and two amounts of memory. All requests in work
 * together may take {@code memoryBytesMax}, as the handler reckons ({@link Handler#memory}): at the
 * limit a request waits for its share, in the order of arrival, and who does not get it in time is
 * closed. Requests that are still arriving may take half as much again beyond the {@link
 * #BUFFER_BYTES} that each connection has: who needs more then is closed at once, so that requests
 * which never end cannot keep whole ones waiting. A request's memory grows with the bytes that
 * arrive, never with the length announced.
 */
public final class TcpFrameServer implements AutoCloseable {
  /** A whole answer frame; written out when it is its turn. */
  public interface Reply {
    /** Exactly the bytes {@link #encode} writes. */
    int size();

    /** Writes the frame. */
    void encode(ByteBuffer out);

    /** The bytes of the frame if they exist already, as several may share them; not modified. */
    default Optional<byte[]> shared() {
      return Optional.empty();
    }
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

    /**
     * About how many bytes of memory the request takes until it is answered: itself decoded, what
     * it changes, its answer. Asked before it is handed over; must not move its position.
     */
    default long memory(ByteBuffer request) {
      return (long) DECODED_FACTOR * request.remaining();
    }
  }

  /**
   * What may be set.
   *
   * @param requestMagic first four bytes of every request
   * @param connectionsMax connections at a time
   * @param requestBytesMax longest request
   * @param memoryBytesMax memory of all requests in work; what arrives may take half as much again
   * @param idleMin how long a connection must have been without a request to make place for another
   * @param idleTime how long a connection may be without a request
   * @param frameTime how long a request may take to arrive once begun, and an answer to leave
   */
  public record Options(
      int requestMagic,
      int connectionsMax,
      int requestBytesMax,
      long memoryBytesMax,
      Duration idleMin,
      Duration idleTime,
      Duration frameTime) {
    /** Limits of the shuckle, which shares its heap with nobody but its state. */
    public static Options standard(int requestMagic) {
      return new Options(
          requestMagic,
          4_000,
          16 << 20,
          Runtime.getRuntime().maxMemory() / HEAP_SHARE,
          Duration.ofSeconds(10),
          Duration.ofMinutes(10),
          Duration.ofSeconds(15));
    }

    /** The same with another limit of connections. */
    public Options withConnectionsMax(int value) {
      return new Options(
          requestMagic, value, requestBytesMax, memoryBytesMax, idleMin, idleTime, frameTime);
    }

    /** Checks the values. */
    public Options {
      if (connectionsMax < 1 || requestBytesMax < 1 || memoryBytesMax < 2 * UNIT_BYTES) {
        throw new IllegalArgumentException("limits must be positive");
      }
      if (!idleMin.isPositive() || !idleTime.isPositive() || !frameTime.isPositive()) {
        throw new IllegalArgumentException("times must be positive");
      }
    }
  }

  /** Requests of one connection handed over but not yet answered. */
  public static final int IN_WORK_MAX = 512;

  /** What each connection has for requests that arrive, and for short answers; not counted. */
  public static final int BUFFER_BYTES = 4 << 10;

  /**
   * What a byte of a request becomes at the most: its objects, changed rows, and what is logged.
   */
  public static final int DECODED_FACTOR = 8;

  /** This part of the heap is for requests in work. */
  private static final int HEAP_SHARE = 4;

  private static final System.Logger LOG = System.getLogger(TcpFrameServer.class.getName());

  private static final int HEADER_BYTES = Frames.SHUCKLE_HEADER_SIZE;
  private static final int BACKLOG = 1_024;
  private static final int UNIT_BYTES = 1 << 10;
  private static final long SWEEP_MILLIS_MAX = 2_000;
  private static final long EVICTION_MILLIS_MAX = 1_000;
  private static final long FAILURE_PAUSE_MILLIS = 100;
  private static final long CLOSE_WAIT_SECONDS = 5;

  private final Options options;
  private final Handler handler;
  private final List<ServerSocket> listeners = new ArrayList<>();
  private final List<InetSocketAddress> addresses = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final Semaphore connectionSlots;
  private final int workUnitsMax;
  private final Semaphore workMemory;
  private final Semaphore arrivingMemory;
  private final AtomicLong refused = new AtomicLong();
  private final AtomicLong evicted = new AtomicLong();
  private final CountDownLatch stopping = new CountDownLatch(1);

  private TcpFrameServer(Options options, Handler handler) {
    this.options = options;
    this.handler = handler;
    this.connectionSlots = new Semaphore(options.connectionsMax());
    this.workUnitsMax = (int) Math.min(options.memoryBytesMax() / UNIT_BYTES, Integer.MAX_VALUE);
    this.workMemory = new Semaphore(workUnitsMax, true);
    this.arrivingMemory = new Semaphore(workUnitsMax / 2);
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

  /** Idle connections closed to make place for new ones. */
  public long evictedCount() {
    return evicted.get();
  }

  private boolean isStopping() {
    return stopping.getCount() == 0;
  }

  private void accept(ServerSocket listener) {
    while (!isStopping()) {
      Socket socket = null;
      boolean served = false;
      try {
        socket = listener.accept();
        served = admit(socket);
      } catch (IOException | RuntimeException | Error e) {
        if (isStopping()) {
          return;
        }
        // Out of file descriptors or memory, most likely: without this loop nobody is served again.
        LOG.log(System.Logger.Level.WARNING, "cannot accept a connection", e);
        pause(FAILURE_PAUSE_MILLIS);
      } finally {
        if (!served && socket != null) {
          closeQuietly(socket);
        }
      }
    }
  }

  /** Begins to serve a connection; false if there are too many. */
  private boolean admit(Socket socket) {
    if (!connectionSlots.tryAcquire() && !takeSlotOfIdle()) {
      refused.incrementAndGet();
      return false;
    }
    Connection connection = null;
    boolean started = false;
    try {
      connection = new Connection(socket);
      connections.add(connection);
      if (isStopping()) {
        closeQuietly(socket);
      }
      Thread.ofVirtual().name("connection-" + socket.getPort()).start(connection);
      started = true;
    } finally {
      if (!started) {
        if (connection != null) {
          connections.remove(connection);
        }
        connectionSlots.release();
      }
    }
    return started;
  }

  /** Closes the connection that has been idle longest; false if none has been for long. */
  private boolean takeSlotOfIdle() {
    long now = System.nanoTime();
    Connection longest = null;
    long idleMax = options.idleMin().toNanos();
    for (Connection connection : connections) {
      long idle = connection.idleNanos(now);
      if (idle >= idleMax) {
        idleMax = idle;
        longest = connection;
      }
    }
    if (longest == null) {
      return false;
    }
    closeQuietly(longest.socket);
    try {
      // Its thread gives the slot back as soon as it has noticed.
      if (!connectionSlots.tryAcquire(EVICTION_MILLIS_MAX, TimeUnit.MILLISECONDS)) {
        return false;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
    evicted.incrementAndGet();
    return true;
  }

  private void sweep() {
    long sweepMillis =
        Math.clamp(
            Math.min(options.idleTime().toMillis(), options.frameTime().toMillis()) / 2,
            1,
            SWEEP_MILLIS_MAX);
    while (!pause(sweepMillis)) {
      try {
        closeLate();
      } catch (RuntimeException | Error e) {
        LOG.log(System.Logger.Level.WARNING, "cannot look for silent connections", e);
      }
    }
  }

  private void closeLate() {
    long now = System.nanoTime();
    for (Connection connection : connections) {
      long deadline = connection.deadline;
      if (deadline != Connection.NO_DEADLINE && deadline - now < 0) {
        // Its thread wakes up with an exception and cleans up.
        closeQuietly(connection.socket);
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

  /** One peer. All fields but the volatile ones belong to its thread. */
  private final class Connection implements Runnable {
    static final long NO_DEADLINE = Long.MIN_VALUE;
    static final long BUSY = Long.MIN_VALUE;

    final Socket socket;

    /** When the sweeper closes the socket, in nanoTime; NO_DEADLINE while we ourselves are busy. */
    volatile long deadline;

    /** Since when there has been nothing to do, in nanoTime; BUSY while there is. */
    private volatile long idleSince;

    private byte[] bytes = new byte[BUFFER_BYTES];
    private int start;
    private int end;

    /** Part of a request has been seen, and {@link #deadline} is set for the rest. */
    private boolean midFrame;

    /** Units of {@link #arrivingMemory} that {@link #bytes} holds now. */
    private int arrivingUnits;

    /** Units of {@link #workMemory} that the requests in work hold. */
    private int workUnits;

    private final List<CompletableFuture<Reply>> inWork = new ArrayList<>();

    Connection(Socket socket) {
      this.socket = socket;
      this.idleSince = System.nanoTime();
      this.deadline = idleSince + options.idleTime().toNanos();
    }

    /** How long it has been without a request; 0 while it has one, or a part of one. */
    long idleNanos(long now) {
      long since = idleSince;
      return since == BUSY ? 0 : now - since;
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
        arrivingMemory.release(arrivingUnits);
        workMemory.release(workUnits);
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
        takeMemory(handler.memory(request), out);
        inWork.add(begin(request));
      }
    }

    /** Takes the share of a request; one that wants more than there is gets all, alone. */
    private void takeMemory(long size, OutputStream out)
        throws IOException, ExecutionException, InterruptedException, TimeoutException {
      int units = (int) Math.min(units(size), workUnitsMax);
      // Not the form without a time: it would overtake those who wait for more.
      if (!workMemory.tryAcquire(units, 0, TimeUnit.NANOSECONDS)) {
        // Our own earlier requests may be what holds it.
        answer(out);
        deadline = NO_DEADLINE;
        if (!workMemory.tryAcquire(units, options.frameTime().toMillis(), TimeUnit.MILLISECONDS)) {
          throw new TimeoutException("no memory for a request");
        }
      }
      workUnits += units;
    }

    private static long units(long size) {
      return (size + UNIT_BYTES - 1) / UNIT_BYTES;
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
        idleSince = System.nanoTime();
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
      idleSince = BUSY;
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
      int units = (int) units(size);
      if (units > arrivingUnits) {
        if (!arrivingMemory.tryAcquire(units - arrivingUnits)) {
          throw new TimeoutException("no memory for a request that arrives");
        }
        arrivingUnits = units;
      }
      bytes = Arrays.copyOf(bytes, size);
    }

    private void shrink() {
      if (bytes.length > BUFFER_BYTES) {
        bytes = new byte[BUFFER_BYTES];
        arrivingMemory.release(arrivingUnits);
        arrivingUnits = 0;
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
        if (size > BUFFER_BYTES) {
          sendLarge(out, reply);
          continue;
        }
        if (gathered == null) {
          gathered = Frames.buffer(inWork.size() == 1 ? size : BUFFER_BYTES);
        }
        reply.encode(gathered);
      }
      inWork.clear();
      send(out, gathered);
      workMemory.release(workUnits);
      workUnits = 0;
    }

    private void sendLarge(OutputStream out, Reply reply) throws IOException {
      Optional<byte[]> shared = reply.shared();
      if (shared.isPresent()) {
        send(out, shared.get(), shared.get().length);
        return;
      }
      ByteBuffer frame = Frames.buffer(reply.size());
      reply.encode(frame);
      send(out, frame);
    }

    /** Sends what was put into the buffer and empties it. */
    private void send(OutputStream out, ByteBuffer buffer) throws IOException {
      if (buffer != null && buffer.position() > 0) {
        send(out, buffer.array(), buffer.position());
        buffer.clear();
      }
    }

    private void send(OutputStream out, byte[] frame, int length) throws IOException {
      arm(options.frameTime());
      out.write(frame, 0, length);
      deadline = NO_DEADLINE;
    }
  }
}
