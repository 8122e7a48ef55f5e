package org.eggsfs.fuse.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Takes requests apart and calls the operations. Every field is checked against the length of the
 * request first; a body that is too short answers EINVAL, an operation we do not have ENOSYS.
 */
final class Dispatcher {
  /** A body that is not what its operation needs. */
  private static final class MalformedRequestException extends RuntimeException {
    private static final long serialVersionUID = 1;

    MalformedRequestException(String message) {
      super(message);
    }
  }

  private final FuseOperations operations;

  Dispatcher(FuseOperations operations) {
    this.operations = operations;
  }

  /** The part of a request behind the header. */
  private static final class Body {
    private final MemorySegment segment;

    Body(MemorySegment segment) {
      this.segment = segment;
    }

    Body atLeast(long size) {
      if (segment.byteSize() < size) {
        throw new MalformedRequestException(segment.byteSize() + " bytes instead of " + size);
      }
      return this;
    }

    int i32(long at) {
      return segment.get(ValueLayout.JAVA_INT_UNALIGNED, at);
    }

    long i64(long at) {
      return segment.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
    }

    /** Bytes up to a zero. */
    byte[] name(long at) {
      long end = at;
      while (end < segment.byteSize() && segment.get(ValueLayout.JAVA_BYTE, end) != 0) {
        end++;
      }
      if (end >= segment.byteSize() || end == at) {
        throw new MalformedRequestException("a name that is empty or has no end");
      }
      return segment.asSlice(at, end - at).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /** Calls the operation; the request is answered then or later. */
  void dispatch(FuseRequest request, int opcode, long node, MemorySegment segment) {
    try {
      call(request, opcode, node, new Body(segment));
    } catch (MalformedRequestException e) {
      request.error(Errno.EINVAL);
    }
  }

  private void call(FuseRequest request, int opcode, long node, Body in) {
    switch (opcode) {
      case Abi.LOOKUP -> operations.lookup(request, node, in.name(0));
      case Abi.GETATTR -> {
        in.atLeast(Abi.GETATTR_IN_SIZE);
        boolean byHandle = (in.i32(0) & Abi.GETATTR_FH) != 0;
        operations.getAttributes(request, node, byHandle ? in.i64(8) : -1);
      }
      case Abi.SETATTR -> operations.setAttributes(request, node, change(in));
      case Abi.READLINK -> operations.readlink(request, node);
      case Abi.SYMLINK -> {
        byte[] name = in.name(0);
        operations.symlink(request, node, name, in.name(name.length + 1));
      }
      case Abi.MKNOD ->
          operations.mknod(request, node, in.atLeast(16).name(Abi.MKNOD_IN_SIZE), in.i32(0));
      case Abi.MKDIR ->
          operations.mkdir(request, node, in.atLeast(8).name(Abi.MKDIR_IN_SIZE), in.i32(0));
      case Abi.UNLINK -> operations.unlink(request, node, in.name(0));
      case Abi.RMDIR -> operations.rmdir(request, node, in.name(0));
      case Abi.RENAME -> rename(request, node, in, Abi.RENAME_IN_SIZE, 0);
      case Abi.RENAME2 ->
          rename(request, node, in, Abi.RENAME2_IN_SIZE, in.atLeast(Abi.RENAME2_IN_SIZE).i32(8));
      case Abi.LINK ->
          operations.link(
              request, in.atLeast(Abi.LINK_IN_SIZE).i64(0), node, in.name(Abi.LINK_IN_SIZE));
      case Abi.OPEN -> operations.open(request, node, in.atLeast(Abi.OPEN_IN_SIZE).i32(0));
      case Abi.CREATE -> {
        in.atLeast(Abi.CREATE_IN_SIZE);
        operations.create(request, node, in.name(Abi.CREATE_IN_SIZE), in.i32(0), in.i32(4));
      }
      case Abi.TMPFILE -> {
        in.atLeast(Abi.CREATE_IN_SIZE);
        operations.tmpfile(request, node, in.i32(0), in.i32(4));
      }
      case Abi.READ -> {
        in.atLeast(Abi.READ_IN_SIZE);
        operations.read(request, node, in.i64(0), offset(in.i64(8)), size(in.i32(16)));
      }
      case Abi.WRITE -> write(request, node, in);
      case Abi.STATFS -> operations.statfs(request);
      case Abi.RELEASE -> operations.release(request, node, in.atLeast(Abi.RELEASE_IN_SIZE).i64(0));
      case Abi.FSYNC -> operations.fsync(request, node, in.atLeast(Abi.FSYNC_IN_SIZE).i64(0));
      case Abi.SETXATTR, Abi.REMOVEXATTR -> operations.changeExtendedAttribute(request, node);
      case Abi.GETXATTR -> {
        int size = size(in.atLeast(Abi.GETXATTR_IN_SIZE).i32(0));
        String name = new String(in.name(Abi.GETXATTR_IN_SIZE), StandardCharsets.UTF_8);
        operations.getExtendedAttribute(request, node, name, size);
      }
      case Abi.LISTXATTR ->
          operations.listExtendedAttributes(
              request, node, size(in.atLeast(Abi.GETXATTR_IN_SIZE).i32(0)));
      case Abi.FLUSH -> operations.flush(request, node, in.atLeast(Abi.FLUSH_IN_SIZE).i64(0));
      case Abi.OPENDIR -> operations.openDirectory(request, node);
      case Abi.READDIR, Abi.READDIRPLUS -> {
        in.atLeast(Abi.READ_IN_SIZE);
        operations.readDirectory(
            request,
            node,
            in.i64(0),
            offset(in.i64(8)),
            size(in.i32(16)),
            opcode == Abi.READDIRPLUS);
      }
      case Abi.RELEASEDIR ->
          operations.releaseDirectory(request, node, in.atLeast(Abi.RELEASE_IN_SIZE).i64(0));
      case Abi.FSYNCDIR -> operations.fsyncDirectory(request, node);
      case Abi.ACCESS -> operations.access(request, node, in.atLeast(Abi.ACCESS_IN_SIZE).i32(0));
      case Abi.FALLOCATE -> {
        in.atLeast(Abi.FALLOCATE_IN_SIZE);
        operations.fallocate(
            request, node, in.i64(0), offset(in.i64(8)), offset(in.i64(16)), in.i32(24));
      }
      case Abi.LSEEK -> {
        in.atLeast(Abi.LSEEK_IN_SIZE);
        operations.lseek(request, node, in.i64(0), offset(in.i64(8)), in.i32(16));
      }
      case Abi.SYNCFS -> operations.syncfs(request);
      case Abi.IOCTL -> request.error(Errno.ENOTTY);
      case Abi.DESTROY -> request.ok();
      default -> request.error(Errno.ENOSYS);
    }
  }

  private static long offset(long value) {
    if (value < 0) {
      throw new MalformedRequestException("a negative offset");
    }
    return value;
  }

  private static int size(int value) {
    if (value < 0) {
      throw new MalformedRequestException("a negative size");
    }
    return value;
  }

  private static SetAttributes change(Body in) {
    in.atLeast(Abi.SETATTR_IN_SIZE);
    return new SetAttributes(
        in.i32(0),
        in.i64(8),
        in.i64(16),
        nanos(in.i64(32), in.i32(56)),
        nanos(in.i64(40), in.i32(60)),
        in.i32(68),
        in.i32(76),
        in.i32(80));
  }

  /**
   * Times that a long does not hold, before 1677 and after 2262, become the nearest that it does.
   */
  private static long nanos(long seconds, int nanos) {
    long limit = Long.MAX_VALUE / 1_000_000_000L - 1;
    return Math.clamp(seconds, -limit, limit) * 1_000_000_000L + nanos;
  }

  private void rename(FuseRequest request, long oldParent, Body in, int fixed, int flags) {
    long newParent = in.atLeast(fixed).i64(0);
    byte[] oldName = in.name(fixed);
    byte[] newName = in.name(fixed + oldName.length + 1L);
    operations.rename(request, oldParent, oldName, newParent, newName, flags);
  }

  private void write(FuseRequest request, long node, Body in) {
    in.atLeast(Abi.WRITE_IN_SIZE);
    int size = size(in.i32(16));
    in.atLeast(Abi.WRITE_IN_SIZE + (long) size);
    operations.write(
        request,
        node,
        in.i64(0),
        offset(in.i64(8)),
        in.segment.asSlice(Abi.WRITE_IN_SIZE, size).asByteBuffer(),
        (in.i32(20) & Abi.WRITE_CACHE) != 0);
  }

  /** Lookups given back; these are not answered. */
  void forget(int opcode, long node, MemorySegment segment) {
    Body in = new Body(segment);
    try {
      if (opcode == Abi.FORGET) {
        operations.forget(node, in.atLeast(Abi.FORGET_IN_SIZE).i64(0));
        return;
      }
      int count = in.atLeast(Abi.BATCH_FORGET_IN_SIZE).i32(0);
      in.atLeast(Abi.BATCH_FORGET_IN_SIZE + (long) size(count) * Abi.FORGET_ONE_SIZE);
      for (int i = 0; i < count; i++) {
        long at = Abi.BATCH_FORGET_IN_SIZE + (long) i * Abi.FORGET_ONE_SIZE;
        operations.forget(in.i64(at), in.i64(at + 8));
      }
    } catch (MalformedRequestException e) {
      // Nobody waits for an answer; the node stays known.
      return;
    }
  }
}
