package org.eggsfs.client.metadata;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CdcKind;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;

/**
 * Requests to shards and CDC over UDP (client.md section 2, wire.md section 3).
 *
 * <p>Callers, on virtual or platform threads, send their packet themselves and wait. A few sockets,
 * chosen by request id, have one platform thread each that receives, decodes and wakes the caller.
 * One timer thread repeats what was not answered in time. Waiting requests stand in a table of
 * fixed size: the low bits of an id are the place in the table, the others are random, so that an
 * answer finds its request without a search and cannot be guessed. The table is also the limit of
 * outstanding requests; beyond it callers wait for a place.
 *
 * <p>All attempts of a request have the same id and bytes. Only silence is repeated: any answer
 * ends the request, and so does an answer that cannot be decoded, as MALFORMED_RESPONSE. Answers
 * from addresses that are not the server's are ignored. A packet the system refuses to send counts
 * as lost.
 *
 * <p>{@link DatagramSocket} and not a channel: an interrupt of one caller must not close the socket
 * for everybody.
 */
public final class MetadataChannel implements AutoCloseable {
  /** Outstanding requests; a power of two. */
  private static final int TABLE_SIZE = 4096;

  private static final int SOCKET_BUFFER_SIZE = 1 << 20;

  /** Larger than any legal answer, so that an illegal one is seen as such. */
  private static final int PACKET_SIZE_MAX = ProtocolConstants.MAX_UDP_MTU + 64;

  private static final long TICK_NANOS = 10_000_000;

  /** Silent attempts after which the addresses are asked for again. */
  private static final int ATTEMPTS_BEFORE_REFRESH = 2;

  /** Silent attempts after which a page is asked for in small packets. */
  private static final int ATTEMPTS_BEFORE_SMALL_PAGES = 2;

  private static final Logger LOG = System.getLogger(MetadataChannel.class.getName());

  private final AddressBook addresses;
  private final RetryPolicy shardRetry;
  private final RetryPolicy cdcRetry;
  private final int mtu;
  private final DatagramSocket[] sockets;
  private final List<Thread> threads = new ArrayList<>();
  private final Thread timer;
  private final AtomicReferenceArray<PendingRequest> table = new AtomicReferenceArray<>(TABLE_SIZE);
  private final Semaphore places = new Semaphore(TABLE_SIZE);
  private final AtomicInteger nextPlace = new AtomicInteger();
  private final MetadataCounters counters = new MetadataCounters();
  private volatile boolean timerIdle;
  private volatile boolean closed;

  /**
   * Opens the sockets.
   *
   * @param socketCount a power of two
   * @param mtu largest answer to ask for
   * @param source where the sockets are bound; with a port other than 0 only one can be
   */
  public MetadataChannel(
      AddressBook addresses,
      RetryPolicy shardRetry,
      RetryPolicy cdcRetry,
      int mtu,
      int socketCount,
      InetSocketAddress source)
      throws IOException {
    if (Integer.bitCount(socketCount) != 1) {
      throw new IllegalArgumentException("the number of sockets must be a power of two");
    }
    this.addresses = addresses;
    this.shardRetry = shardRetry;
    this.cdcRetry = cdcRetry;
    this.mtu = mtu;
    this.sockets = new DatagramSocket[socketCount];
    boolean started = false;
    try {
      for (int i = 0; i < socketCount; i++) {
        sockets[i] = new DatagramSocket(source);
        sockets[i].setReceiveBufferSize(SOCKET_BUFFER_SIZE);
      }
      for (int i = 0; i < socketCount; i++) {
        DatagramSocket socket = sockets[i];
        threads.add(daemon("eggs-client-receive-" + i, () -> receiveLoop(socket)));
      }
      timer = daemon("eggs-client-timer", this::timerLoop);
      threads.add(timer);
      threads.forEach(Thread::start);
      started = true;
    } finally {
      if (!started) {
        closed = true;
        closeSockets();
      }
    }
  }

