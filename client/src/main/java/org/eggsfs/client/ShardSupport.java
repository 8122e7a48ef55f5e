package org.eggsfs.client;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import org.eggsfs.client.metadata.MetadataChannel;
import org.eggsfs.client.metadata.RetryPolicy;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.CommitFileRequest;
import org.eggsfs.protocol.shard.StatDirectoryRequest;

/**
 * Which shards know our own messages; those of TernFS do not. Each is asked once, with the newest
 * of them. Thread-safe.
 */
final class ShardSupport {
  /** Silence for about this many first timeouts is no answer. */
  private static final int ASK_TIMEOUTS = 2;

  private static final byte[] NAME = {'x'};

  private final EggsClient client;
  private final MetadataChannel metadata;
  private final RetryPolicy retry;
  private final ConcurrentHashMap<Integer, KindSupport> shards = new ConcurrentHashMap<>();

  ShardSupport(EggsClient client, MetadataChannel metadata, RetryPolicy retry) {
    this.client = client;
    this.metadata = metadata;
    this.retry = retry;
  }

  /** How long a server is asked that may not know the question. */
  static RetryPolicy brief(RetryPolicy policy) {
    return policy.withOverall(Duration.ofNanos(policy.initialNanos() * ASK_TIMEOUTS));
  }

  /** Whether the shard knows them; waits for the answer the first time. */
  boolean isKnown(int shard) throws EggsException, IOException {
    return of(shard).isKnown();
  }

  /** The same without waiting: false until it has been found out. */
  boolean isKnownYet(int shard) throws EggsException, IOException {
    return of(shard).isKnownYet();
  }

  /**
   * Does something with one of our messages. If it is not answered, another server may be there
   * now.
   */
  <T> T use(int shard, Patience.Work<T> work) throws EggsException, IOException {
    return use(of(shard), work);
  }

  /** The same for any server. */
  static <T> T use(KindSupport support, Patience.Work<T> work) throws EggsException, IOException {
    try {
      return work.run();
    } catch (EggsException e) {
      if (e.code() == ErrorCode.TIMEOUT) {
        support.doubt();
      }
      throw e;
    }
  }

  private KindSupport of(int shard) {
    return shards.computeIfAbsent(
        shard,
        number ->
            new KindSupport(
                new KindSupport.Server() {
                  @Override
                  public void ask() throws EggsException, IOException {
                    metadata.shard(number, question(number), brief(retry), null);
                  }

                  @Override
                  public void greet() throws EggsException, IOException {
                    long directory = InodeIds.of(InodeIds.DIRECTORY, 1, number);
                    metadata.shard(number, new StatDirectoryRequest(directory), retry, null);
                  }
                },
                work -> client.inBackground("eggs-client-ask", work)));
  }

  /** Refused on arrival: a file is no directory. */
  private static CommitFileRequest question(int shard) {
    long file = InodeIds.of(InodeIds.FILE, 1, shard);
    return new CommitFileRequest(file, 0, file, NAME, true, 0, 0, 0, java.util.List.of());
  }
}
