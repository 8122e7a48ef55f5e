package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.FullReadDirCursor;
import org.eggsfs.store.Cursor;

/**
 * FullReadDir (shard.md section 6.2): edges of both sections, forwards or backwards, all or of one
 * name. Every mode is a start key, a direction and a condition on keys, except that one name
 * forwards continues from its snapshot edges to its current edge, and backwards the other way
 * round, which are two such runs.
 */
final class FullReadDir {
  /** List count, and the cursor without a name. */
  private static final int FIXED = 2;

  private static final int CURSOR_FIXED = 10;
  private static final byte[] NO_NAME = {};
  private static final FullReadDirCursor END = new FullReadDirCursor(false, NO_NAME, 0);

  private final Reading reading;
  private final FullReadDirRequest request;
  private final List<Edge> page = new ArrayList<>();
  private final int budget;
  private int size;
  private FullReadDirCursor next = END;

  private FullReadDir(Reading reading, FullReadDirRequest request) {
    this.reading = reading;
    this.request = request;
    this.budget = reading.budget(request.mtu()) - FIXED;
  }

  static FullReadDirResponse run(Reading reading, FullReadDirRequest request) throws EggsException {
    boolean current = (request.flags() & FullReadDirFlags.CURRENT) != 0;
    boolean backwards = (request.flags() & FullReadDirFlags.BACKWARDS) != 0;
    boolean sameName = (request.flags() & FullReadDirFlags.SAME_NAME) != 0;
    Checks.require(!current || request.startTime() == 0, ErrorCode.MALFORMED_REQUEST);
    reading.directory(request.dirId(), true);
    FullReadDir listing = new FullReadDir(reading, request);
    if (!sameName) {
      listing.all(current, backwards);
    } else if (request.startName().length > 0) {
      listing.oneName(current, backwards);
    }
    return new FullReadDirResponse(listing.next, listing.page);
  }

  private void all(boolean current, boolean backwards) {
    int shard = reading.shard();
    long directory = request.dirId();
    byte[] name = request.startName();
    byte[] start;
    if (name.length == 0) {
      // The first hash or, beyond all hashes, the end of the section.
      start = EdgesTable.hashKey(shard, directory, section(current), backwards ? -1 : 0);
    } else if (current) {
      start = EdgesTable.currentKey(shard, directory, name);
    } else {
      start = EdgesTable.snapshotKey(shard, directory, name, request.startTime());
    }
    walk(start, EdgesTable.directoryKey(shard, directory), backwards);
  }

  private static int section(boolean current) {
    return current ? EdgesTable.CURRENT : EdgesTable.SNAPSHOT;
  }

  private void oneName(boolean current, boolean backwards) {
    int shard = reading.shard();
    long directory = request.dirId();
    byte[] name = request.startName();
    byte[] currentKey = EdgesTable.currentKey(shard, directory, name);
    byte[] snapshots = EdgesTable.nameKey(shard, directory, EdgesTable.SNAPSHOT, name);
    if (backwards) {
      // No bound, and behind the current edge, means from the newest one.
      long from = current || request.startTime() == 0 ? -1 : request.startTime();
      byte[] start = EdgesTable.snapshotKey(shard, directory, name, from);
      if (!current || walk(currentKey, currentKey, true)) {
        walk(start, snapshots, true);
      }
    } else {
      byte[] start = EdgesTable.snapshotKey(shard, directory, name, request.startTime());
      if (current || walk(start, snapshots, false)) {
        walk(currentKey, currentKey, false);
      }
    }
  }

  /** Adds edges from a key on while they have the prefix. Returns false if the page is over. */
  private boolean walk(byte[] start, byte[] prefix, boolean backwards) {
    try (Cursor cursor = reading.view().cursor(prefix)) {
      if (backwards) {
        cursor.seekForPrev(start);
      } else {
        cursor.seek(start);
      }
      while (cursor.isValid() && Bytes.hasPrefix(cursor.key(), prefix, prefix.length)) {
        if (!add(cursor.key(), cursor.value())) {
          return false;
        }
        if (backwards) {
          cursor.prev();
        } else {
          cursor.next();
        }
      }
    }
    return true;
  }

  /** Adds an edge and applies the stop rules. Returns false if the page is over. */
  private boolean add(byte[] key, byte[] value) {
    Edge edge =
        new Edge(
            EdgesTable.isCurrent(key),
            EdgesTable.targetExtra(value),
            EdgesTable.hash(key),
            EdgesTable.name(key),
            EdgesTable.creationTime(key, value));
    page.add(edge);
    size += edge.encodedSize();
    if (request.limit() > 0 && page.size() >= request.limit() && size + CURSOR_FIXED <= budget) {
      return false;
    }
    if (size + CURSOR_FIXED <= budget) {
      return true;
    }
    int cursorSize = CURSOR_FIXED;
    while (size + cursorSize > budget) {
      Edge removed = page.removeLast();
      size -= removed.encodedSize();
      next =
          new FullReadDirCursor(
              removed.current(), removed.name(), removed.current() ? 0 : removed.creationTime());
      cursorSize = CURSOR_FIXED + removed.name().length;
    }
    return false;
  }
}
