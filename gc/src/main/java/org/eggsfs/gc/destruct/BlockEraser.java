package org.eggsfs.gc.destruct;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Alerts;
import org.eggsfs.gc.Backoff;
import org.eggsfs.gc.Cluster;
import org.eggsfs.gc.Pace;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shuckle.EraseDecommissionedBlockRequest;
import org.eggsfs.protocol.shuckle.EraseDecommissionedBlockResponse;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.protocol.struct.RemoveSpanInitiateBlockInfo;

/**
 * Erases the blocks of a span, all at the same time, and brings the proofs. Of one block service
 * only so many are erased at once, whatever the number of spans. A service that does not answer is
 * left alone for a while that grows; what is decommissioned is not contacted at all, the shuckle
 * gives the proof. Thread-safe.
 */
final class BlockEraser {
  private static final long BACKOFF_NANOS_MIN = TimeUnit.SECONDS.toNanos(10);
  private static final long BACKOFF_NANOS_MAX = TimeUnit.MINUTES.toNanos(10);
  private static final int BACKOFF_SERVICES_MAX = 100_000;

  /** A restart of a block server is no news. */
  private static final int FAILURES_BEFORE_ALERT = 4;

  private static final int UNWRITABLE =
      BlockServiceFlags.STALE | BlockServiceFlags.NO_WRITE | BlockServiceFlags.DECOMMISSIONED;

  private final Cluster cluster;
  private final DestructCounters counters;
  private final Alerts alerts;
  private final int perService;
  private final Pace pace;
  private final Map<Long, Semaphore> places = new ConcurrentHashMap<>();
  private final Backoff backoff =
      new Backoff(BACKOFF_NANOS_MIN, BACKOFF_NANOS_MAX, BACKOFF_SERVICES_MAX);

  BlockEraser(Cluster cluster, DestructConfig config, DestructCounters counters, Alerts alerts) {
    this.cluster = cluster;
    this.counters = counters;
    this.alerts = alerts;
    this.perService = config.erasesPerBlockService();
    this.pace = new Pace(config.work().perSecond());
  }

  /** Whether some block of the span cannot be erased now in any case. */
  boolean isUnavailable(List<RemoveSpanInitiateBlockInfo> blocks) {
    blocks.forEach(this::endAlertOfUnwritable);
    return blocks.stream().anyMatch(this::isUnavailable);
  }

  private boolean isUnavailable(RemoveSpanInitiateBlockInfo block) {
    int flags = block.blockServiceFlags();
    return (flags & BlockServiceFlags.DECOMMISSIONED) == 0
        && ((flags & BlockServiceFlags.STALE) != 0
            || backoff.isWaiting(block.blockServiceId(), System.nanoTime()));
  }

  /**
   * Erases all blocks that can be erased now.
   *
   * @return the proofs in the order of the blocks, or null if some could not be erased
   * @throws EggsException if the shuckle refuses a proof
   */
  List<BlockProof> erase(List<RemoveSpanInitiateBlockInfo> blocks)
      throws EggsException, IOException, InterruptedException {
    blocks.forEach(this::endAlertOfUnwritable);
    List<Future<BlockProof>> erasing = new ArrayList<>(blocks.size());
    List<BlockProof> proofs = new ArrayList<>(blocks.size());
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      try {
        for (RemoveSpanInitiateBlockInfo block : blocks) {
          erasing.add(threads.submit(() -> erase(block)));
        }
        for (Future<BlockProof> one : erasing) {
          BlockProof proof = one.get();
          if (proof != null) {
            proofs.add(proof);
          }
        }
      } catch (ExecutionException e) {
        switch (e.getCause()) {
          case EggsException eggs -> throw new EggsException(eggs.code(), eggs.getMessage());
          case IOException io -> throw new IOException("while erasing blocks", io);
          case InterruptedException interrupted ->
              throw (InterruptedException) new InterruptedException().initCause(interrupted);
          default -> throw new IllegalStateException("while erasing blocks", e.getCause());
        }
      } finally {
        threads.shutdownNow();
      }
    }
    return proofs.size() == blocks.size() ? proofs : null;
  }

  /** Erases one block; null if its service cannot do it now. */
  private BlockProof erase(RemoveSpanInitiateBlockInfo block)
      throws EggsException, IOException, InterruptedException {
    long service = block.blockServiceId();
    if ((block.blockServiceFlags() & BlockServiceFlags.DECOMMISSIONED) != 0) {
      EraseDecommissionedBlockResponse response =
          cluster.shuckle(
              new EraseDecommissionedBlockRequest(service, block.blockId(), block.certificate()));
      counters.destructedBlocks.increment();
      return new BlockProof(block.blockId(), response.proof());
    }
    Semaphore place = places.computeIfAbsent(service, id -> new Semaphore(perService));
    place.acquire();
    try {
      // Only now: while we waited for a place the service may have failed for others.
      if (isUnavailable(block)) {
        return null;
      }
      pace.acquire(1);
      long proof =
          cluster.erase(block.blockServiceAddrs(), service, block.blockId(), block.certificate());
      backoff.succeeded(service);
      alerts.clear(alertKey(service));
      counters.destructedBlocks.increment();
      return new BlockProof(block.blockId(), proof);
    } catch (EggsException | IOException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw (InterruptedException) new InterruptedException().initCause(e);
      }
      failed(block, e);
      return null;
    } finally {
      place.release();
    }
  }

  private void failed(RemoveSpanInitiateBlockInfo block, Exception failure) {
    if (failure instanceof EggsException eggs
        && eggs.code() == ErrorCode.BLOCK_TOO_RECENT_FOR_DELETION) {
      counters.tooRecentBlocks.increment();
      return;
    }
    long service = block.blockServiceId();
    int inARow = backoff.failed(service, System.nanoTime());
    if (inARow >= FAILURES_BEFORE_ALERT && (block.blockServiceFlags() & UNWRITABLE) == 0) {
      alerts.raise(
          alertKey(service),
          "a block service that should be writable does not erase blocks: " + failure.getMessage());
    }
  }

  /** Somebody has seen to it; one that is retired would never be asked again. */
  private void endAlertOfUnwritable(RemoveSpanInitiateBlockInfo block) {
    if ((block.blockServiceFlags() & UNWRITABLE) != 0) {
      alerts.clear(alertKey(block.blockServiceId()));
    }
  }

  private static String alertKey(long service) {
    return "block-service-" + InodeIds.format(service);
  }
}
