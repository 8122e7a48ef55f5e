package org.eggsfs.fuse.kernel;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A ring of io_uring(7) with submissions of 128 bytes, for the thread that makes it and no other:
 * the kernel ties what is submitted to the thread, and cancels it when the thread ends.
 */
final class IoUring implements AutoCloseable {
  /** Bytes of a submission. */
  static final int SUBMISSION_SIZE = 128;

  static final int OP_READ = 22;
  static final int OP_URING_CMD = 46;

  /** Fields of a submission. */
  static final int SUBMISSION_OPCODE = 0;

  static final int SUBMISSION_FD = 4;
  static final int SUBMISSION_OFFSET = 8;
  static final int SUBMISSION_ADDRESS = 16;
  static final int SUBMISSION_LENGTH = 24;
  static final int SUBMISSION_USER_DATA = 32;
  static final int SUBMISSION_COMMAND = 48;

  private static final int SETUP_SQE128 = 1 << 10;
  private static final int SETUP_SINGLE_ISSUER = 1 << 12;
  private static final int SETUP_DEFER_TASKRUN = 1 << 13;
  private static final int FEATURE_SINGLE_MMAP = 1;
  private static final int ENTER_GETEVENTS = 1;
  private static final long MAP_SUBMISSIONS = 0x10000000L;
  private static final int PARAMS_SIZE = 120;
  private static final int PARAMS_ENTRIES = 0;
  private static final int PARAMS_COMPLETIONS = 4;
  private static final int PARAMS_FLAGS = 8;
  private static final int PARAMS_FEATURES = 20;
  private static final int PARAMS_SQ = 40;
  private static final int PARAMS_CQ = 80;
  private static final int COMPLETION_SIZE = 16;
  private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();

  /** Receives completions. */
  interface Completion {
    /**
     * A submission has ended.
     *
     * @param userData what was submitted with it
     * @param result of its operation, or a negated error number
     */
    void completed(long userData, int result);
  }

  private final int descriptor;
  private final MemorySegment rings;
  private final MemorySegment submissions;
  private final int submissionMask;
  private final int submissionHead;
  private final int submissionTail;
  private final int completionMask;
  private final int completionHead;
  private final int completionTail;
  private final int completionsAt;
  private int tail;
  private int unsubmitted;

  /**
   * Makes a ring.
   *
   * @param entries submissions between two {@link #enter}
   * @throws IOException if the kernel does not want to
   */
  IoUring(int entries) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment params = arena.allocate(PARAMS_SIZE, 8);
      params.set(
          ValueLayout.JAVA_INT,
          PARAMS_FLAGS,
          SETUP_SQE128 | SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN);
      descriptor = Libc.ioUringSetup(entries, params);
      if (descriptor < 0) {
        throw Libc.failure("io_uring", descriptor);
      }
      if ((field(params, PARAMS_FEATURES) & FEATURE_SINGLE_MMAP) == 0) {
        Libc.close(descriptor);
        throw new IOException("io_uring of this kernel is too old");
      }
      int count = field(params, PARAMS_ENTRIES);
      int arrayAt = field(params, PARAMS_SQ + 24);
      completionsAt = field(params, PARAMS_CQ + 20);
      long size =
          Math.max(
              arrayAt + 4L * count,
              completionsAt + (long) COMPLETION_SIZE * field(params, PARAMS_COMPLETIONS));
      rings = Libc.mapShared(descriptor, 0, size);
      submissions = Libc.mapShared(descriptor, MAP_SUBMISSIONS, (long) SUBMISSION_SIZE * count);
      submissionHead = field(params, PARAMS_SQ);
      submissionTail = field(params, PARAMS_SQ + 4);
      submissionMask = field(rings, field(params, PARAMS_SQ + 8));
      completionHead = field(params, PARAMS_CQ);
      completionTail = field(params, PARAMS_CQ + 4);
      completionMask = field(rings, field(params, PARAMS_CQ + 8));
      for (int i = 0; i < count; i++) {
        rings.set(ValueLayout.JAVA_INT, arrayAt + 4L * i, i);
      }
      tail = field(rings, submissionTail);
    }
  }

  private static int field(MemorySegment segment, long at) {
    return segment.get(ValueLayout.JAVA_INT, at);
  }

  /** Why there is no FUSE over io_uring on this machine, or null. */
  static String unavailable() {
    Path switchFile = Path.of("/sys/module/fuse/parameters/enable_uring");
    try {
      if (!Files.readString(switchFile).strip().equals("Y")) {
        return "FUSE over io_uring is off; root turns it on with: echo Y > " + switchFile;
      }
      // Forbidden to many, as by the sysctl kernel.io_uring_disabled.
      new IoUring(1).close();
      return null;
    } catch (java.nio.file.NoSuchFileException e) {
      return "this kernel has no FUSE over io_uring (Linux 6.14 has)";
    } catch (IOException e) {
      return e.getMessage();
    }
  }

  /** The next submission, all zeros, to be filled before the next {@link #enter}. */
  MemorySegment next() {
    if (tail - (int) INT.getAcquire(rings, (long) submissionHead) > submissionMask) {
      throw new IllegalStateException("more submissions than the ring has places for");
    }
    MemorySegment next =
        submissions.asSlice((long) (tail & submissionMask) * SUBMISSION_SIZE, SUBMISSION_SIZE);
    next.fill((byte) 0);
    tail++;
    unsubmitted++;
    return next;
  }

  /**
   * Submits, waits for at least one completion and reports all there are.
   *
   * @return 0 or a negated error number
   */
  int enter(Completion completion) {
    INT.setRelease(rings, (long) submissionTail, tail);
    int result = Libc.ioUringEnter(descriptor, unsubmitted, 1, ENTER_GETEVENTS);
    if (result >= 0) {
      unsubmitted -= result;
    } else if (result != -Errno.EINTR && result != -Errno.EAGAIN && result != -Errno.EBUSY) {
      return result;
    }
    int head = field(rings, completionHead);
    int end = (int) INT.getAcquire(rings, (long) completionTail);
    while (head != end) {
      long at = completionsAt + (long) (head & completionMask) * COMPLETION_SIZE;
      long userData = rings.get(ValueLayout.JAVA_LONG, at);
      int outcome = field(rings, at + 8);
      head++;
      INT.setRelease(rings, (long) completionHead, head);
      completion.completed(userData, outcome);
    }
    return 0;
  }

  @Override
  public void close() {
    Libc.unmap(rings);
    Libc.unmap(submissions);
    Libc.close(descriptor);
  }
}
