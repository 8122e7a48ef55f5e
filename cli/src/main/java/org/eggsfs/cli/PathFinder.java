package org.eggsfs.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.Edge;

/**
 * Finds paths of inodes. A directory knows its owner, so its path takes a few requests. A file does
 * not: the directories of its own shard are searched first, where it is unless it was moved, then
 * those of all others.
 *
 * <p>Thread-safe. Paths of directories are remembered, for as long as the command runs.
 */
final class PathFinder {
  private static final int DEPTH_MAX = 10_000;

  /** Stands for the unknown path of a removed directory, which has no owner to ask. */
  private static final String LOST = "<removed>";

  /** Behind the path of a file that only a snapshot edge keeps. */
  private static final String REMOVED = " (removed)";

  private final EggsClient client;
  private final Map<Long, String> directoryPaths = new ConcurrentHashMap<>();

  PathFinder(EggsClient client) {
    this.client = client;
    directoryPaths.put(InodeIds.ROOT, "/");
  }

  /** A path found here, for people. */
  static String shown(String path) {
    return path.endsWith(REMOVED)
        ? EggsPath.shown(path.substring(0, path.length() - REMOVED.length())) + REMOVED
        : EggsPath.shown(path);
  }

  /** The path of a directory. */
  String directory(long id) throws EggsException, IOException {
    return directory(id, 0);
  }

  private String directory(long id, int depth) throws EggsException, IOException {
    String known = directoryPaths.get(id);
    if (known != null) {
      return known;
    }
    if (depth > DEPTH_MAX) {
      throw new EggsException(
          ErrorCode.LOOP_IN_DIRECTORY_RENAME, InodeIds.format(id) + " has no path to the root");
    }
    long owner = client.inodes().stat(id).owner();
    String path;
    if (owner == InodeIds.NULL) {
      path = LOST + "/" + InodeIds.format(id);
    } else {
      byte[][] name = {null};
      Edges.read(
          client,
          owner,
          edge -> {
            if (edge.current() && InodeIds.withoutExtra(edge.targetId()) == id) {
              name[0] = edge.name();
            }
            return name[0] == null;
          });
      if (name[0] == null) {
        throw new EggsException(
            ErrorCode.EDGE_NOT_FOUND,
            InodeIds.format(id) + " has no name in its owner " + InodeIds.format(owner));
      }
      path = EggsPath.child(directory(owner, depth + 1), EggsPath.text(name[0]));
    }
    directoryPaths.put(id, path);
    return path;
  }

  /** Paths of files and symlinks by id; those that no edge owns are missing. */
  Map<Long, String> files(Collection<Long> ids, ProgressLine progress)
      throws EggsException, IOException {
    Set<Long> missing = ConcurrentHashMap.newKeySet();
    missing.addAll(ids);
    Map<Long, String> found = new ConcurrentHashMap<>();
    Set<Integer> first = ids.stream().map(InodeIds::shard).collect(Collectors.toSet());
    search(List.copyOf(first), missing, found, progress);
    if (!missing.isEmpty()) {
      List<Integer> others =
          IntStream.range(0, ProtocolConstants.SHARD_COUNT)
              .filter(shard -> !first.contains(shard))
              .boxed()
              .toList();
      search(others, missing, found, progress);
    }
    return found;
  }

  private void search(
      List<Integer> shards, Set<Long> missing, Map<Long, String> found, ProgressLine progress)
      throws EggsException, IOException {
    Parallel.map(
        shards,
        shard -> {
          Shards.visitDirectories(
              client,
              shard,
              directory -> {
                searchDirectory(directory, missing, found);
                progress.addItem();
                return !missing.isEmpty();
              });
          return true;
        });
  }

  private void searchDirectory(long directory, Set<Long> missing, Map<Long, String> found)
      throws EggsException, IOException {
    List<Edge> owning = new ArrayList<>();
    try {
      Edges.read(
          client,
          directory,
          edge -> {
            if ((edge.current() || InodeIds.extra(edge.targetId()))
                && missing.contains(InodeIds.withoutExtra(edge.targetId()))) {
              owning.add(edge);
            }
            return true;
          });
      for (Edge edge : owning) {
        long id = InodeIds.withoutExtra(edge.targetId());
        String path = EggsPath.child(directory(directory), EggsPath.text(edge.name()));
        found.put(id, edge.current() ? path : path + REMOVED);
        missing.remove(id);
      }
    } catch (EggsException e) {
      if (!Failures.isNotFound(e)) {
        throw e;
      }
      // Collected while we searched: its files are somewhere else or gone.
    }
  }
}
