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
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Requests of the processes on one CPU, by io_uring instead of reading {@code /dev/fuse}: the
 * kernel puts a request into the memory of an entry, and one system call of the queue's thread
 * takes back any number of answers and waits for the next request. Forgets and interrupts still
 * come through {@code /dev/fuse}.
 *
 * <p>Only the queue's thread talks to the ring ({@link IoUring}); answers that other threads give
 * are left for it, and it is woken if it sleeps.
 */
final class UringQueue {
  private static final int REGISTER = 1;
  private static final int COMMIT_AND_FETCH = 2;

  /**
   * Header of an entry: fuse_in_header or fuse_out_header, what is fixed of the operation, rest.
   */
  private static final int HEADER_OPERATION = 128;

  private static final int HEADER_OPERATION_SIZE = 128;
  private static final int HEADER_COMMIT_ID = 264;
  private static final int HEADER_PAYLOAD_SIZE = 272;
  private static final int HEADER_SIZE = 288;

  /** The payload lies at a page, and before it what makes it one piece with its header. */
  private static final int PAYLOAD_AT = 4096;

  private static final long WAKE = -1;
  private static final Logger LOG = System.getLogger(UringQueue.class.getName());

  private final FuseSession session;
  private final FuseChannel channel;
  private final int cpu;
  private final int depth;
  private final CountDownLatch registered = new CountDownLatch(1);
  private final Queue<Entry> answers = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean asleep = new AtomicBoolean();
  private final List<Entry> entries = new ArrayList<>();
  private final MemorySegment wakeCount = Arena.ofAuto().allocate(8, 8);
  private final Thread thread;

  /** Guarded by this, so that nobody writes to a number that means another file by then. */
  private int wakeDescriptor = -1;

  private IoUring ring;
  private volatile IOException failure;
  private int alive;

  /**
   * A queue, to be started.
   *
   * @param depth requests that are in our hands at the same time; further ones wait in the kernel
   */
  UringQueue(FuseSession session, FuseChannel channel, int cpu, int depth) {
    this.session = session;
    this.channel = channel;
    this.cpu = cpu;
    this.depth = depth;
    this.thread = Thread.ofPlatform().daemon().name("fuse-uring-" + cpu).unstarted(this::run);
  }

  /** CPUs that this machine may ever have, each of which has a queue. */
  static int cpuCount() throws IOException {
    String possible = Files.readString(Path.of("/sys/devices/system/cpu/possible")).strip();
    return 1
        + Integer.parseInt(
            possible.substring(1 + Math.max(possible.lastIndexOf('-'), possible.lastIndexOf(','))));
  }

