package org.eggsfs.fuse.kernel;

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

/**
 * The system calls of a FUSE server. Calls that may fail return the negated error number, as the
 * kernel does, so that hot paths need no exceptions.
 */
final class Libc {
  static final int O_RDWR = 2;
  static final int O_CLOEXEC = 0x80000;
  static final int AF_UNIX = 1;
  static final int SOCK_STREAM = 1;
  static final int MNT_DETACH = 2;
  private static final long SYS_IO_URING_SETUP = 425;
  private static final long SYS_IO_URING_ENTER = 426;
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_SHARED_POPULATE = 0x8001;
  private static final long CPU_MASK_SIZE = 1024;
  static final long MS_RDONLY = 1;
  static final long MS_NOSUID = 2;
  static final long MS_NODEV = 4;
  static final long MS_NOEXEC = 8;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");
  private static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final java.lang.foreign.AddressLayout POINTER = ValueLayout.ADDRESS;

  private static final MethodHandle OPEN =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("open"),
          FunctionDescriptor.of(INT, POINTER, INT),
          CAPTURE,
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle IOCTL =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("ioctl"),
          FunctionDescriptor.of(INT, INT, LONG, POINTER),
          CAPTURE,
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle CLOSE = handle("close", FunctionDescriptor.of(INT, INT));
  private static final MethodHandle READ =
      handle("read", FunctionDescriptor.of(LONG, INT, POINTER, LONG));
  private static final MethodHandle WRITE =
      handle("write", FunctionDescriptor.of(LONG, INT, POINTER, LONG));
  private static final MethodHandle WRITEV =
      handle("writev", FunctionDescriptor.of(LONG, INT, POINTER, INT));
  private static final MethodHandle MOUNT =
      handle("mount", FunctionDescriptor.of(INT, POINTER, POINTER, POINTER, LONG, POINTER));
  private static final MethodHandle UMOUNT2 =
      handle("umount2", FunctionDescriptor.of(INT, POINTER, INT));
  private static final MethodHandle SOCKETPAIR =
      handle("socketpair", FunctionDescriptor.of(INT, INT, INT, INT, POINTER));
  private static final MethodHandle RECVMSG =
      handle("recvmsg", FunctionDescriptor.of(LONG, INT, POINTER, INT));
  private static final MethodHandle WAITPID =
      handle("waitpid", FunctionDescriptor.of(INT, INT, POINTER, INT));
  // Returns an error number and does not set errno.
  private static final MethodHandle POSIX_SPAWNP =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("posix_spawnp"),
          FunctionDescriptor.of(INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER));
  private static final MethodHandle GETEUID =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("geteuid"), FunctionDescriptor.of(INT));
  private static final MethodHandle GETEGID =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("getegid"), FunctionDescriptor.of(INT));
  private static final MethodHandle SYSCALL =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("syscall"),
          FunctionDescriptor.of(LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG),
          CAPTURE,
          Linker.Option.firstVariadicArg(1));
  private static final MethodHandle MMAP =
      handle("mmap", FunctionDescriptor.of(LONG, LONG, LONG, INT, INT, INT, LONG));
  private static final MethodHandle MUNMAP =
      handle("munmap", FunctionDescriptor.of(INT, POINTER, LONG));
  private static final MethodHandle EVENTFD =
      handle("eventfd", FunctionDescriptor.of(INT, INT, INT));
  private static final MethodHandle SCHED_SETAFFINITY =
      handle("sched_setaffinity", FunctionDescriptor.of(INT, INT, LONG, POINTER));
  private static final MethodHandle STRERROR =
      LINKER.downcallHandle(
          LINKER.defaultLookup().findOrThrow("strerror"), FunctionDescriptor.of(POINTER, INT));

  private Libc() {}

  private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
    return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor, CAPTURE);
  }

  /** Memory for the error number of the calls of one thread. */
  static MemorySegment newState(Arena arena) {
    return arena.allocate(STATE);
  }

  private static IllegalStateException bug(Throwable e) {
    return new IllegalStateException("a system call could not be made", e);
  }

  private static long orErrno(long result, MemorySegment state) {
    return result >= 0 ? result : -(int) ERRNO.get(state, 0L);
  }

  static long read(MemorySegment state, int fd, MemorySegment into, long size) {
    try {
      return orErrno((long) READ.invokeExact(state, fd, into, size), state);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  static long write(MemorySegment state, int fd, MemorySegment from, long size) {
    try {
      return orErrno((long) WRITE.invokeExact(state, fd, from, size), state);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  /** Writes the two one behind the other, as one message. */
  static long writeBoth(MemorySegment state, int fd, MemorySegment first, MemorySegment second) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment vector = arena.allocate(4 * LONG.byteSize(), LONG.byteAlignment());
      vector.setAtIndex(POINTER, 0, first);
      vector.setAtIndex(LONG, 1, first.byteSize());
      vector.setAtIndex(POINTER, 2, second);
      vector.setAtIndex(LONG, 3, second.byteSize());
      return orErrno((long) WRITEV.invokeExact(state, fd, vector, 2), state);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  static int open(String path, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = newState(arena);
      return (int) orErrno((int) OPEN.invokeExact(state, arena.allocateFrom(path), flags), state);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  static int close(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = newState(arena);
      return (int) orErrno((int) CLOSE.invokeExact(state, fd), state);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  private static int systemCall(long number, long a, long b, long c, long d) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = newState(arena);
      return (int) orErrno((long) SYSCALL.invokeExact(state, number, a, b, c, d, 0L, 0L), state);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  static int ioUringSetup(int entries, MemorySegment params) {
    return systemCall(SYS_IO_URING_SETUP, entries, params.address(), 0, 0);
  }

  static int ioUringEnter(int fd, int submit, int complete, int flags) {
    return systemCall(SYS_IO_URING_ENTER, fd, submit, complete, flags);
  }

  /** Maps memory that is shared with the kernel. */
  static MemorySegment mapShared(int fd, long offset, long size) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = newState(arena);
      long address =
          (long)
              MMAP.invokeExact(state, 0L, size, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset);
      if (address == -1) {
        throw failure("mmap", (int) orErrno(address, state));
      }
      return MemorySegment.ofAddress(address).reinterpret(size);
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  static void unmap(MemorySegment memory) {
    try (Arena arena = Arena.ofConfined()) {
      int ignored = (int) MUNMAP.invokeExact(newState(arena), memory, memory.byteSize());
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  /** A descriptor that counts signals, 0 at first. */
  static int eventfd() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = newState(arena);
      int fd = (int) orErrno((int) EVENTFD.invokeExact(state, 0, O_CLOEXEC), state);
      if (fd < 0) {
        throw failure("eventfd", fd);
      }
      return fd;
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  /** Adds one to an eventfd. */
  static void signal(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      write(newState(arena), fd, arena.allocateFrom(LONG, 1L), LONG.byteSize());
    }
  }

  /** Keeps the calling thread on a CPU; a courtesy, so it does not matter if it fails. */
  static void pinToCpu(int cpu) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = arena.allocate(CPU_MASK_SIZE, LONG.byteAlignment());
      mask.setAtIndex(LONG, cpu / Long.SIZE, 1L << (cpu % Long.SIZE));
      int ignored = (int) SCHED_SETAFFINITY.invokeExact(newState(arena), 0, CPU_MASK_SIZE, mask);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  /** An ioctl whose argument is a pointer to an int. */
  static int ioctl(int fd, long request, int argument) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = newState(arena);
      MemorySegment pointer = arena.allocateFrom(INT, argument);
      return (int) orErrno((int) IOCTL.invokeExact(state, fd, request, pointer), state);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  static int mount(String source, String target, String type, long flags, String data) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = newState(arena);
      int result =
          (int)
              MOUNT.invokeExact(
                  state,
                  arena.allocateFrom(source),
                  arena.allocateFrom(target),
                  arena.allocateFrom(type),
                  flags,
                  arena.allocateFrom(data));
      return (int) orErrno(result, state);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  static int umount(String target, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = newState(arena);
      return (int)
          orErrno((int) UMOUNT2.invokeExact(state, arena.allocateFrom(target), flags), state);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  static int geteuid() {
    try {
      return (int) GETEUID.invokeExact();
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  static int getegid() {
    try {
      return (int) GETEGID.invokeExact();
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  /** The system's text for an error number, positive or negative. */
  static String text(int errno) {
    try {
      MemorySegment text = (MemorySegment) STRERROR.invokeExact(Math.abs(errno));
      return text.reinterpret(256).getString(0);
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  static IOException failure(String what, int errno) {
    return new IOException(what + ": " + text(errno));
  }

  /**
   * Runs a helper program that sends back a descriptor over the socket it finds in an environment
   * variable, which is how {@code fusermount3} hands over {@code /dev/fuse}. Java's own processes
   * inherit no descriptors.
   *
   * @return the descriptor
   */
  static int receiveDescriptorFrom(
      java.util.List<String> command, String variable, java.util.Map<String, String> environment)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = newState(arena);
      MemorySegment pair = arena.allocate(INT, 2);
      int made = (int) SOCKETPAIR.invokeExact(state, AF_UNIX, SOCK_STREAM, 0, pair);
      if (made < 0) {
        throw failure("socketpair", (int) orErrno(made, state));
      }
      int mine = pair.getAtIndex(INT, 0);
      int theirs = pair.getAtIndex(INT, 1);
      try {
        java.util.Map<String, String> all = new java.util.TreeMap<>(environment);
        all.put(variable, Integer.toString(theirs));
        MemorySegment pid = arena.allocate(INT);
        int failed =
            (int)
                POSIX_SPAWNP.invokeExact(
                    pid,
                    arena.allocateFrom(command.getFirst()),
                    MemorySegment.NULL,
                    MemorySegment.NULL,
                    strings(arena, command),
                    strings(
                        arena,
                        all.entrySet().stream()
                            .map(e -> e.getKey() + "=" + e.getValue())
                            .toList()));
        if (failed != 0) {
          throw failure(command.getFirst(), failed);
        }
        // Otherwise our end would never see the end of a helper that fails.
        close(theirs);
        theirs = -1;
        int descriptor = receiveDescriptor(arena, state, mine);
        MemorySegment status = arena.allocate(INT);
        int waited = (int) WAITPID.invokeExact(state, pid.get(INT, 0), status, 0);
        if (descriptor < 0) {
          throw new IOException(
              command.getFirst()
                  + " did not mount"
                  + (waited > 0 ? " (exit code " + (status.get(INT, 0) >> 8 & 0xff) + ")" : ""));
        }
        return descriptor;
      } finally {
        close(mine);
        if (theirs >= 0) {
          close(theirs);
        }
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw bug(e);
    }
  }

  private static MemorySegment strings(Arena arena, java.util.List<String> values) {
    MemorySegment array = arena.allocate(POINTER, values.size() + 1L);
    for (int i = 0; i < values.size(); i++) {
      array.setAtIndex(POINTER, i, arena.allocateFrom(values.get(i)));
    }
    return array;
  }

  /** One byte of data with one descriptor in a control message; -1 if the other end closed. */
  private static int receiveDescriptor(Arena arena, MemorySegment state, int socket)
      throws Throwable {
    MemorySegment data = arena.allocate(1);
    MemorySegment vector = arena.allocate(16, 8);
    vector.set(POINTER, 0, data);
    vector.set(LONG, 8, 1);
    MemorySegment control = arena.allocate(24, 8);
    MemorySegment message = arena.allocate(56, 8);
    message.set(POINTER, 16, vector);
    message.set(LONG, 24, 1);
    message.set(POINTER, 32, control);
    message.set(LONG, 40, control.byteSize());
    long received = (long) RECVMSG.invokeExact(state, socket, message, 0);
    if (received <= 0 || message.get(LONG, 40) < 20) {
      return -1;
    }
    return control.get(INT, 16);
  }
}
