package org.eggsfs.cli;

import java.io.IOException;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.struct.Edge;

/** Reads the edges of a directory, snapshots included (shard.md section 6.2). */
final class Edges {
  private static final byte[] START = {};
  private static final int NAME_FLAGS =
      FullReadDirFlags.CURRENT | FullReadDirFlags.BACKWARDS | FullReadDirFlags.SAME_NAME;

  private Edges() {}

  /** What is done with each edge. */
  interface Visitor {
    /** One edge; returning false ends the listing. */
    boolean visit(Edge edge) throws EggsException, IOException;
  }

  /** All edges: snapshot edges first, those of a name by rising time, then current ones. */
  static void read(EggsClient client, long directory, Visitor visitor)
      throws EggsException, IOException {
    page(client, new FullReadDirRequest(directory, 0, START, 0, 0, 0), visitor);
  }

  /** All edges of one name, the newest first. */
  static void readName(EggsClient client, long directory, byte[] name, Visitor visitor)
      throws EggsException, IOException {
    page(client, new FullReadDirRequest(directory, NAME_FLAGS, name, 0, 0, 0), visitor);
  }

  /** The newest edges of one name, at most {@code limit}. */
  static List<Edge> newest(EggsClient client, long directory, byte[] name, int limit)
      throws EggsException, IOException {
    FullReadDirResponse page =
        client.shard(
            InodeIds.shard(directory),
            new FullReadDirRequest(directory, NAME_FLAGS, name, 0, limit, 0));
    return page.results();
  }

  private static void page(EggsClient client, FullReadDirRequest first, Visitor visitor)
      throws EggsException, IOException {
    FullReadDirRequest request = first;
    while (true) {
      FullReadDirResponse page = client.shard(InodeIds.shard(request.dirId()), request);
      for (Edge edge : page.results()) {
        if (!visitor.visit(edge)) {
          return;
        }
      }
      if (page.next().startName().length == 0) {
        return;
      }
      if (page.results().isEmpty()) {
        throw new EggsException(
            ErrorCode.MALFORMED_RESPONSE, "listing of a directory stands still");
      }
      request =
          new FullReadDirRequest(
              request.dirId(),
              request.flags() & ~FullReadDirFlags.CURRENT
                  | (page.next().current() ? FullReadDirFlags.CURRENT : 0),
              page.next().startName(),
              page.next().startTime(),
              0,
              0);
    }
  }
}
