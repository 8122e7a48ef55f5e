package org.eggsfs.net;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shuckle.CreateLocationRequest;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;

/**
 * The shuckle as every other role sees it: blocking calls over a few kept TCP connections (wire.md
 * section 9, shuckle.md section 9).
 *
 * <p>Thread-safe; may be called from virtual threads. At most {@link #CONNECTIONS_MAX} calls run at
 * a time, each on a connection of its own; the others wait. Connections are kept after a success
 * and closed after anything else, so a connection never carries leftovers of an earlier call.
 *
 * <p>With several servers, the one that answered last is asked first; a failed connection attempt,
 * or an answer that does not come in time, moves on to the next. Attempts are repeated with growing
 * pauses until {@code connectTime} has passed. When a kept connection turns out dead, the request
 * is repeated once on a new one, unless repeating it could change its answer.
 *
 * <p>The answer's announced length is not trusted with memory: buffers grow as bytes arrive.
 */
public final class ShuckleClient implements AutoCloseable {
  /** How long connecting is tried, all attempts together. */
  public static final Duration CONNECT_TIME = Duration.ofSeconds(10);

  /** How long a request may take from its first byte sent to the last byte of its answer. */
  public static final Duration REQUEST_TIME = Duration.ofSeconds(20);

  /** Calls that run at the same time. */
  public static final int CONNECTIONS_MAX = 4;

  private static final System.Logger LOG = System.getLogger(ShuckleClient.class.getName());

  private static final long PAUSE_MIN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long PAUSE_MAX_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** One attempt's share, so that an unreachable server does not hide a healthy one. */
  private static final int CONNECT_ATTEMPT_MILLIS = 3_000;

  /** The largest legal answer, all block services with the longest paths, is 23 MB. */
  private static final int RESPONSE_BYTES_MAX = 64 << 20;

  private static final int CHUNK_BYTES = 64 << 10;
  private static final int ERROR_FRAME_BYTES = 3;

  private final List<InetSocketAddress> servers;
  private final long connectNanos;
  private final long requestNanos;
  private final Semaphore slots = new Semaphore(CONNECTIONS_MAX, true);
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private final ArrayDeque<Connection> idle = new ArrayDeque<>();
  private final Set<Connection> open = new HashSet<>();
  private int current;
  private boolean closed;

  /** A client with the default times. */
  public ShuckleClient(List<InetSocketAddress> servers) {
    this(servers, CONNECT_TIME, REQUEST_TIME);
  }

  /**
   * A client of the given servers; nothing is contacted yet.
   *
   * @param servers where replicas of the same shuckle listen; unresolved names are resolved at each
   *     connection attempt
   * @param connectTime how long connecting is tried, all attempts together
   * @param requestTime how long one exchange may take
   */
  public ShuckleClient(
      List<InetSocketAddress> servers, Duration connectTime, Duration requestTime) {
    if (servers.isEmpty()) {
      throw new IllegalArgumentException("no shuckle address");
    }
    this.servers = List.copyOf(servers);
    this.connectNanos = connectTime.toNanos();
    this.requestNanos = requestTime.toNanos();
  }

  /** One result of {@link #callAll}: exactly one of the two is not null. */
  public record Outcome(ShuckleResponse response, ErrorCode error) {
    /** The response, or the error as an exception. */
    public ShuckleResponse get() throws EggsException {
      if (error != null) {
        throw new EggsException(error, "shuckle");
      }
      return response;
    }
  }

  /**
   * Asks and waits for the answer. The answer's type is that of the request's kind, so the caller
   * may assign it directly: {@code LocalShardsResponse r = client.call(new LocalShardsRequest())}.
   *
   * @throws EggsException the shuckle's error answer
   * @throws IOException no server reachable, no answer in time, or a broken answer
   */
  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  public <R extends ShuckleResponse> R call(ShuckleRequest request)
      throws IOException, EggsException {
    Outcome outcome = callAll(List.of(request)).getFirst();
    if (outcome.error() != null) {
      throw new EggsException(outcome.error(), "shuckle " + request.getClass().getSimpleName());
    }
    return (R) outcome.response();
  }

  /**
   * Writes all requests, then reads all answers in order: the time of one round trip for, say, the
   * registrations of 256 shards. An error answer concerns only its own request.
   */
  public List<Outcome> callAll(List<ShuckleRequest> requests) throws IOException {
    if (requests.isEmpty()) {
      return List.of();
    }
    ByteBuffer out = encode(requests);
    boolean repeatable = requests.stream().noneMatch(CreateLocationRequest.class::isInstance);
    try {
      slots.acquire();
    } catch (InterruptedException e) {
      throw interrupted();
    }
    try {
      Connection kept = takeIdle();
      if (kept != null) {
        try {
          return exchange(kept, requests, out);
        } catch (SocketTimeoutException e) {
          moveOn(kept.server);
          throw e;
        } catch (ConnectionBrokenException e) {
          throw e;
        } catch (IOException e) {
          if (!repeatable || isClosed()) {
            throw e;
          }
        }
      }
      return callOnNewConnection(requests, out, repeatable);
    } finally {
      slots.release();
    }
  }

