package org.eggsfs.gc.destruct;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Backoff;
import org.eggsfs.gc.Cluster;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.RemoveInodeRequest;
import org.eggsfs.protocol.shard.RemoveSpanCertifyRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateResponse;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.protocol.struct.TransientFile;

/**
 * Destroys transient files, one by one (gc.md section 4): the last span is condemned, its blocks
 * are erased, the proofs are shown to the shard, which then drops the span; so on to the first
 * span; then the inode goes. Every step may be repeated, so a file that was left in the middle, by
 * a crash or for a disk that does not answer, is simply begun again; and any number of destructors
 * may work on it at the same time.
 *
 * <p>Only transient files can be destroyed: for others the shard gives out no erase certificates. A
 * file is left alone until some time after its deadline, and our shards look at the deadline once
 * more, with their own clock.
 *
 * <p>Thread-safe.
 */
public final class Destructor {
  /** A file with spans on a dead disk is not asked for again in every cycle. */
  private static final long BACKOFF_NANOS_MIN = TimeUnit.MINUTES.toNanos(1);

  private static final long BACKOFF_NANOS_MAX = TimeUnit.HOURS.toNanos(1);
  private static final int BACKOFF_FILES_MAX = 100_000;

  /** What became of a file. */
  public enum Outcome {
    /** It is gone, or it is no transient file any more. */
    DESTROYED,
    /** It may still be written. */
    NOT_EXPIRED,
    /** Some block cannot be erased now. */
    POSTPONED
  }

  private final Cluster cluster;
  private final long slackNanos;
  private final DestructCounters counters;
  private final LongSupplier clock;
  private final BlockEraser eraser;
  private final Backoff postponed =
      new Backoff(BACKOFF_NANOS_MIN, BACKOFF_NANOS_MAX, BACKOFF_FILES_MAX);

  /**
   * A destructor.
   *
   * @param clock nanoseconds since 1970
   */
  public Destructor(
      Cluster cluster,
      DestructConfig config,
      DestructCounters counters,
      Alerts alerts,
      LongSupplier clock) {
    this.cluster = cluster;
    this.slackNanos = config.slackNanos();
    this.counters = counters;
    this.clock = clock;
    this.eraser = new BlockEraser(cluster, config, counters, alerts);
  }

  /** Whether a file with this deadline may be destroyed. */
  boolean isExpired(long deadline) {
    return clock.getAsLong() - slackNanos > deadline;
  }

  /** Whether it is too early for another attempt on a file that could not be destroyed. */
  boolean isWaiting(long id) {
    return postponed.isWaiting(id, System.nanoTime());
  }

  /**
   * Destroys a file whose deadline has passed.
   *
   * @throws EggsException or another, if a step failed for another reason than a block service that
   *     cannot be reached
   */
  public Outcome destructFile(long id, long cookie, long deadline)
      throws EggsException, IOException, InterruptedException {
    counters.visitedFiles.increment();
    if (!isExpired(deadline)) {
      counters.skippedFiles.increment();
      return Outcome.NOT_EXPIRED;
    }
    boolean done = false;
    try {
      Outcome outcome = destroy(id, cookie);
      switch (outcome) {
        case DESTROYED -> counters.destructedFiles.increment();
        case NOT_EXPIRED -> counters.skippedFiles.increment();
        case POSTPONED -> counters.postponedFiles.increment();
      }
      done = outcome == Outcome.DESTROYED;
      return outcome;
    } finally {
      if (done) {
        postponed.succeeded(id);
      } else if (!Thread.currentThread().isInterrupted()) {
        postponed.failed(id, System.nanoTime());
      }
    }
  }

  /**
   * Gives up and destroys a transient file of which only the id is known, whatever its deadline. If
   * somebody is writing it, that fails.
   *
   * @throws EggsException FILE_NOT_FOUND if it is no transient file
   */
  public Outcome destructNow(long id) throws EggsException, IOException, InterruptedException {
    VisitTransientFilesResponse page = cluster.shardOf(id, new VisitTransientFilesRequest(id, 0));
    if (page.files().isEmpty() || page.files().getFirst().id() != id) {
      throw new EggsException(
          ErrorCode.FILE_NOT_FOUND, InodeIds.format(id) + " is no transient file");
    }
    TransientFile file = page.files().getFirst();
    if (InodeIds.isFile(id)) {
      cluster.shardOf(id, new ScrapTransientFileRequest(id, file.cookie()));
      return destructFile(id, file.cookie(), 0);
    }
    return destructFile(id, file.cookie(), file.deadlineTime());
  }

  private Outcome destroy(long id, long cookie)
      throws EggsException, IOException, InterruptedException {
    try {
      while (true) {
        RemoveSpanInitiateResponse span = condemnLastSpan(id, cookie);
        if (span == null) {
          break;
        }
        // A span inside the metadata is gone already.
        if (!span.blocks().isEmpty() && !erase(id, cookie, span)) {
          counters.skippedSpans.increment();
          return Outcome.POSTPONED;
        }
        counters.destructedSpans.increment();
      }
      cluster.shardOf(id, new RemoveInodeRequest(id));
      return Outcome.DESTROYED;
    } catch (EggsException e) {
      return switch (e.code()) {
        // Another destructor was faster, or the file was linked just before its deadline.
        case FILE_NOT_FOUND, FILE_IS_NOT_TRANSIENT -> Outcome.DESTROYED;
        // By the shard's clock it is too early.
        case DEADLINE_NOT_PASSED -> Outcome.NOT_EXPIRED;
        default -> throw e;
      };
    }
  }

  /** Takes the last span for removal; null if there is none any more. */
  private RemoveSpanInitiateResponse condemnLastSpan(long id, long cookie)
      throws EggsException, IOException {
    try {
      return cluster.shardOf(id, new RemoveSpanInitiateRequest(id, cookie));
    } catch (EggsException e) {
      if (e.code() == ErrorCode.FILE_EMPTY) {
        return null;
      }
      throw e;
    }
  }

  private boolean erase(long id, long cookie, RemoveSpanInitiateResponse span)
      throws EggsException, IOException, InterruptedException {
    // The first time we free what can be freed; later there is no use until all can be.
    if (postponed.isFailing(id) && eraser.isUnavailable(span.blocks())) {
      return false;
    }
    List<BlockProof> proofs = eraser.erase(span.blocks());
    if (proofs == null) {
      return false;
    }
    cluster.shardOf(id, new RemoveSpanCertifyRequest(id, cookie, span.byteOffset(), proofs));
    return true;
  }
}
