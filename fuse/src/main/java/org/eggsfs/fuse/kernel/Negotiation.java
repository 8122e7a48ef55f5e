package org.eggsfs.fuse.kernel;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What kernel and file system agree on at INIT.
 *
 * @param minor version of the protocol, the smaller of both
 * @param flags what was asked for and offered
 * @param writeSizeMax largest WRITE in bytes
 * @param pagesMax largest request in pages
 * @param readAheadMax in bytes
 * @param backgroundMax most requests that nobody waits for, such as reading ahead
 */
record Negotiation(
    int minor, long flags, int writeSizeMax, int pagesMax, int readAheadMax, int backgroundMax) {
  private static final int PAGE = 4096;

  /** Not wanted although offered, among others: WRITEBACK_CACHE, AUTO_INVAL_DATA, locks. */
  private static final long WANTED =
      Abi.INIT_ASYNC_READ
          | Abi.INIT_ATOMIC_O_TRUNC
          | Abi.INIT_BIG_WRITES
          | Abi.INIT_DO_READDIRPLUS
          | Abi.INIT_READDIRPLUS_AUTO
          | Abi.INIT_ASYNC_DIO
          | Abi.INIT_PARALLEL_DIROPS
          | Abi.INIT_MAX_PAGES
          | Abi.INIT_CACHE_SYMLINKS
          | Abi.INIT_EXPLICIT_INVAL_DATA
          | Abi.INIT_HANDLE_KILLPRIV_V2
          | Abi.INIT_INIT_EXT;

  /**
   * Agrees with a kernel.
   *
   * @param body of the INIT request
   * @param dataSizeMax largest read or write that we take, in bytes
   * @param backgroundMax see there
   * @param ioUring whether requests shall come by io_uring if the kernel offers it
   * @return null when the kernel has a newer major version: it asks again with ours
   * @throws IOException when the kernel is too old
   */
  static Negotiation agree(
      MemorySegment body, int dataSizeMax, int readAheadMax, int backgroundMax, boolean ioUring)
      throws IOException {
    int major = body.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
    int minor = body.get(ValueLayout.JAVA_INT_UNALIGNED, 4);
    if (major > Abi.MAJOR) {
      return null;
    }
    if (major < Abi.MAJOR || minor < Abi.MINOR_MIN) {
      throw new IOException(
          "the kernel speaks FUSE %d.%d; %d.%d or newer is needed (Linux 5.4)"
              .formatted(major, minor, Abi.MAJOR, Abi.MINOR_MIN));
    }
    int offeredReadAhead = body.get(ValueLayout.JAVA_INT_UNALIGNED, 8);
    long offered = Integer.toUnsignedLong(body.get(ValueLayout.JAVA_INT_UNALIGNED, 12));
    if ((offered & Abi.INIT_INIT_EXT) != 0 && body.byteSize() >= Abi.INIT_IN_FLAGS2 + 4) {
      offered |=
          (long) body.get(ValueLayout.JAVA_INT_UNALIGNED, Abi.INIT_IN_FLAGS2) << Integer.SIZE;
    }
    int size = (offered & Abi.INIT_MAX_PAGES) != 0 ? dataSizeMax : Math.min(dataSizeMax, 32 * PAGE);
    int readAhead =
        Integer.compareUnsigned(offeredReadAhead, readAheadMax) < 0
            ? offeredReadAhead
            : readAheadMax;
    return new Negotiation(
        Math.min(minor, Abi.MINOR_MAX),
        offered & (ioUring ? WANTED | Abi.INIT_OVER_IO_URING : WANTED),
        size,
        size / PAGE,
        readAhead,
        backgroundMax);
  }

  boolean has(long flag) {
    return (flags & flag) != 0;
  }

  /** Writes {@code fuse_init_out} behind the header. */
  void put(MemorySegment out, long at) {
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at, Abi.MAJOR);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 4, minor);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 8, readAheadMax);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 12, (int) flags);
    out.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 16, (short) backgroundMax);
    out.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 18, (short) (backgroundMax * 3 / 4));
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 20, writeSizeMax);
    // Times are exact to the nanosecond.
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 24, 1);
    out.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 28, (short) pagesMax);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 32, (int) (flags >>> Integer.SIZE));
  }

  /** Tells a newer kernel which major version to come back with. */
  static void putOtherMajor(MemorySegment out, long at) {
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at, Abi.MAJOR);
    out.set(ValueLayout.JAVA_INT_UNALIGNED, at + 4, Abi.MINOR_MAX);
  }
}
