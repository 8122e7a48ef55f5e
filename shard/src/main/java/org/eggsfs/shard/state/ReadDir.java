package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ReadDirResponse;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.store.Cursor;

/**
 * ReadDir (shard.md section 6): the current edges of a directory from a hash on.
 *
 * <p>Names of equal hash never straddle pages. If those of one hash alone exceed the asked size,
 * the answer exceeds it too, up to the largest datagram (wire.md 3.3); if they exceed even that, by
 * some forty names made to collide, the page ends there and the cursor goes on behind the hash, so
 * that such a directory stays listable: FullReadDir shows the rest.
 */
final class ReadDir {
  /** Cursor and list count. */
  private static final int FIXED = 10;

  private ReadDir() {}

  static ReadDirResponse run(Reading reading, ReadDirRequest request) throws EggsException {
    reading.directory(request.dirId(), false);
    int shard = reading.shard();
    byte[] directory = EdgesTable.directoryKey(shard, request.dirId());
    List<CurrentEdge> page = new ArrayList<>();
    int left = reading.budget(request.mtu()) - FIXED;
    boolean exceeding = false;
    try (Cursor cursor = reading.view().cursor(directory)) {
      cursor.seek(
          EdgesTable.hashKey(shard, request.dirId(), EdgesTable.CURRENT, request.startHash()));
      for (; cursor.isValid() && EdgesTable.isOf(cursor.key(), directory); cursor.next()) {
        CurrentEdge edge = edge(cursor);
        if (exceeding && edge.nameHash() != page.getFirst().nameHash()) {
          return new ReadDirResponse(edge.nameHash(), page);
        }
        int size = edge.encodedSize();
        if (size > left && !exceeding) {
          if (page.getFirst().nameHash() != edge.nameHash()) {
            dropHash(page, edge.nameHash());
            return new ReadDirResponse(edge.nameHash(), page);
          }
          exceeding = true;
          left += reading.budgetMax() - reading.budget(request.mtu());
        }
        if (size > left) {
          return new ReadDirResponse(edge.nameHash() + 1, page);
        }
        page.add(edge);
        left -= size;
      }
    }
    return new ReadDirResponse(0, page);
  }

  private static CurrentEdge edge(Cursor cursor) {
    byte[] key = cursor.key();
    byte[] value = cursor.value();
    return new CurrentEdge(
        InodeIds.withoutExtra(EdgesTable.targetExtra(value)),
        EdgesTable.hash(key),
        EdgesTable.name(key),
        EdgesTable.creationTime(key, value));
  }

  private static void dropHash(List<CurrentEdge> page, long hash) {
    while (page.getLast().nameHash() == hash) {
      page.removeLast();
    }
  }
}
