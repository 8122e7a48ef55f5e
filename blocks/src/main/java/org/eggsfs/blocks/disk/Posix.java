package org.eggsfs.blocks.disk;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** The few system calls that Java does not offer, with their error numbers. */
final class Posix {
  /** A descriptor opened by {@link #open}. */
  static final class Descriptor implements DiskFiles.Held {
    private final int number;
    private boolean closed;

    private Descriptor(int number) {
      this.number = number;
    }

    @Override
    public synchronized void close() {
      if (!closed) {
        closed = true;
        invokeQuietly(CLOSE, number);
      }
    }
  }

  private static final int O_RDONLY = 0;
  private static final int O_CLOEXEC = 0x80000;
  private static final int LOCK_EX = 2;
  private static final int LOCK_NB = 4;
  private static final int FADV_DONTNEED = 4;
  private static final int ENOENT = 2;
  private static final int EINTR = 4;
  private static final int EWOULDBLOCK = 11;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");
  private static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle OPEN =
      handle(
          "open",
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
          CAPTURE,
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle CLOSE = intHandle("close");
  private static final MethodHandle SYNCFS = intHandle("syncfs");
  private static final MethodHandle FADVISE =
      handle(
          "posix_fadvise",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT));
  private static final MethodHandle FLOCK =
      handle(
          "flock",
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT),
          CAPTURE);
  private static final MethodHandle STRERROR =
      handle("strerror", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_INT));

  private Posix() {}

  private static MethodHandle intHandle(String name) {
    return handle(name, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT), CAPTURE);
  }

  private static MethodHandle handle(
      String name, FunctionDescriptor descriptor, Linker.Option... options) {
    return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor, options);
  }

  /** Opens a file or directory for reading. */
  static Descriptor open(Path path) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      int number =
          (int) OPEN.invokeExact(state, arena.allocateFrom(path.toString()), O_RDONLY | O_CLOEXEC);
      if (number < 0) {
        if ((int) ERRNO.get(state, 0L) == ENOENT) {
          throw new NoSuchFileException(path.toString());
        }
        throw failure("open " + path, state);
      }
      return new Descriptor(number);
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("open", e);
    }
  }

  /** Takes an exclusive lock that lasts until the descriptor is closed; false if another has it. */
  static boolean lock(Descriptor descriptor) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      while ((int) FLOCK.invokeExact(state, descriptor.number, LOCK_EX | LOCK_NB) != 0) {
        int errno = (int) ERRNO.get(state, 0L);
        if (errno == EWOULDBLOCK) {
          return false;
        }
        if (errno != EINTR) {
          throw failure("flock", state);
        }
      }
      return true;
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("flock", e);
    }
  }

  /** Asks the kernel to forget a file's content, so that the next read comes from the medium. */
  static void dropCached(Descriptor descriptor) throws IOException {
    int errno;
    try {
      errno = (int) FADVISE.invokeExact(descriptor.number, 0L, 0L, FADV_DONTNEED);
    } catch (Throwable e) {
      throw new IllegalStateException("posix_fadvise", e);
    }
    if (errno != 0) {
      throw new IOException("posix_fadvise: " + describe(errno));
    }
  }

  /** Makes everything written to the descriptor's file system durable. */
  static void syncFileSystem(Descriptor descriptor) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      while ((int) SYNCFS.invokeExact(state, descriptor.number) != 0) {
        if ((int) ERRNO.get(state, 0L) != EINTR) {
          throw failure("syncfs", state);
        }
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("syncfs", e);
    }
  }

  private static void invokeQuietly(MethodHandle handle, int argument) {
    try (Arena arena = Arena.ofConfined()) {
      // The descriptor was opened for reading: closing it cannot lose anything.
      int ignored = (int) handle.invokeExact(arena.allocate(STATE), argument);
      assert ignored <= 0;
    } catch (Throwable e) {
      throw new IllegalStateException("close", e);
    }
  }

  /** What the C library calls an error, in the language of this process, as Java's messages do. */
  static String describe(int errno) {
    try {
      MemorySegment text = (MemorySegment) STRERROR.invokeExact(errno);
      return text.reinterpret(256).getString(0);
    } catch (Throwable e) {
      throw new IllegalStateException("strerror", e);
    }
  }

  private static IOException failure(String what, MemorySegment state) {
    return new IOException(what + ": " + describe((int) ERRNO.get(state, 0L)));
  }
}