  /** Starts, and returns when the ring is made and its entries are on their way to the kernel. */
  void start() throws IOException {
    thread.start();
    boolean interrupted = false;
    while (true) {
      try {
        registered.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (failure != null) {
      throw failure;
    }
  }

  /** One request at a time, and the answer to it. */
  private final class Entry implements AnswerPath {
    private final int index;
    private final MemorySegment header = Arena.ofAuto().allocate(HEADER_SIZE, 4096);
    private final MemorySegment vector = Arena.ofAuto().allocate(32, 8);
    private final MemorySegment memory =
        Arena.ofAuto().allocate(PAYLOAD_AT + (long) FuseSession.DATA_SIZE_MAX, 4096);
    private final MemorySegment payload = memory.asSlice(PAYLOAD_AT);
    private final MemorySegment room = memory.asSlice(PAYLOAD_AT - Abi.OUT_HEADER_SIZE);

    Entry(int index) {
      this.index = index;
      vector.setAtIndex(ValueLayout.ADDRESS, 0, header);
      vector.setAtIndex(ValueLayout.JAVA_LONG, 1, header.byteSize());
      vector.setAtIndex(ValueLayout.ADDRESS, 2, payload);
      vector.setAtIndex(ValueLayout.JAVA_LONG, 3, payload.byteSize());
    }

    @Override
    public MemorySegment room() {
      return room;
    }

    @Override
    public int write(MemorySegment message, long size) {
      long bodySize = size - Abi.OUT_HEADER_SIZE;
      if (message.address() != room.address()) {
        MemorySegment.copy(message, Abi.OUT_HEADER_SIZE, payload, 0, bodySize);
      }
      return send(message, bodySize);
    }

    @Override
    public int write(MemorySegment answer, MemorySegment body) {
      payload.copyFrom(body);
      return send(answer, body.byteSize());
    }

    private int send(MemorySegment answer, long bodySize) {
      MemorySegment.copy(answer, 0, header, 0, Abi.OUT_HEADER_SIZE);
      header.set(ValueLayout.JAVA_INT, HEADER_PAYLOAD_SIZE, (int) bodySize);
      answered(this);
      return 0;
    }

    private void command(int operation) {
      MemorySegment submission = ring.next();
      submission.set(ValueLayout.JAVA_BYTE, IoUring.SUBMISSION_OPCODE, (byte) IoUring.OP_URING_CMD);
      submission.set(ValueLayout.JAVA_INT, IoUring.SUBMISSION_FD, channel.descriptor());
      submission.set(ValueLayout.JAVA_INT, IoUring.SUBMISSION_OFFSET, operation);
      submission.set(ValueLayout.JAVA_LONG, IoUring.SUBMISSION_USER_DATA, index);
      if (operation == REGISTER) {
        submission.set(ValueLayout.ADDRESS, IoUring.SUBMISSION_ADDRESS, vector);
        submission.set(ValueLayout.JAVA_INT, IoUring.SUBMISSION_LENGTH, 2);
      } else {
        long commitId = header.get(ValueLayout.JAVA_LONG, HEADER_COMMIT_ID);
        submission.set(ValueLayout.JAVA_LONG, IoUring.SUBMISSION_COMMAND + 8, commitId);
      }
      submission.set(ValueLayout.JAVA_SHORT, IoUring.SUBMISSION_COMMAND + 16, (short) cpu);
    }

    /** The fixed part of the operation and what follows it, as they come in one piece otherwise. */
    private MemorySegment body() {
      long length = header.get(ValueLayout.JAVA_INT, Abi.IN_LEN) - (long) Abi.IN_HEADER_SIZE;
      long payloadSize = header.get(ValueLayout.JAVA_INT, HEADER_PAYLOAD_SIZE);
      long fixed = length - payloadSize;
      if (payloadSize < 0
          || payloadSize > payload.byteSize()
          || fixed < 0
          || fixed > HEADER_OPERATION_SIZE) {
        return null;
      }
      MemorySegment body = memory.asSlice(PAYLOAD_AT - fixed, fixed + payloadSize);
      MemorySegment.copy(header, HEADER_OPERATION, body, 0, fixed);
      return body;
    }
  }

  private void run() {
    Libc.pinToCpu(cpu);
    try {
      ring = new IoUring(depth + 1);
      wakeDescriptor = Libc.eventfd();
    } catch (IOException e) {
      failure = e;
      registered.countDown();
      return;
    }
    for (int i = 0; i < depth; i++) {
      Entry entry = new Entry(i);
      entries.add(entry);
      entry.command(REGISTER);
    }
    alive = depth;
    awaitWaking();
    registered.countDown();
    try {
      serve();
    } finally {
      synchronized (this) {
        Libc.close(wakeDescriptor);
        wakeDescriptor = -1;
      }
      ring.close();
    }
  }

  private void serve() {
    while (alive > 0) {
      takeAnswers();
      asleep.set(true);
      if (!answers.isEmpty()) {
        asleep.set(false);
        takeAnswers();
      }
      int result = ring.enter(this::completed);
      asleep.set(false);
      if (result < 0) {
        LOG.log(Level.ERROR, "io_uring: " + Libc.text(result));
        return;
      }
    }
  }

  private void takeAnswers() {
    for (Entry entry = answers.poll(); entry != null; entry = answers.poll()) {
      entry.command(COMMIT_AND_FETCH);
    }
  }

  private void awaitWaking() {
    MemorySegment submission = ring.next();
    submission.set(ValueLayout.JAVA_BYTE, IoUring.SUBMISSION_OPCODE, (byte) IoUring.OP_READ);
    submission.set(ValueLayout.JAVA_INT, IoUring.SUBMISSION_FD, wakeDescriptor);
    submission.set(ValueLayout.ADDRESS, IoUring.SUBMISSION_ADDRESS, wakeCount);
    submission.set(ValueLayout.JAVA_INT, IoUring.SUBMISSION_LENGTH, 8);
    submission.set(ValueLayout.JAVA_LONG, IoUring.SUBMISSION_USER_DATA, WAKE);
  }

  private void answered(Entry entry) {
    if (Thread.currentThread().equals(thread)) {
      entry.command(COMMIT_AND_FETCH);
      return;
    }
    answers.add(entry);
    if (asleep.compareAndSet(true, false)) {
      synchronized (this) {
        if (wakeDescriptor >= 0) {
          Libc.signal(wakeDescriptor);
        }
      }
    }
  }

  private void completed(long userData, int result) {
    if (userData == WAKE) {
      awaitWaking();
      return;
    }
    if (result < 0) {
      // The connection is over, or the kernel refused an answer.
      alive--;
      if (result != -Errno.ENOTCONN && result != -Errno.ECANCELED && result != -Errno.ENODEV) {
        LOG.log(Level.ERROR, "FUSE over io_uring: " + Libc.text(result));
      }
      return;
    }
    Entry entry = entries.get((int) userData);
    MemorySegment body = entry.body();
    if (body == null) {
      LOG.log(Level.ERROR, "a request with lengths that do not fit");
      alive--;
      return;
    }
    session.receive(entry, entry.header, body);
  }
}