  /** A server that closes without an answer may merely not be the leader: the others are asked. */
  private List<Outcome> callOnNewConnection(
      List<ShuckleRequest> requests, ByteBuffer out, boolean repeatable) throws IOException {
    long deadline = System.nanoTime() + connectNanos;
    for (int attempt = 1; ; attempt++) {
      Connection connection = connect(deadline);
      try {
        return exchange(connection, requests, out);
      } catch (SocketTimeoutException e) {
        // This call has no time left; the next one shall ask another.
        moveOn(connection.server);
        throw e;
      } catch (EOFException e) {
        if (!repeatable || attempt >= servers.size()) {
          throw e;
        }
        moveOn(connection.server);
      }
    }
  }

  private static ByteBuffer encode(List<ShuckleRequest> requests) {
    long size = 0;
    for (ShuckleRequest request : requests) {
      size += Frames.SHUCKLE_HEADER_SIZE + 1 + request.encodedSize();
    }
    ByteBuffer out = Frames.buffer(Math.toIntExact(size));
    for (ShuckleRequest request : requests) {
      Frames.putShuckle(out, ProtocolConstants.MAGIC_SHUCKLE_REQUEST, request.kind(), request);
    }
    return out.flip();
  }

  private List<Outcome> exchange(
      Connection connection, List<ShuckleRequest> requests, ByteBuffer out) throws IOException {
    List<Outcome> outcomes = new ArrayList<>(requests.size());
    boolean reusable = false;
    try {
      connection.start(System.nanoTime() + requestNanos);
      connection.socket.getOutputStream().write(out.array(), 0, out.limit());
      boolean last = false;
      for (int i = 0; i < requests.size(); i++) {
        last = i == requests.size() - 1;
        outcomes.add(connection.readOutcome(requests.get(i).kind(), last));
      }
      // After an error, it depends on the server whether two more bytes follow (wire.md section 9).
      reusable = outcomes.getLast().error() == null;
      return outcomes;
    } finally {
      release(connection, reusable);
    }
  }

  private Connection connect(long deadline) throws IOException {
    long pause = PAUSE_MIN_NANOS;
    IOException failure = null;
    while (true) {
      for (int i = 0; i < servers.size(); i++) {
        int server = currentServer();
        try {
          return open(server, deadline);
        } catch (InterruptedIOException e) {
          if (Thread.currentThread().isInterrupted()) {
            throw e;
          }
          failure = e;
        } catch (IOException e) {
          failure = e;
        }
        moveOn(server);
      }
      long left = deadline - System.nanoTime();
      if (left <= 0 || isClosed()) {
        ConnectException e = new ConnectException("no shuckle answers at " + servers);
        e.initCause(failure);
        throw e;
      }
      LockSupport.parkNanos(Math.min(pause, left));
      if (Thread.interrupted()) {
        throw interrupted();
      }
      pause = Math.min(pause + pause / 2, PAUSE_MAX_NANOS);
    }
  }

  private Connection open(int server, long deadline) throws IOException {
    InetSocketAddress address = servers.get(server);
    if (address.isUnresolved()) {
      address = new InetSocketAddress(address.getHostString(), address.getPort());
    }
    long leftMillis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
    Socket socket = new Socket();
    Connection connection = new Connection(socket, server);
    boolean connected = false;
    try {
      register(connection);
      socket.setTcpNoDelay(true);
      socket.setKeepAlive(true);
      socket.connect(address, Math.clamp(leftMillis, 1, CONNECT_ATTEMPT_MILLIS));
      connected = true;
      return connection;
    } finally {
      if (!connected) {
        release(connection, false);
      }
    }
  }

  private void register(Connection connection) throws IOException {
    lock.lock();
    try {
      if (closed) {
        throw new IOException("the client is closed");
      }
      open.add(connection);
    } finally {
      lock.unlock();
    }
  }

  private int currentServer() {
    lock.lock();
    try {
      return current;
    } finally {
      lock.unlock();
    }
  }

  private void moveOn(int failed) {
    lock.lock();
    try {
      if (current == failed) {
        current = (failed + 1) % servers.size();
      }
    } finally {
      lock.unlock();
    }
  }

