package org.eggsfs.cli;

import java.io.IOException;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.Edge;

/** Paths that need not exist any more. */
final class History {
  private History() {}

  /** The directory that a path leads to, or, where a name is gone, last led to. */
  static long directory(EggsClient client, String path)
      throws EggsException, IOException, CommandFailure {
    long at = InodeIds.ROOT;
    String reached = "";
    for (byte[] name : EggsPath.components(path)) {
      reached = reached + "/" + EggsPath.text(name);
      long[] newest = {InodeIds.NULL};
      Edges.readName(
          client,
          at,
          name,
          edge -> {
            newest[0] = InodeIds.withoutExtra(edge.targetId());
            return !InodeIds.isDirectory(newest[0]);
          });
      if (!InodeIds.isDirectory(newest[0])) {
        throw new CommandFailure(
            reached + ": no such directory, and none of that name is remembered");
      }
      at = newest[0];
    }
    return at;
  }

  /** What a list of edges of one name, newest first, led to at a time; null for nothing. */
  static Edge asOf(List<Edge> newestFirst, long timeNanos) {
    for (Edge edge : newestFirst) {
      if (Long.compareUnsigned(edge.creationTime(), timeNanos) <= 0) {
        return InodeIds.withoutExtra(edge.targetId()) == InodeIds.NULL ? null : edge;
      }
    }
    return null;
  }
}
