package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.fuse.kernel.FileSystemFigures;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.InfoRequest;
import org.eggsfs.protocol.shuckle.InfoResponse;
import org.eggsfs.protocol.struct.SpanPolicyEntry;

/**
 * The cluster's capacity as statfs tells it: what large files can use under the root's policy, that
 * is, without parity; or raw bytes. Asked for at most every few seconds.
 */
final class Capacity {
  private static final int BLOCK_SIZE = 4096;
  private static final int NAME_LENGTH_MAX = 255;
  private static final long AGE_NANOS_MAX = TimeUnit.SECONDS.toNanos(5);

  /** Inodes are not limited. */
  private static final long INODES = Long.MAX_VALUE;

  private final EggsClient client;
  private final boolean raw;
  private final ReentrantLock lock = new ReentrantLock();
  private FileSystemFigures figures;
  private long atNanos;

  Capacity(EggsClient client, boolean raw) {
    this.client = client;
    this.raw = raw;
  }

  /** The figures; asks the shuckle if they are old. One asks and others wait, interruptibly. */
  FileSystemFigures figures() throws EggsException, IOException, InterruptedException {
    lock.lockInterruptibly();
    try {
      if (figures == null || System.nanoTime() - atNanos > AGE_NANOS_MAX) {
        figures = ask();
        atNanos = System.nanoTime();
      }
      return figures;
    } finally {
      lock.unlock();
    }
  }

  private FileSystemFigures ask() throws EggsException, IOException {
    InfoResponse info = client.shuckle().call(new InfoRequest());
    double share = raw ? 1 : usableShare();
    long blocks = (long) (info.capacity() * share) / BLOCK_SIZE;
    long available = (long) (info.available() * share) / BLOCK_SIZE;
    return new FileSystemFigures(
        blocks, available, available, INODES, INODES, BLOCK_SIZE, NAME_LENGTH_MAX);
  }

  private double usableShare() throws EggsException, IOException {
    List<SpanPolicyEntry> spans = client.inodes().policies(InodeIds.ROOT).span().entries();
    int parity = spans.getLast().parity();
    return (double) Parity.data(parity) / Parity.blocks(parity);
  }
}
