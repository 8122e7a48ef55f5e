package org.eggsfs.fuse.kernel;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * One connection to the kernel: a few reader threads, each with a queue of its own where the kernel
 * allows it, that read requests and call the {@link FuseOperations}. Reader threads are platform
 * threads: a blocking read would pin the carriers of virtual ones.
 *
 * <p>Interrupts: the kernel reports the first signal of a waiting process, fatal or not. A system
 * call that ended with EINTR for a timer or a dead child would surprise programs, so a request is
 * only cancelled when the process is being killed, which is looked up while it waits. Of a process
 * that cannot be seen, in another namespace, any signal cancels what only asks, and none the rest.
 *
 * <p>Ends when the file system is unmounted or the connection aborted.
 */
public final class FuseSession {
  /** Largest read or write. */
  public static final int DATA_SIZE_MAX = 1 << 20;

  private static final int REQUEST_BUFFER_SIZE = DATA_SIZE_MAX + 4096;
  private static final int ANSWER_BUFFER_SIZE = DATA_SIZE_MAX + 4096;

  /** WRITE requests that wait for servers at the same time; further ones wait in the kernel. */
  private static final int REQUEST_BUFFERS_MAX = 48;

  /** READ and READDIR answers in the making. */
  private static final int ANSWER_BUFFERS_MAX = 48;

  private static final int BACKGROUND_MAX = 32;

  /** Requests in our hands per CPU when they come by io_uring; each has 1 MiB of its own. */
  private static final int URING_DEPTH = 16;

  private static final int READ_AHEAD_MAX = 8 << 20;
  private static final long INTERRUPT_LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final int SIGKILL_BIT = 1 << 8;
  private static final Logger LOG = System.getLogger(FuseSession.class.getName());

  private final FuseChannel channel;
  private final FuseOperations operations;
  private final Dispatcher dispatcher;
  private final Negotiation negotiation;
  private final Buffers requestBuffers;
  private final Buffers answerBuffers = new Buffers(ANSWER_BUFFER_SIZE, ANSWER_BUFFERS_MAX);
  private final Map<Long, FuseRequest> waiting = new ConcurrentHashMap<>();
  private final Set<FuseRequest> interrupted = ConcurrentHashMap.newKeySet();
  private final List<Thread> readers = new ArrayList<>();
  private final AtomicInteger readersLeft = new AtomicInteger();
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread interruptWatch;
  private volatile String device;

  private FuseSession(
      FuseChannel channel, FuseOperations operations, Negotiation negotiation, int threads) {
    this.channel = channel;
    this.operations = operations;
    this.dispatcher = new Dispatcher(operations);
    this.negotiation = negotiation;
    this.requestBuffers = new Buffers(REQUEST_BUFFER_SIZE, REQUEST_BUFFERS_MAX + threads);
    this.interruptWatch =
        Thread.ofPlatform().daemon().name("fuse-interrupts").unstarted(this::watchInterrupts);
  }

  /**
   * Agrees with the kernel on a fresh connection and starts to serve.
   *
   * @param threads reader threads, at least one
   * @param ioUring whether requests shall come by io_uring; a kernel that does not offer it gets
   *     its way
   */
  static FuseSession start(
      FuseChannel channel, FuseOperations operations, int threads, boolean ioUring)
      throws IOException {
    String unavailable = ioUring ? IoUring.unavailable() : null;
    if (unavailable != null) {
      LOG.log(Level.WARNING, unavailable);
    }
    boolean wanted = ioUring && unavailable == null;
    FuseSession session =
        new FuseSession(channel, operations, negotiate(channel, wanted), Math.max(1, threads));
    operations.started(session);
    if (session.negotiation.has(Abi.INIT_OVER_IO_URING)) {
      session.startQueues();
    }
    session.readersLeft.set(threads);
    for (int i = 0; i < threads; i++) {
      FuseChannel queue = i == 0 ? channel : session.queue();
      session.readers.add(
          Thread.ofPlatform().daemon().name("fuse-reader-" + i).start(() -> session.serve(queue)));
    }
    session.interruptWatch.start();
    return session;
  }

  /** No request is let through before the queues of all CPUs are there. */
  private void startQueues() throws IOException {
    int cpus = UringQueue.cpuCount();
    for (int cpu = 0; cpu < cpus; cpu++) {
      new UringQueue(this, channel, cpu, URING_DEPTH).start();
    }
  }

