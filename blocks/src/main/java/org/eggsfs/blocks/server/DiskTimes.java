package org.eggsfs.blocks.server;

/**
 * How closely the disks of a block server are watched. Nanoseconds.
 *
 * @param probe between two looks at a disk: its free space, and a read of its key past the cache
 * @param write between two looks with a small synced write; after an error it comes at once
 * @param hang a call or probe that takes longer means that the disk hangs
 * @param sync a sync of the file system that takes longer means that the disk hangs; below the time
 *     after which clients give up a write
 * @param slow a probe that takes longer is slow
 * @param window over which I/O errors are compared with requests
 * @param calm without an I/O error, until a disk with many of them is trusted again
 * @param open how long a start waits for disks; one that takes longer joins later
 * @param reopen between attempts to open a disk that could not be opened
 */
public record DiskTimes(
    long probe,
    long write,
    long hang,
    long sync,
    long slow,
    long window,
    long calm,
    long open,
    long reopen) {
  private static final long SECOND = 1_000_000_000L;

  /** The times of production. */
  public static final DiskTimes STANDARD =
      new DiskTimes(
          10 * SECOND,
          60 * SECOND,
          8 * SECOND,
          25 * SECOND,
          3 * SECOND,
          60 * SECOND,
          600 * SECOND,
          10 * SECOND,
          15 * SECOND);
}