  private Connection takeIdle() {
    lock.lock();
    try {
      return idle.pollLast();
    } finally {
      lock.unlock();
    }
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  private void release(Connection connection, boolean reusable) {
    lock.lock();
    try {
      if (reusable && !closed) {
        idle.addLast(connection);
        return;
      }
      open.remove(connection);
    } finally {
      lock.unlock();
    }
    connection.close();
  }

  /** Closes all connections; running calls fail with an exception. */
  @Override
  public void close() {
    List<Connection> all;
    lock.lock();
    try {
      closed = true;
      all = List.copyOf(open);
      open.clear();
      idle.clear();
    } finally {
      lock.unlock();
    }
    all.forEach(Connection::close);
  }

  private static InterruptedIOException interrupted() {
    Thread.currentThread().interrupt();
    return new InterruptedIOException("interrupted while waiting for the shuckle");
  }

  /** The server sent something that is no answer to the request: asking again will not help. */
  private static final class ConnectionBrokenException extends IOException {
    private static final long serialVersionUID = 1;

    ConnectionBrokenException(String message) {
      super(message);
    }
  }

  /** One socket; used by one call at a time. */
  private static final class Connection {
    final Socket socket;
    final int server;
    private InputStream in;
    private long deadline;

    // The two bytes read behind an error frame that turned out to belong to the next frame.
    private int pending;
    private boolean hasPending;

    Connection(Socket socket, int server) {
      this.socket = Objects.requireNonNull(socket);
      this.server = server;
    }

    void start(long deadline) throws IOException {
      this.deadline = deadline;
      in = socket.getInputStream();
    }

    Outcome readOutcome(int kind, boolean last) throws IOException {
      ByteBuffer header = ByteBuffer.wrap(new byte[Frames.SHUCKLE_HEADER_SIZE]);
      header.order(ByteOrder.LITTLE_ENDIAN);
      int have = 0;
      if (hasPending) {
        header.putShort(0, (short) pending);
        have = 2;
        hasPending = false;
      }
      readFully(header.array(), have, header.capacity() - have);
      int magic = header.getInt();
      if (magic != ProtocolConstants.MAGIC_SHUCKLE_RESPONSE) {
        throw new ConnectionBrokenException(
            "not a shuckle's answer: magic 0x" + Integer.toHexString(magic));
      }
      int length = header.getInt();
      if (length < 1 || length > RESPONSE_BYTES_MAX) {
        throw new ConnectionBrokenException(
            "answer of " + Integer.toUnsignedString(length) + " bytes");
      }
      ByteBuffer body = ByteBuffer.wrap(readGrowing(length)).order(ByteOrder.LITTLE_ENDIAN);
      int answered = body.get() & 0xff;
      if (answered == ProtocolConstants.ERROR_KIND) {
        return error(body, length, last);
      }
      if (answered != kind) {
        throw new ConnectionBrokenException("answer of kind " + answered + " instead of " + kind);
      }
      try {
        ShuckleResponse response = ShuckleResponse.decode(answered, body);
        Frames.requireEnd(body);
        return new Outcome(response, null);
      } catch (MalformedMessageException e) {
        throw new ConnectionBrokenException(
            "malformed answer of kind " + answered + ": " + e.getMessage());
      }
    }

    private Outcome error(ByteBuffer body, int length, boolean last) throws IOException {
      if (length != ERROR_FRAME_BYTES) {
        throw new ConnectionBrokenException("error answer of " + length + " bytes");
      }
      int code = body.getShort() & 0xffff;
      ErrorCode error = ErrorCode.ofCode(code);
      if (error == null) {
        throw new ConnectionBrokenException("unknown error code " + code);
      }
      if (!last) {
        // Either the code once more (ours), or the next frame begins; its first two bytes cannot be
        // taken for a code.
        byte[] two = new byte[2];
        readFully(two, 0, 2);
        int next = (two[0] & 0xff) | (two[1] & 0xff) << 8;
        if (next != code) {
          pending = next;
          hasPending = true;
        }
      }
      return new Outcome(null, error);
    }

    private byte[] readGrowing(int length) throws IOException {
      byte[] bytes = new byte[Math.min(length, CHUNK_BYTES)];
      int have = 0;
      while (true) {
        readFully(bytes, have, bytes.length - have);
        have = bytes.length;
        if (have == length) {
          return bytes;
        }
        // At most 64 MiB, so doubling does not overflow.
        bytes = Arrays.copyOf(bytes, Math.min(length, 2 * have));
      }
    }

    private void readFully(byte[] bytes, int offset, int length) throws IOException {
      int done = 0;
      while (done < length) {
        long leftMillis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (leftMillis <= 0) {
          throw new SocketTimeoutException("no answer from the shuckle in time");
        }
        socket.setSoTimeout((int) Math.min(leftMillis, Integer.MAX_VALUE));
        int n = in.read(bytes, offset + done, length - done);
        if (n < 0) {
          throw new EOFException("the shuckle closed the connection without an answer");
        }
        done += n;
      }
    }

    void close() {
      try {
        socket.close();
      } catch (IOException e) {
        // Nothing is lost: no call uses this connection any more.
        LOG.log(System.Logger.Level.DEBUG, "closing a connection to the shuckle", e);
      }
    }
  }
}
