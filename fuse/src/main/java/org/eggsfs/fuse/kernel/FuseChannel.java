package org.eggsfs.fuse.kernel;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * One descriptor of {@code /dev/fuse}: the first of a mount, or a clone with a queue of its own.
 * Reading is one thread's; writing is anybody's, each answer being one system call. An answer must
 * be written to the channel its request was read from.
 */
final class FuseChannel implements AnswerPath, AutoCloseable {
  private final int descriptor;

  /** Held shared by answers: after the end the number may be somebody else's. */
  private final ReentrantReadWriteLock lifecycle = new ReentrantReadWriteLock();

  private boolean closed;

  FuseChannel(int descriptor) {
    this.descriptor = descriptor;
  }

  /** Opens the device for a new connection. */
  static FuseChannel open() throws IOException {
    int descriptor = Libc.open("/dev/fuse", Libc.O_RDWR | Libc.O_CLOEXEC);
    if (descriptor < 0) {
      throw Libc.failure("/dev/fuse", descriptor);
    }
    return new FuseChannel(descriptor);
  }

  /** Another queue of the same connection. */
  FuseChannel cloneChannel() throws IOException {
    FuseChannel clone = open();
    int result = Libc.ioctl(clone.descriptor, Abi.DEV_IOC_CLONE, descriptor);
    if (result < 0) {
      clone.close();
      throw Libc.failure("cloning /dev/fuse", result);
    }
    return clone;
  }

  int descriptor() {
    return descriptor;
  }

  /** Waits for a request; its length or a negated error number. */
  long read(MemorySegment state, MemorySegment into) {
    return Libc.read(state, descriptor, into, into.byteSize());
  }

  /** Writes an answer or notification; 0 or a negated error number. */
  @Override
  public int write(MemorySegment message, long size) {
    return whileOpen(size, state -> Libc.write(state, descriptor, message, size));
  }

  private interface Writing {
    long with(MemorySegment state);
  }

  private int whileOpen(long size, Writing writing) {
    lifecycle.readLock().lock();
    try (Arena arena = Arena.ofConfined()) {
      if (closed) {
        return -Errno.ENODEV;
      }
      long written = writing.with(Libc.newState(arena));
      return written == size ? 0 : written < 0 ? (int) written : -Errno.EIO;
    } finally {
      lifecycle.readLock().unlock();
    }
  }

  /** Writes an answer whose body lies elsewhere; 0 or a negated error number. */
  @Override
  public int write(MemorySegment header, MemorySegment body) {
    return whileOpen(
        header.byteSize() + body.byteSize(),
        state -> Libc.writeBoth(state, descriptor, header, body));
  }

  @Override
  public void close() {
    lifecycle.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        Libc.close(descriptor);
      }
    } finally {
      lifecycle.writeLock().unlock();
    }
  }
}
