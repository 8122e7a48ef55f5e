package org.eggsfs.tests.check;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.struct.Edge;

/**
 * All edges of a directory, live and past, and what the directory looked like at any time: an edge
 * holds from its creation time until the next one of its name.
 */
public final class History {
  private final Map<String, TreeMap<Long, Edge>> names = new HashMap<>();
  private final List<Edge> edges = new ArrayList<>();

  private History() {}

  /** Reads everything that a directory remembers. */
  public static History read(EggsClient client, long directory) throws IOException, EggsException {
    History history = new History();
    int flags = 0;
    byte[] name = new byte[0];
    long time = 0;
    do {
      FullReadDirResponse page =
          client.shard(
              InodeIds.shard(directory),
              new FullReadDirRequest(directory, flags, name, time, 0, 0));
      for (Edge edge : page.results()) {
        history.edges.add(edge);
        Edge other =
            history
                .names
                .computeIfAbsent(text(edge.name()), _ -> new TreeMap<>())
                .put(edge.creationTime(), edge);
        if (other != null) {
          throw new IOException("two edges " + text(edge.name()) + " of one time");
        }
      }
      name = page.next().startName();
      flags = page.next().current() ? FullReadDirFlags.CURRENT : 0;
      time = page.next().startTime();
    } while (name.length != 0);
    return history;
  }

  /** A name as a key: one char for each byte. */
  public static String text(byte[] name) {
    return new String(name, StandardCharsets.ISO_8859_1);
  }

  /** All edges in the order of the server. */
  public List<Edge> edges() {
    return edges;
  }

  /** The target of a name at a time, or null inode when there was none. */
  public long targetAt(String name, long time) {
    TreeMap<Long, Edge> versions = names.get(name);
    if (versions == null) {
      return InodeIds.NULL;
    }
    Map.Entry<Long, Edge> version = versions.floorEntry(time);
    return version == null ? InodeIds.NULL : InodeIds.withoutExtra(version.getValue().targetId());
  }

  /** The names with a prefix that existed at a time, and what they led to. */
  public Map<String, Long> at(long time, String prefix) {
    Map<String, Long> listing = new TreeMap<>();
    for (String name : names.keySet()) {
      if (name.startsWith(prefix)) {
        long target = targetAt(name, time);
        if (target != InodeIds.NULL) {
          listing.put(name, target);
        }
      }
    }
    return listing;
  }
}
