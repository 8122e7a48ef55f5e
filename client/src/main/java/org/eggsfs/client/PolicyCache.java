package org.eggsfs.client;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.struct.DirectoryInfoEntry;

/**
 * Policies of directories, believed for a time (client.md section 5). One walk towards the root
 * finds all tags; callers that want the same directory at the same time share it. Bounded; the
 * least recently used go first. A change of policy is seen when the entry has aged.
 */
final class PolicyCache {
  private static final int ENTRIES_MAX = 100_000;

  /** Deeper than any real tree; a damaged one must not make us walk for ever. */
  private static final int DEPTH_MAX = 10_000;

  private static final int TAGS = 4;

  /** Reads one directory. */
  interface Reader {
    StatDirectoryResponse stat(StatDirectoryRequest request) throws EggsException, IOException;
  }

  private record Cached(CompletableFuture<DirectoryPolicies> policies, long loadedNanos) {}

  private final Reader reader;
  private final long ttlNanos;
  private final Map<Long, Cached> entries =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Cached> eldest) {
          return size() > ENTRIES_MAX;
        }
      };

  PolicyCache(Reader reader, long ttlNanos) {
    this.reader = reader;
    this.ttlNanos = ttlNanos;
  }

  DirectoryPolicies get(long directory) throws EggsException, IOException {
    while (true) {
      try {
        return getOnce(directory);
      } catch (SharedInterruptException e) {
        // Another caller, who did the walk for us, was interrupted: walk ourselves.
        if (Thread.currentThread().isInterrupted()) {
          throw e;
        }
      }
    }
  }

  /** The walk ended because the thread that made it was interrupted. */
  private static final class SharedInterruptException extends InterruptedIOException {
    private static final long serialVersionUID = 1;

    SharedInterruptException() {
      super("interrupted while reading policies");
    }
  }

  private DirectoryPolicies getOnce(long directory) throws EggsException, IOException {
    CompletableFuture<DirectoryPolicies> mine = null;
    CompletableFuture<DirectoryPolicies> policies;
    long now = System.nanoTime();
    synchronized (entries) {
      Cached present = entries.get(directory);
      if (present != null && now - present.loadedNanos < ttlNanos) {
        policies = present.policies;
      } else {
        mine = new CompletableFuture<>();
        policies = mine;
        entries.put(directory, new Cached(mine, now));
      }
    }
    if (mine != null) {
      load(directory, mine);
    }
    try {
      return policies.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while reading policies");
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case EggsException eggs ->
            throw new EggsException(eggs.code(), "policies of the directory", eggs);
        case InterruptedIOException interrupted -> throw new SharedInterruptException();
        case IOException io -> throw new IOException("cannot read policies", io);
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  // Whether the entry still is this very attempt: identity is what is asked for.
  @SuppressWarnings({"ReferenceEquality", "UndefinedEquals"})
  private void load(long directory, CompletableFuture<DirectoryPolicies> into) {
    try {
      into.complete(walk(directory));
    } catch (EggsException | IOException | RuntimeException | Error e) {
      // A failure is not remembered: the next caller tries again.
      synchronized (entries) {
        Cached present = entries.get(directory);
        if (present != null && present.policies == into) {
          entries.remove(directory);
        }
      }
      into.completeExceptionally(e);
    }
  }

  private DirectoryPolicies walk(long directory) throws EggsException, IOException {
    Map<Integer, DirectoryPolicies.Found> found = new HashMap<>();
    long at = directory;
    for (int depth = 0; depth < DEPTH_MAX && at != InodeIds.NULL; depth++) {
      StatDirectoryResponse stat = reader.stat(new StatDirectoryRequest(at));
      Map<Integer, DirectoryPolicies.Found> own = new HashMap<>();
      // Of a tag that occurs twice the last one counts.
      for (DirectoryInfoEntry entry : stat.info().entries()) {
        own.put(entry.tag(), new DirectoryPolicies.Found(entry.body(), at));
      }
      own.forEach(found::putIfAbsent);
      if (hasAll(found)) {
        return DirectoryPolicies.decode(found);
      }
      at = stat.owner();
    }
    if (at != InodeIds.NULL) {
      throw new EggsException(
          ErrorCode.LOOP_IN_DIRECTORY_RENAME, "owners of a directory in a loop");
    }
    return DirectoryPolicies.decode(found);
  }

  private static boolean hasAll(Map<Integer, DirectoryPolicies.Found> found) {
    for (int tag = 1; tag <= TAGS; tag++) {
      if (!found.containsKey(tag)) {
        return false;
      }
    }
    return true;
  }

  /** Forgets everything, after this client changed a policy: descendants inherit it. */
  void clear() {
    synchronized (entries) {
      entries.clear();
    }
  }
}
