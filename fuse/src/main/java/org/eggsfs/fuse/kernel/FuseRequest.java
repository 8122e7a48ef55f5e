package org.eggsfs.fuse.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;

/**
 * One request of the kernel, to be answered exactly once by one of the methods here, from any
 * thread; of several answers the first counts. Buffers that belong to the request go back with the
 * answer.
 *
 * <p>When the waiting process is being killed the request is cancelled: a thread that works on it
 * ({@link #runOn}) is interrupted, and is expected to answer soon; a request without a thread is
 * answered with EINTR at once.
 */
public final class FuseRequest {
  private static final VarHandle ANSWERED;

  static {
    try {
      ANSWERED = MethodHandles.lookup().findVarHandle(FuseRequest.class, "answered", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final FuseSession session;
  private final AnswerPath path;
  private final long unique;
  private final int opcode;
  private final int uid;
  private final int gid;
  private final int pid;

  @SuppressWarnings("UnusedVariable") // Through ANSWERED.
  private volatile boolean answered;

  /** Held for a WRITE, whose data is used after the reader has gone on. Under the monitor. */
  private MemorySegment body;

  /** Whether it has been answered, so that nothing more may be kept for it. Under the monitor. */
  private boolean finished;

  private MemorySegment answer;

  /** The answer's memory if it has to be given back. */
  private MemorySegment lent;

  private Thread runner;
  private boolean cancelled;

  FuseRequest(
      FuseSession session, AnswerPath path, long unique, int opcode, int uid, int gid, int pid) {
    this.session = session;
    this.path = path;
    this.unique = unique;
    this.opcode = opcode;
    this.uid = uid;
    this.gid = gid;
    this.pid = pid;
  }

  long unique() {
    return unique;
  }

  /** The caller's user. */
  public int uid() {
    return uid;
  }

  /** The caller's group. */
  public int gid() {
    return gid;
  }

  /** The caller's thread id; 0 if it is in a foreign pid namespace. */
  public int pid() {
    return pid;
  }

  /** Whether it changes nothing, so that whoever gives it up may simply ask again. */
  boolean onlyAsks() {
    return switch (opcode) {
      case Abi.LOOKUP,
          Abi.GETATTR,
          Abi.READLINK,
          Abi.OPENDIR,
          Abi.READ,
          Abi.READDIR,
          Abi.READDIRPLUS,
          Abi.STATFS,
          Abi.GETXATTR,
          Abi.LISTXATTR,
          Abi.LSEEK ->
          true;
      default -> false;
    };
  }

  boolean isAnswered() {
    return answered;
  }

  /**
   * Lends the request the memory that it was read into, until it is answered.
   *
   * @return false, and it does not, if it has been answered: its process was killed meanwhile
   */
  synchronized boolean keep(MemorySegment buffer) {
    if (!finished) {
      body = buffer;
    }
    return !finished;
  }

  /** Says that this thread is going to answer. */
  public synchronized void runOn(Thread thread) {
    runner = thread;
    if (cancelled) {
      thread.interrupt();
    }
  }

  /** Ends the wait of a process that is being killed. */
  void cancel() {
    synchronized (this) {
      cancelled = true;
      if (runner != null) {
        runner.interrupt();
        return;
      }
    }
    error(Errno.EINTR);
  }

  /** True for the one caller that may answer. */
  private boolean claim() {
    return ANSWERED.compareAndSet(this, false, true);
  }

  private void finish() {
    session.answered(this);
    MemorySegment back;
    synchronized (this) {
      finished = true;
      back = body;
      body = null;
    }
    if (back != null) {
      session.requestBuffers().give(back);
    }
    if (lent != null) {
      session.answerBuffers().give(lent);
      lent = null;
    }
  }

  private void putHeader(MemorySegment message, long size, int error) {
    message.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_LEN, (int) size);
    message.set(ValueLayout.JAVA_INT_UNALIGNED, Abi.OUT_ERROR, -error);
    message.set(ValueLayout.JAVA_LONG_UNALIGNED, Abi.OUT_UNIQUE, unique);
  }

  private boolean send(MemorySegment message, long size, int error) {
    putHeader(message, size, error);
    return taken(path.write(message, size), message, size, error);
  }

  private boolean taken(int result, MemorySegment message, long size, int error) {
    // ENOENT: the kernel does not wait for it any more.
    if (result < 0 && result != -Errno.ENOENT && result != -Errno.ENODEV) {
      session.answerRefused(path, result, message, size, error);
    }
    return result == 0;
  }

  private interface Filling {
    void fill(MemorySegment out, long at);
  }

  private boolean reply(int bodySize, Filling filling) {
    if (!claim()) {
      return false;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment message = arena.allocate(Abi.OUT_HEADER_SIZE + (long) bodySize, 8);
      filling.fill(message, Abi.OUT_HEADER_SIZE);
      return send(message, message.byteSize(), 0);
    } finally {
      finish();
    }
  }

  /**
   * It did not work.
   *
   * @param errno one of {@link Errno}
   */
  public void error(int errno) {
    if (!claim()) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      send(arena.allocate(Abi.OUT_HEADER_SIZE, 8), Abi.OUT_HEADER_SIZE, errno);
    } finally {
      finish();
    }
  }

  /** It worked and there is nothing to tell. */
  public void ok() {
    error(0);
  }

  /**
   * What a name leads to.
   *
   * @return false if the kernel did not take it and so does not know the node through it
   */
  public boolean entry(Entry entry) {
    return reply(Abi.ENTRY_OUT_SIZE, entry::put);
  }

  /** Attributes and how long the kernel may believe them. */
  public void attributes(Attributes attributes, long validNanos) {
    reply(
        Abi.ATTR_OUT_SIZE,
        (out, at) -> {
          out.set(ValueLayout.JAVA_LONG_UNALIGNED, at, validNanos / 1_000_000_000L);
          out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 8, (int) (validNanos % 1_000_000_000L));
          attributes.put(out, at + 16);
        });
  }

