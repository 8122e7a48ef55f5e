package org.eggsfs.gc.defrag;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.repair.Interrupts;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LinkFileOverRequest;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.StatTransientFileRequest;

/**
 * Whether shards know LinkFileOver. A server of TernFS drops what it does not know, so that a
 * client without a deadline would wait for ever, and one with a deadline would have copied a file
 * in vain. Each shard is asked once, ahead, with a request that it must refuse and that changes
 * nothing; a shard that is silent to this and answers something old does not know it.
 *
 * <p>Thread-safe; calls block.
 */
final class LinkFileOverSupport {
  /** A shard that is there answers within milliseconds, a busy one within seconds. */
  static final long ANSWER_NANOS_MAX = TimeUnit.SECONDS.toNanos(10);

  private final ShardCaller shards;
  private final long answerNanosMax;
  private final Map<Integer, Boolean> known = new ConcurrentHashMap<>();

  LinkFileOverSupport(ShardCaller shards, long answerNanosMax) {
    this.shards = shards;
    this.answerNanosMax = answerNanosMax;
  }

  /**
   * Returns if the shard knows the message.
   *
   * @throws UnknownMessageException if it does not
   * @throws EggsException TIMEOUT if it answers nothing at all
   */
  void require(int shard) throws EggsException, IOException {
    Boolean before = known.get(shard);
    boolean knows = before == null ? ask(shard) : before;
    known.put(shard, knows);
    if (!knows) {
      throw new UnknownMessageException(
          "shard "
              + shard
              + " answers, but not to LinkFileOver: servers of TernFS do not know this message;"
              + " span sizes can be changed only where all shards are EggsFS's");
    }
  }

  private boolean ask(int shard) throws EggsException, IOException {
    // No directory: refused before anything is looked up.
    LinkFileOverRequest refused =
        new LinkFileOverRequest(
            InodeIds.NULL, 0, InodeIds.NULL, new byte[0], InodeIds.NULL, 0, 0, 0);
    if (answers(shard, refused)) {
      return true;
    }
    if (answers(shard, new StatTransientFileRequest(InodeIds.NULL))) {
      // It may have come up, or got through its load, just now.
      return answers(shard, refused);
    }
    throw new EggsException(ErrorCode.TIMEOUT, "shard " + shard + " does not answer");
  }

  /** Whether there is an answer in time, which is an error in both cases. */
  private boolean answers(int shard, ShardRequest request) throws EggsException, IOException {
    FutureTask<Boolean> asking =
        new FutureTask<>(
            () -> {
              try {
                shards.shard(shard, request);
                return true;
              } catch (EggsException e) {
                return e.code() != ErrorCode.TIMEOUT;
              }
            });
    Thread.ofVirtual().name("defrag-ask-shard").start(asking);
    try {
      return asking.get(answerNanosMax, TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      return false;
    } catch (InterruptedException e) {
      throw Interrupts.whileDoing("asking a shard what it knows", e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException runtime -> throw runtime;
        default -> throw new IllegalStateException(e.getCause());
      }
    } finally {
      asking.cancel(true);
    }
  }

  /** A server does not know a message of ours. */
  static final class UnknownMessageException extends IOException {
    private static final long serialVersionUID = 1L;

    UnknownMessageException(String message) {
      super(message);
    }
  }
}
