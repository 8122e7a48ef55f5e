package org.eggsfs.blocks.server;

/**
 * How long a peer may take for one body or one answer, of which a transfer buffer waits for it all
 * the time: there is a limit for each piece, and one for the whole that grows with its size. Only
 * waiting for the peer counts, not the disk. To be used by one thread; any other may ask whether
 * the peer {@linkplain #isOver takes too long}.
 */
final class PeerClock {
  /** Peers that are slower than this for long are disconnected. */
  static final long BYTES_PER_SECOND_MIN = 64 << 10;

  private static final long SECOND_NANOS = 1_000_000_000L;

  private final long pieceNanos;
  private long leftNanos;
  private long startNanos;

  private volatile boolean isWaiting;
  private volatile long deadline;

  /**
   * A clock that does not run yet.
   *
   * @param pieceNanos limit of a piece
   * @param bytes size of the whole
   */
  PeerClock(long pieceNanos, long bytes) {
    this.pieceNanos = pieceNanos;
    this.leftNanos =
        pieceNanos
            + bytes / BYTES_PER_SECOND_MIN * SECOND_NANOS
            + bytes % BYTES_PER_SECOND_MIN * SECOND_NANOS / BYTES_PER_SECOND_MIN;
  }

  /** Waiting for the peer begins. */
  void start(long nowNanos) {
    startNanos = nowNanos;
    deadline = nowNanos + Math.min(pieceNanos, leftNanos);
    isWaiting = true;
  }

  /** The peer has sent or taken a piece. */
  void stop(long nowNanos) {
    isWaiting = false;
    leftNanos -= nowNanos - startNanos;
  }

  /** Whether the peer, while it is waited for, has had its time. */
  boolean isOver(long nowNanos) {
    return isWaiting && nowNanos - deadline > 0;
  }
}
