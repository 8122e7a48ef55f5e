package org.eggsfs.fuse.kernel;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One descriptor of {@code /dev/fuse}: the first of a mount, or a clone with a queue of its own.
 * Reading is one thread's; writing is anybody's, each answer being one system call. An answer must
 * be written to the channel its request was read from.
 */
final class FuseChannel implements AnswerPath, AutoCloseable {
  private final int descriptor;

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
    try (Arena arena = Arena.ofConfined()) {
      long written = Libc.write(Libc.newState(arena), descriptor, message, size);
      return written == size ? 0 : written < 0 ? (int) written : -Errno.EIO;
    }
  }

  /** Writes an answer whose body lies elsewhere; 0 or a negated error number. */
  @Override
  public int write(MemorySegment header, MemorySegment body) {
    try (Arena arena = Arena.ofConfined()) {
      long written = Libc.writeBoth(Libc.newState(arena), descriptor, header, body);
      long size = header.byteSize() + body.byteSize();
      return written == size ? 0 : written < 0 ? (int) written : -Errno.EIO;
    }
  }

  @Override
  public void close() {
    Libc.close(descriptor);
  }
}
