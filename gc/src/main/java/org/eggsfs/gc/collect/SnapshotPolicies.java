package org.eggsfs.gc.collect;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Cluster;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.struct.DirectoryInfoEntry;
import org.eggsfs.protocol.struct.SnapshotPolicy;

/**
 * The snapshot policies that hold in directories: the nearest of the directory and those above it.
 *
 * <p>A directory that is collected is always asked for its own policy; what it inherits is
 * remembered for a minute, so that a cycle costs one request a directory and a changed policy is
 * obeyed soon. A directory without an owner has all policies of its own. Bounded. Thread-safe;
 * several callers may ask for the same at the same time.
 */
final class SnapshotPolicies {
  private static final long TTL_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final int ENTRIES_MAX = 100_000;

  /** Deeper than any real tree; a damaged one must not make us walk for ever. */
  private static final int DEPTH_MAX = 10_000;

  /**
   * A directory as it is now.
   *
   * @param orphan whether it has no owner
   * @param policy what holds in it
   */
  record Directory(boolean orphan, SnapshotPolicy policy) {}

  private record Remembered(SnapshotPolicy policy, long sinceNanos) {}

  private final Cluster cluster;
  private final Map<Long, Remembered> remembered =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Remembered> eldest) {
          return size() > ENTRIES_MAX;
        }
      };

  SnapshotPolicies(Cluster cluster) {
    this.cluster = cluster;
  }

  /**
   * Looks at a directory.
   *
   * @throws EggsException DIRECTORY_NOT_FOUND, or BAD_DIRECTORY_INFO if no policy can be found
   */
  Directory of(long directory) throws EggsException, IOException {
    StatDirectoryResponse stat = cluster.shardOf(directory, new StatDirectoryRequest(directory));
    boolean orphan = stat.owner() == InodeIds.NULL && directory != InodeIds.ROOT;
    SnapshotPolicy own = own(stat);
    return new Directory(orphan, own != null ? own : inherited(stat.owner()));
  }

  private SnapshotPolicy inherited(long parent) throws EggsException, IOException {
    Deque<Long> withoutOwn = new ArrayDeque<>();
    long at = parent;
    SnapshotPolicy policy = null;
    while (policy == null) {
      if (at == InodeIds.NULL || withoutOwn.size() > DEPTH_MAX) {
        throw new EggsException(ErrorCode.BAD_DIRECTORY_INFO, "no snapshot policy up to the root");
      }
      policy = recall(at);
      if (policy == null) {
        StatDirectoryResponse stat = cluster.shardOf(at, new StatDirectoryRequest(at));
        policy = own(stat);
        withoutOwn.push(at);
        at = stat.owner();
      }
    }
    for (long directory : withoutOwn) {
      remember(directory, policy);
    }
    return policy;
  }

  private SnapshotPolicy recall(long directory) {
    synchronized (remembered) {
      Remembered found = remembered.get(directory);
      return found != null && System.nanoTime() - found.sinceNanos < TTL_NANOS
          ? found.policy
          : null;
    }
  }

  private void remember(long directory, SnapshotPolicy policy) {
    synchronized (remembered) {
      remembered.put(directory, new Remembered(policy, System.nanoTime()));
    }
  }

  /** Of a tag that occurs twice the last one counts. */
  private static SnapshotPolicy own(StatDirectoryResponse stat) throws EggsException {
    byte[] body = null;
    for (DirectoryInfoEntry entry : stat.info().entries()) {
      if (entry.tag() == DirectoryInfoTag.SNAPSHOT) {
        body = entry.body();
      }
    }
    if (body == null) {
      return null;
    }
    try {
      return SnapshotPolicy.decode(ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN));
    } catch (MalformedMessageException e) {
      throw new EggsException(ErrorCode.BAD_DIRECTORY_INFO, "snapshot policy: " + e.getMessage());
    }
  }
}
