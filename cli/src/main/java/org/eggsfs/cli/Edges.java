package org.eggsfs.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ReadDirResponse;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.protocol.struct.Edge;

/** Reads the edges of a directory, snapshots included (shard.md section 6.2). */
final class Edges {
  private static final byte[] START = {};
  private static final int NAME_FLAGS =
      FullReadDirFlags.CURRENT | FullReadDirFlags.BACKWARDS | FullReadDirFlags.SAME_NAME;

  /**
   * Entries of a directory that are kept at a time, about 300 bytes each: a directory of millions
   * does not fit into the memory of a command, and commands that descend keep one portion a level.
   */
  static final int PORTION_MAX = 4096;

  private Edges() {}

  /** What is done with a portion of a directory. */
  interface Portion<T> {
    /** The next entries; the list is the receiver's. */
    void take(List<T> entries) throws EggsException, IOException;
  }

  /**
   * The current edges in portions, in the server's order; those taken may be removed meanwhile.
   *
   * @param sizeMax entries of a portion
   */
  static void readCurrent(
      EggsClient client, long directory, int sizeMax, Portion<CurrentEdge> portion)
      throws EggsException, IOException {
    List<CurrentEdge> entries = new ArrayList<>();
    long hash = 0;
    do {
      ReadDirResponse page =
          client.shard(InodeIds.shard(directory), new ReadDirRequest(directory, hash, 0));
      for (CurrentEdge edge : page.results()) {
        entries.add(edge);
        if (entries.size() == sizeMax) {
          portion.take(entries);
          entries = new ArrayList<>();
        }
      }
      if (page.nextHash() != 0 && Long.compareUnsigned(page.nextHash(), hash) <= 0) {
        throw new EggsException(
            ErrorCode.MALFORMED_RESPONSE, "listing of a directory goes backwards");
      }
      hash = page.nextHash();
    } while (hash != 0);
    if (!entries.isEmpty()) {
      portion.take(entries);
    }
  }

  /** Told all edges of a directory, name by name. */
  interface NameVisitor {
    /** An edge, those of a name by rising time; {@code first} begins a name. */
    void visit(boolean first, Edge edge) throws EggsException, IOException;
  }

  /**
   * All edges name by name, in the server's order of names: the two sections of the directory are
   * read side by side, a page of each.
   */
  static void readByName(EggsClient client, long directory, NameVisitor visitor)
      throws EggsException, IOException {
    Section snapshots = new Section(client, directory, 0);
    Section current = new Section(client, directory, FullReadDirFlags.CURRENT);
    Edge last = null;
    while (snapshots.next != null || current.next != null) {
      boolean fromCurrent =
          snapshots.next == null
              || current.next != null && compareNames(current.next, snapshots.next) < 0;
      Section from = fromCurrent ? current : snapshots;
      Edge edge = from.next;
      visitor.visit(last == null || compareNames(last, edge) != 0, edge);
      last = edge;
      from.advance();
    }
  }

  private static int compareNames(Edge a, Edge b) {
    int hashes = Long.compareUnsigned(a.nameHash(), b.nameHash());
    return hashes != 0 ? hashes : Arrays.compareUnsigned(a.name(), b.name());
  }

  /** The snapshot edges of a directory, or the current ones, page by page. */
  private static final class Section {
    private final EggsClient client;
    private final boolean current;
    private FullReadDirRequest request;
    private Iterator<Edge> page = Collections.emptyIterator();

    /** Null at the end. */
    private Edge next;

    Section(EggsClient client, long directory, int flags) throws EggsException, IOException {
      this.client = client;
      this.current = flags != 0;
      this.request = new FullReadDirRequest(directory, flags, START, 0, 0, 0);
      advance();
    }

    void advance() throws EggsException, IOException {
      while (!page.hasNext() && request != null) {
        FullReadDirResponse response = client.shard(InodeIds.shard(request.dirId()), request);
        page = response.results().iterator();
        request = following(request, response);
      }
      next = page.hasNext() ? page.next() : null;
      if (next != null && next.current() != current) {
        // The other section begins.
        page = Collections.emptyIterator();
        request = null;
        next = null;
      }
    }
  }

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
      request = following(request, page);
      if (request == null) {
        return;
      }
    }
  }

  /** The request for what follows a page; null after the last. */
  private static FullReadDirRequest following(FullReadDirRequest request, FullReadDirResponse page)
      throws EggsException {
    if (page.next().startName().length == 0) {
      return null;
    }
    if (page.results().isEmpty()) {
      throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "listing of a directory stands still");
    }
    return new FullReadDirRequest(
        request.dirId(),
        request.flags() & ~FullReadDirFlags.CURRENT
            | (page.next().current() ? FullReadDirFlags.CURRENT : 0),
        page.next().startName(),
        page.next().startTime(),
        0,
        0);
  }
}