  /** Also of a channel that could not open all of them. */
  private void closeSockets() {
    for (DatagramSocket socket : sockets) {
      if (socket != null) {
        socket.close();
      }
    }
  }

  private Thread daemon(String name, Runnable body) {
    return Thread.ofPlatform()
        .daemon()
        .name(name)
        .unstarted(
            () -> {
              try {
                body.run();
              } finally {
                // Also after an Error: nobody may wait for this thread for ever.
                closed = true;
                failEverything();
              }
            });
  }

  /** What was sent and answered. */
  public MetadataCounters counters() {
    return counters;
  }

  /**
   * Sends a request to a shard and waits for its answer.
   *
   * @return the answer and how many packets it took
   * @throws EggsException the shard's error, TIMEOUT, or MALFORMED_RESPONSE; without context
   */
  public ShardResponse shard(int shard, ShardRequest request, Attempts attempts)
      throws EggsException, InterruptedIOException {
    return shard(shard, request, shardRetry, attempts);
  }

  /** The same with another patience. */
  public ShardResponse shard(int shard, ShardRequest request, RetryPolicy retry, Attempts attempts)
      throws EggsException, InterruptedIOException {
    return (ShardResponse)
        call(
            shard,
            ProtocolConstants.MAGIC_SHARD_REQUEST,
            request.kind(),
            PagedRequests.withMtu(request, mtu),
            retry,
            attempts);
  }

  /** The same for the CDC. */
  public CdcResponse cdc(CdcRequest request, Attempts attempts)
      throws EggsException, InterruptedIOException {
    return cdc(request, cdcRetry, attempts);
  }

  /** The same with another patience. */
  public CdcResponse cdc(CdcRequest request, RetryPolicy retry, Attempts attempts)
      throws EggsException, InterruptedIOException {
    return (CdcResponse)
        call(
            AddressBook.CDC,
            ProtocolConstants.MAGIC_CDC_REQUEST,
            request.kind(),
            request,
            retry,
            attempts);
  }

  /** Receives the number of packets that a request took, also when it failed. */
  public static final class Attempts {
    private int count;

    /** How many packets were sent. */
    public int count() {
      return count;
    }
  }

  /**
   * Sends a request to a shard. The future completes on a receiver or timer thread: dependants must
   * be short and must not wait.
   */
  public CompletableFuture<ShardResponse> shardAsync(int shard, ShardRequest request) {
    CompletableFuture<Message> future = new CompletableFuture<>();
    ShardRequest sized = PagedRequests.withMtu(request, mtu);
    places.acquireUninterruptibly();
    begin(shard, ProtocolConstants.MAGIC_SHARD_REQUEST, request.kind(), sized, shardRetry, future);
    return future.thenApply(ShardResponse.class::cast);
  }

  /** Sends a request once and forgets it; the answer, if any, is dropped. */
  public void shardForget(int shard, ShardRequest request) {
    long id = ThreadLocalRandom.current().nextLong();
    ByteBuffer frame = frame(ProtocolConstants.MAGIC_SHARD_REQUEST, id, request.kind(), request);
    InetSocketAddress to = addresses.next(shard);
    if (to != null) {
      send(sockets[0], frame, to);
    }
  }

