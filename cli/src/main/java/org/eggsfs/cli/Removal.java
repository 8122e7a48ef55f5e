package org.eggsfs.cli;

import java.io.IOException;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.CurrentEdge;

/** Removes names with all that is below them. Everything stays as snapshots. */
final class Removal {
  private Removal() {}

  /** Removes a file, a symlink or a whole directory. */
  static void remove(EggsClient client, long directory, byte[] name, long id)
      throws EggsException, IOException {
    if (InodeIds.isDirectory(id)) {
      removeContents(client, id);
      client.inodes().rmdir(directory, name);
    } else {
      client.inodes().unlink(directory, name);
    }
  }

  private static void removeContents(EggsClient client, long directory)
      throws EggsException, IOException {
    Edges.readCurrent(
        client, directory, Edges.PORTION_MAX, edges -> removeAll(client, directory, edges));
  }

  private static void removeAll(EggsClient client, long directory, List<CurrentEdge> edges)
      throws EggsException, IOException {
    for (CurrentEdge edge : edges) {
      if (InodeIds.isDirectory(edge.targetId())) {
        removeContents(client, edge.targetId());
      }
    }
    Parallel.map(
        edges,
        edge -> {
          try {
            if (InodeIds.isDirectory(edge.targetId())) {
              client.inodes().rmdir(directory, edge.name());
            } else {
              client.inodes().unlink(directory, edge.name());
            }
          } catch (EggsException e) {
            // Somebody else removed it first: what was wanted.
            if (!Failures.isNotFound(e)) {
              throw e;
            }
          }
          return true;
        });
  }
}