  private static void putOpened(MemorySegment out, long at, long handle, int flags) {
    out.set(ValueLayout.JAVA_LONG_UNALIGNED, at, handle);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 8, flags);
  }

  /**
   * A handle.
   *
   * @param flags FOPEN flags of {@link Abi}
   * @return false if the kernel did not take it and so will not release it
   */
  public boolean opened(long handle, int flags) {
    return reply(Abi.OPEN_OUT_SIZE, (out, at) -> putOpened(out, at, handle, flags));
  }

  /**
   * A new node and its handle.
   *
   * @return false if the kernel did not take them
   */
  public boolean created(Entry entry, long handle, int flags) {
    return reply(
        Abi.ENTRY_OUT_SIZE + Abi.OPEN_OUT_SIZE,
        (out, at) -> {
          entry.put(out, at);
          putOpened(out, at + Abi.ENTRY_OUT_SIZE, handle, flags);
        });
  }

  /** How many bytes were taken. */
  public void written(int count) {
    reply(Abi.WRITE_OUT_SIZE, (out, at) -> out.set(ValueLayout.JAVA_INT_UNALIGNED, at, count));
  }

  /** Where it is. */
  public void offset(long offset) {
    reply(Abi.LSEEK_OUT_SIZE, (out, at) -> out.set(ValueLayout.JAVA_LONG_UNALIGNED, at, offset));
  }

  /** Figures of the file system. */
  public void figures(FileSystemFigures figures) {
    reply(Abi.STATFS_OUT_SIZE, figures::put);
  }

  /** Bytes, such as a link's target. */
  public void bytes(byte[] bytes) {
    reply(
        bytes.length,
        (out, at) -> MemorySegment.copy(bytes, 0, out, ValueLayout.JAVA_BYTE, at, bytes.length));
  }

  /**
   * The value of an extended attribute, or only its length when the caller asks with size 0; ERANGE
   * when it does not fit.
   */
  public void attributeValue(byte[] value, int size) {
    if (size == 0) {
      reply(
          Abi.GETXATTR_OUT_SIZE,
          (out, at) -> out.set(ValueLayout.JAVA_INT_UNALIGNED, at, value.length));
    } else if (value.length > size) {
      error(Errno.ERANGE);
    } else {
      bytes(value);
    }
  }

  /**
   * Memory for the answer to a READ; fill it from position 0 on and call {@link #data}. It goes
   * back with any answer.
   */
  public ByteBuffer dataBuffer(int size) {
    takeAnswerRoom();
    return answer.asSlice(Abi.OUT_HEADER_SIZE, size).asByteBuffer();
  }

  private void takeAnswerRoom() {
    answer = path.room();
    if (answer == null) {
      lent = session.answerBuffers().take();
      answer = lent;
    }
  }

  /** The first bytes of the data buffer. */
  public void data(int count) {
    sendAnswer(Abi.OUT_HEADER_SIZE + (long) count);
  }

  /** All bytes of a direct buffer, taken from where they are. */
  public void data(ByteBuffer bytes) {
    if (!claim()) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment header = arena.allocate(Abi.OUT_HEADER_SIZE, 8);
      MemorySegment body = MemorySegment.ofBuffer(bytes);
      long size = header.byteSize() + body.byteSize();
      putHeader(header, size, 0);
      taken(path.write(header, body), header, size, 0);
    } finally {
      finish();
    }
  }

  private boolean sendAnswer(long size) {
    if (!claim()) {
      return false;
    }
    try {
      return send(answer, size, 0);
    } finally {
      finish();
    }
  }

  /** Memory for the answer to a READDIR or READDIRPLUS of that size. */
  public DirectoryPage page(int size, boolean plus) {
    takeAnswerRoom();
    return new DirectoryPage(answer, Math.min(size, answer.byteSize() - Abi.OUT_HEADER_SIZE), plus);
  }

  /**
   * The page, which may be empty: the end of the directory.
   *
   * @return false if the kernel did not take it
   */
  public boolean page(DirectoryPage page) {
    return sendAnswer(page.used());
  }
}