  private Message call(
      int target, int magic, int kind, Message request, RetryPolicy retry, Attempts attempts)
      throws EggsException, InterruptedIOException {
    try {
      places.acquire();
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
    PendingRequest pending = begin(target, magic, kind, request, retry, null);
    while (!pending.isDone()) {
      LockSupport.park(this);
      if (Thread.interrupted()) {
        if (takeOut(pending)) {
          throw interrupted(null);
        }
        // The answer came at the same moment: it counts, and so does the interrupt.
        while (!pending.isDone()) {
          Thread.onSpinWait();
        }
        Thread.currentThread().interrupt();
      }
    }
    if (attempts != null) {
      attempts.count = pending.attempts;
    }
    return pending.result();
  }

  private static InterruptedIOException interrupted(InterruptedException cause) {
    Thread.currentThread().interrupt();
    InterruptedIOException e =
        new InterruptedIOException("interrupted while waiting for a metadata answer");
    e.initCause(cause);
    return e;
  }

  private static ByteBuffer frame(int magic, long id, int kind, Message request) {
    ByteBuffer frame = Frames.buffer(Frames.UDP_HEADER_SIZE + request.encodedSize());
    Frames.putUdp(frame, magic, id, kind, request);
    return frame.flip();
  }

  /** Puts the request into the table and sends its first packet. The caller holds a place. */
  private PendingRequest begin(
      int target,
      int magic,
      int kind,
      Message request,
      RetryPolicy retry,
      CompletableFuture<Message> future) {
    long random = ThreadLocalRandom.current().nextLong() & -TABLE_SIZE;
    ByteBuffer frame;
    try {
      frame = frame(magic, random, kind, request);
    } catch (RuntimeException e) {
      places.release();
      throw e;
    }
    long now = System.nanoTime();
    PendingRequest pending;
    int place;
    // A place is free somewhere: the semaphore counts them.
    do {
      place = nextPlace.getAndIncrement() & (TABLE_SIZE - 1);
      if (table.getPlain(place) != null) {
        pending = null;
        continue;
      }
      pending =
          new PendingRequest(random | place, target, kind, request, frame, retry, now, future);
      pending.attempts = 1;
      pending.attemptEndNanos = now + retry.attemptNanos(0);
      frame.putLong(4, pending.id);
    } while (pending == null || !table.compareAndSet(place, null, pending));
    if (closed) {
      if (takeOut(pending)) {
        pending.fail(new EggsException(ErrorCode.TIMEOUT, "client is closed"));
      }
      return pending;
    }
    transmit(pending);
    if (timerIdle) {
      LockSupport.unpark(timer);
    }
    return pending;
  }

  private boolean takeOut(PendingRequest pending) {
    if (table.compareAndSet((int) pending.id & (TABLE_SIZE - 1), pending, null)) {
      places.release();
      return true;
    }
    return false;
  }

  private void transmit(PendingRequest pending) {
    InetSocketAddress to = addresses.next(pending.target);
    if (to != null) {
      pending.lastSentTo = to;
      send(sockets[(int) pending.id & (sockets.length - 1)], pending.frame, to);
    }
  }

  private void send(DatagramSocket socket, ByteBuffer frame, InetSocketAddress to) {
    try {
      socket.send(new DatagramPacket(frame.array(), frame.limit(), to));
    } catch (IOException e) {
      // EPERM, ENETUNREACH, ENOBUFS and the like: lost on the way, as far as the request goes.
      counters.countSendFailure();
    }
  }

  private void receiveLoop(DatagramSocket socket) {
    byte[] bytes = new byte[PACKET_SIZE_MAX];
    DatagramPacket packet = new DatagramPacket(bytes, bytes.length);
    ByteBuffer in = ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    while (!closed) {
      packet.setLength(bytes.length);
      try {
        socket.receive(packet);
        in.clear().limit(packet.getLength());
        receive(in, (InetSocketAddress) packet.getSocketAddress());
      } catch (IOException e) {
        if (!closed) {
          LOG.log(Level.WARNING, "cannot receive metadata answers", e);
          LockSupport.parkNanos(TICK_NANOS);
        }
      } catch (RuntimeException e) {
        // Must not end the thread that all callers depend on.
        LOG.log(Level.ERROR, "failure while handling a metadata answer", e);
      }
    }
  }

  private void receive(ByteBuffer in, InetSocketAddress from) {
    if (in.remaining() < Frames.UDP_HEADER_SIZE) {
      counters.countStray();
      return;
    }
    int magic = in.getInt();
    long id = in.getLong();
    int kind = in.get() & 0xff;
    PendingRequest pending = table.get((int) id & (TABLE_SIZE - 1));
    if (pending == null
        || pending.id != id
        || magic != responseMagic(pending.target)
        || !(addresses.isKnown(pending.target, from) || from.equals(pending.lastSentTo))) {
      counters.countStray();
      return;
    }
    Answer answer =
        Answer.decode(
            pending.target == AddressBook.CDC, pending.kind, kind, in, () -> describe(pending));
    if (!takeOut(pending)) {
      return;
    }
    counters
        .of(pending.target, pending.kind)
        .record(System.nanoTime() - pending.startNanos, pending.attempts);
    if (answer.failure() == null) {
      pending.succeed(answer.response());
    } else {
      pending.fail(answer.failure());
    }
  }

  private static int responseMagic(int target) {
    return target == AddressBook.CDC
        ? ProtocolConstants.MAGIC_CDC_RESPONSE
        : ProtocolConstants.MAGIC_SHARD_RESPONSE;
  }

  private static String describe(PendingRequest pending) {
    return pending.target == AddressBook.CDC
        ? CdcKind.name(pending.kind) + " at the CDC"
        : ShardKind.name(pending.kind) + " at shard " + pending.target;
  }

  private void timerLoop() {
    while (!closed) {
      if (places.availablePermits() == TABLE_SIZE) {
        timerIdle = true;
        // Looks once more: a request that came before the flag was seen did not wake us.
        if (places.availablePermits() == TABLE_SIZE && !closed) {
          LockSupport.park(this);
        }
        timerIdle = false;
      }
      LockSupport.parkNanos(TICK_NANOS);
      try {
        tick(System.nanoTime());
      } catch (RuntimeException e) {
        LOG.log(Level.ERROR, "failure while repeating metadata requests", e);
      }
    }
  }

  private void tick(long nowNanos) {
    for (int place = 0; place < TABLE_SIZE; place++) {
      PendingRequest pending = table.get(place);
      if (pending != null && nowNanos - pending.attemptEndNanos >= 0) {
        repeat(pending, nowNanos);
      }
    }
  }

  private void repeat(PendingRequest pending, long nowNanos) {
    long elapsed = nowNanos - pending.startNanos;
    if (pending.retry.isOver(elapsed)) {
      if (takeOut(pending)) {
        counters.of(pending.target, pending.kind).recordTimeout(pending.attempts);
        pending.fail(
            new EggsException(
                ErrorCode.TIMEOUT,
                "no answer to " + describe(pending) + " in " + pending.attempts + " attempts"));
      }
      return;
    }
    if (pending.attempts >= ATTEMPTS_BEFORE_REFRESH) {
      addresses.refreshSoon();
    }
    if (pending.attempts == ATTEMPTS_BEFORE_SMALL_PAGES
        && mtu > ProtocolConstants.DEFAULT_UDP_MTU) {
      Message reduced = PagedRequests.reduced(pending.request);
      if (!reduced.equals(pending.request)) {
        pending.frame = frame(pending.frame.getInt(0), pending.id, pending.kind, reduced);
      }
    }
    pending.attemptEndNanos = nowNanos + pending.retry.attemptNanos(elapsed);
    nextAttempt(pending);
    transmit(pending);
  }

  /** Only the timer counts attempts; others read them. */
  @SuppressWarnings("NonAtomicVolatileUpdate")
  private static void nextAttempt(PendingRequest pending) {
    pending.attempts = pending.attempts + 1;
  }

  private void failEverything() {
    for (int place = 0; place < TABLE_SIZE; place++) {
      PendingRequest pending = table.get(place);
      if (pending != null && takeOut(pending)) {
        pending.fail(new EggsException(ErrorCode.TIMEOUT, "client closed"));
      }
    }
  }

  /** Ends outstanding requests with TIMEOUT and closes the sockets. */
  @Override
  public void close() {
    closed = true;
    closeSockets();
    LockSupport.unpark(timer);
    failEverything();
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