  /** A queue of its own spares the readers a common lock; one for all works as well. */
  private FuseChannel queue() {
    try {
      return channel.cloneChannel();
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "one queue for all readers", e);
      return channel;
    }
  }

  private static Negotiation negotiate(FuseChannel channel, boolean ioUring) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = Libc.newState(arena);
      MemorySegment in = arena.allocate(REQUEST_BUFFER_SIZE, 8);
      MemorySegment out = arena.allocate(Abi.OUT_HEADER_SIZE + Abi.INIT_OUT_SIZE, 8);
      while (true) {
        long length = channel.read(state, in);
        if (length == -Errno.EINTR || length == -Errno.EAGAIN) {
          continue;
        }
        if (length < 0) {
          throw Libc.failure("/dev/fuse", (int) length);
        }
        if (length < Abi.IN_HEADER_SIZE + Abi.INIT_IN_SIZE_MIN
            || in.get(ValueLayout.JAVA_INT_UNALIGNED, Abi.IN_OPCODE) != Abi.INIT) {
          throw new IOException("the kernel did not begin with INIT");
        }
        Negotiation agreed;
        int error = 0;
        IOException refusal = null;
        try {
          agreed =
              Negotiation.agree(
                  in.asSlice(Abi.IN_HEADER_SIZE, length - Abi.IN_HEADER_SIZE),
                  DATA_SIZE_MAX,
                  READ_AHEAD_MAX,
                  BACKGROUND_MAX,
                  ioUring);
        } catch (IOException e) {
          agreed = null;
          error = Errno.EPROTO;
          refusal = e;
        }
        out.fill((byte) 0);
        long size = error == 0 ? out.byteSize() : Abi.OUT_HEADER_SIZE;
        out.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_LEN, (int) size);
        out.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_ERROR, -error);
        out.set(
            ValueLayout.JAVA_LONG_UNALIGNED,
            Abi.OUT_UNIQUE,
            in.get(ValueLayout.JAVA_LONG_UNALIGNED, Abi.IN_UNIQUE));
        if (agreed != null) {
          agreed.put(out, Abi.OUT_HEADER_SIZE);
        } else if (error == 0) {
          Negotiation.putOtherMajor(out, Abi.OUT_HEADER_SIZE);
        }
        int result = channel.write(out, size);
        if (refusal != null) {
          throw refusal;
        }
        if (result < 0) {
          throw Libc.failure("answering INIT", result);
        }
        if (agreed != null) {
          return agreed;
        }
      }
    }
  }

  /** Whether requests come by io_uring. */
  public boolean usesIoUring() {
    return negotiation.has(Abi.INIT_OVER_IO_URING);
  }

  /** Minor version of the protocol in use. */
  public int protocolMinor() {
    return negotiation.minor();
  }

  /** The device number of what is mounted, as in /proc/self/mountinfo; null if it is not known. */
  public String device() {
    return device;
  }

  void device(String number) {
    device = number;
  }

  Buffers requestBuffers() {
    return requestBuffers;
  }

  Buffers answerBuffers() {
    return answerBuffers;
  }

  private void serve(FuseChannel queue) {
    MemorySegment buffer = requestBuffers.take();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = Libc.newState(arena);
      while (true) {
        long length = queue.read(state, buffer);
        if (length > 0) {
          buffer = receive(queue, buffer, length);
        } else if (length == 0 || length == -Errno.ENODEV) {
          return;
        } else if (length != -Errno.EINTR && length != -Errno.EAGAIN && length != -Errno.ENOENT) {
          LOG.log(Level.ERROR, "reading /dev/fuse: " + Libc.text((int) length));
          return;
        }
      }
    } finally {
      requestBuffers.give(buffer);
      if (!queue.equals(channel)) {
        queue.close();
      }
      if (readersLeft.decrementAndGet() == 0) {
        end();
      }
    }
  }

  /** Handles one request and returns the buffer to read the next one into. */
  private MemorySegment receive(FuseChannel queue, MemorySegment buffer, long length) {
    if (length < Abi.IN_HEADER_SIZE
        || buffer.get(ValueLayout.JAVA_INT_UNALIGNED, Abi.IN_LEN) != length) {
      LOG.log(Level.ERROR, "a request of {0} bytes is none", length);
      return buffer;
    }
    int opcode = buffer.get(ValueLayout.JAVA_INT_UNALIGNED, Abi.IN_OPCODE);
    long node = buffer.get(ValueLayout.JAVA_LONG_UNALIGNED, Abi.IN_NODEID);
    MemorySegment body =
        buffer.asSlice(
            Abi.IN_HEADER_SIZE, Math.max(0, length - Abi.IN_HEADER_SIZE - extensions(buffer)));
    if (opcode == Abi.FORGET || opcode == Abi.BATCH_FORGET) {
      dispatcher.forget(opcode, node, body);
      return buffer;
    }
    if (opcode == Abi.INTERRUPT) {
      if (body.byteSize() >= Abi.INTERRUPT_IN_SIZE
          && !interrupt(body.get(ValueLayout.JAVA_LONG_UNALIGNED, 0))) {
        // Another reader has it in its hands, or it has been answered, which the kernel knows.
        askAgain(queue, buffer.get(ValueLayout.JAVA_LONG_UNALIGNED, Abi.IN_UNIQUE));
      }
      return buffer;
    }
    FuseRequest request = request(queue, buffer);
    MemorySegment next = buffer;
    if (opcode == Abi.WRITE) {
      // Its data is used after this; before the next read another buffer must be there.
      next = requestBuffers.take();
      if (!request.keep(buffer)) {
        requestBuffers.give(next);
        return buffer;
      }
    }
    dispatch(request, opcode, node, body);
    return next;
  }

  /** Handles a request whose memory stays its own until it is answered. */
  void receive(AnswerPath path, MemorySegment header, MemorySegment body) {
    int opcode = header.get(ValueLayout.JAVA_INT_UNALIGNED, Abi.IN_OPCODE);
    long node = header.get(ValueLayout.JAVA_LONG_UNALIGNED, Abi.IN_NODEID);
    dispatch(
        request(path, header),
        opcode,
        node,
        body.asSlice(0, Math.max(0, body.byteSize() - extensions(header))));
  }

  private static long extensions(MemorySegment header) {
    return 8L
        * Short.toUnsignedInt(header.get(ValueLayout.JAVA_SHORT_UNALIGNED, Abi.IN_TOTAL_EXTLEN));
  }

  private FuseRequest request(AnswerPath path, MemorySegment header) {
    FuseRequest request =
        new FuseRequest(
            this,
            path,
            header.get(ValueLayout.JAVA_LONG_UNALIGNED, Abi.IN_UNIQUE),
            header.get(ValueLayout.JAVA_INT_UNALIGNED, Abi.IN_OPCODE),
            header.get(ValueLayout.JAVA_INT_UNALIGNED, Abi.IN_UID),
            header.get(ValueLayout.JAVA_INT_UNALIGNED, Abi.IN_GID),
            header.get(ValueLayout.JAVA_INT_UNALIGNED, Abi.IN_PID));
    waiting.put(request.unique(), request);
    return request;
  }

  private void dispatch(FuseRequest request, int opcode, long node, MemorySegment body) {
    try {
      dispatcher.dispatch(request, opcode, node, body);
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, "request " + opcode + " failed", e);
      request.error(Errno.EIO);
    }
  }

  void answered(FuseRequest request) {
    waiting.remove(request.unique());
  }

  void answerRefused(AnswerPath path, int result, MemorySegment message, long size, int error) {
    LOG.log(
        Level.ERROR, "the kernel refused an answer of " + size + " bytes: " + Libc.text(result));
    if (error == 0 && size > Abi.OUT_HEADER_SIZE) {
      // The process must not wait for ever.
      message.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_LEN, Abi.OUT_HEADER_SIZE);
      message.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_ERROR, -Errno.EIO);
      path.write(message, Abi.OUT_HEADER_SIZE);
    }
  }

  /** Lets the kernel send an interrupt once more, if its request still waits. */
  private static void askAgain(FuseChannel queue, long unique) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment answer = arena.allocate(Abi.OUT_HEADER_SIZE, 8);
      answer.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_LEN, Abi.OUT_HEADER_SIZE);
      answer.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_ERROR, -Errno.EAGAIN);
      answer.set(ValueLayout.JAVA_LONG_UNALIGNED, Abi.OUT_UNIQUE, unique);
      // Refused where nothing waits any more.
      queue.write(answer, Abi.OUT_HEADER_SIZE);
    }
  }

  /** False if there is no such request. */
  private boolean interrupt(long unique) {
    FuseRequest request = waiting.get(unique);
    if (request == null) {
      return false;
    }
    if (request.pid() == 0) {
      // Not a process we could look at: perhaps it is healthy and was told that a child has ended.
      if (request.onlyAsks()) {
        request.cancel();
      }
      return true;
    }
    interrupted.add(request);
    LockSupport.unpark(interruptWatch);
    return true;
  }

  private void watchInterrupts() {
    while (ended.getCount() > 0) {
      if (interrupted.isEmpty()) {
        LockSupport.park(this);
      } else {
        interrupted.removeIf(FuseSession::isSettled);
        LockSupport.parkNanos(this, INTERRUPT_LOOK_NANOS);
      }
    }
  }

  /** Cancels a request whose process is being killed; true if it needs no more looking after. */
  private static boolean isSettled(FuseRequest request) {
    if (request.isAnswered()) {
      return true;
    }
    if (!isBeingKilled(request.pid())) {
      return false;
    }
    request.cancel();
    return true;
  }

  /** Every fatal signal shows as a pending SIGKILL. */
  private static boolean isBeingKilled(int thread) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + thread + "/status"))) {
        if (line.startsWith("SigPnd:") || line.startsWith("ShdPnd:")) {
          long pending = Long.parseUnsignedLong(line.substring(line.indexOf(':') + 1).strip(), 16);
          if ((pending & SIGKILL_BIT) != 0) {
            return true;
          }
        }
      }
      return false;
    } catch (IOException e) {
      // It is gone, or not ours to see: do not let it wait.
      return true;
    }
  }

  /**
   * Tells the kernel that a name may lead elsewhere now. Waits for the directory's lock in the
   * kernel, so never call it while answering an operation on that directory.
   *
   * @return false if the kernel did not know the name
   */
  public boolean invalidateName(long parent, byte[] name) {
    try (Arena arena = Arena.ofConfined()) {
      long size = Abi.OUT_HEADER_SIZE + 16L + name.length + 1;
      MemorySegment message = notification(arena, size, Abi.NOTIFY_INVAL_ENTRY);
      message.set(ValueLayout.JAVA_LONG_UNALIGNED, Abi.OUT_HEADER_SIZE, parent);
      message.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_HEADER_SIZE + 8, name.length);
      MemorySegment.copy(
          name, 0, message, ValueLayout.JAVA_BYTE, Abi.OUT_HEADER_SIZE + 16L, name.length);
      return channel.write(message, size) == 0;
    }
  }

  /**
   * Tells the kernel that a node's attributes have changed, and, unless the length is negative, its
   * data from an offset on; length 0 means to the end.
   *
   * @return false if the kernel did not know the node
   */
  public boolean invalidateNode(long node, long offset, long length) {
    try (Arena arena = Arena.ofConfined()) {
      long size = Abi.OUT_HEADER_SIZE + 24L;
      MemorySegment message = notification(arena, size, Abi.NOTIFY_INVAL_INODE);
      message.set(ValueLayout.JAVA_LONG_UNALIGNED, Abi.OUT_HEADER_SIZE, node);
      message.set(
          ValueLayout.JAVA_LONG_UNALIGNED, Abi.OUT_HEADER_SIZE + 8, length < 0 ? -1 : offset);
      message.set(ValueLayout.JAVA_LONG_UNALIGNED, Abi.OUT_HEADER_SIZE + 16, Math.max(0, length));
      return channel.write(message, size) == 0;
    }
  }

  private static MemorySegment notification(Arena arena, long size, int code) {
    MemorySegment message = arena.allocate(size, 8);
    message.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_LEN, (int) size);
    message.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_ERROR, code);
    return message;
  }

  private void end() {
    channel.close();
    try {
      operations.ended();
    } finally {
      ended.countDown();
      LockSupport.unpark(interruptWatch);
    }
  }

  /**
   * Waits until the file system is unmounted and all readers have ended.
   *
   * @return false if that took longer
   */
  public boolean awaitEnd(long time, TimeUnit unit) throws InterruptedException {
    return ended.await(time, unit);
  }
}
