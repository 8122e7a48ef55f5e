package org.eggsfs.gc.defrag;

import java.io.IOException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eggsfs.client.KindSupport;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.repair.Interrupts;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LinkFileOverRequest;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.StatTransientFileRequest;

/**
 * Whether shards know LinkFileOver. Each is asked ahead ({@link KindSupport}), so that no file is
 * copied in vain, and within a time of its own, since the client may be one that waits for ever.
 *
 * <p>Thread-safe; calls block.
 */
final class LinkFileOverSupport {
  /** A shard that is there answers within milliseconds, a busy one within seconds. */
  static final long ANSWER_NANOS_MAX = TimeUnit.SECONDS.toNanos(10);

  private final ShardCaller shards;
  private final long answerNanosMax;
  private final ConcurrentHashMap<Integer, KindSupport> known = new ConcurrentHashMap<>();

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
    if (!known.computeIfAbsent(shard, this::support).isKnown()) {
      throw new UnknownMessageException(
          "shard "
              + shard
              + " answers, but not to LinkFileOver: servers of TernFS do not know this message;"
              + " span sizes can be changed only where all shards are EggsFS's");
    }
  }

  private KindSupport support(int shard) {
    return new KindSupport(
        new KindSupport.Server() {
          @Override
          public void ask() throws EggsException, IOException {
            // No directory: refused before anything is looked up.
            put(
                shard,
                new LinkFileOverRequest(
                    InodeIds.NULL, 0, InodeIds.NULL, new byte[0], InodeIds.NULL, 0, 0, 0));
          }

          @Override
          public void greet() throws EggsException, IOException {
            put(shard, new StatTransientFileRequest(InodeIds.NULL));
          }
        },
        work -> Thread.ofVirtual().name("defrag-ask-shard").start(work));
  }

  /** Asks something, of which any error is as good as an answer. */
  private void put(int shard, ShardRequest request) throws EggsException, IOException {
    FutureTask<ShardResponse> asking = new FutureTask<>(() -> shards.shard(shard, request));
    Thread.ofVirtual().name("defrag-ask-shard").start(asking);
    try {
      asking.get(answerNanosMax, TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new EggsException(ErrorCode.TIMEOUT, "shard " + shard + " does not answer");
    } catch (InterruptedException e) {
      throw Interrupts.whileDoing("asking a shard what it knows", e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case EggsException answer -> throw answer;
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
