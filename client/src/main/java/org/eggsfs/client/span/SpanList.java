package org.eggsfs.client.span;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.LocalFileSpansResponse;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;
import org.eggsfs.protocol.struct.FetchedSpan;

/**
 * The spans of one file, fetched page by page when they are needed (client.md section 8.1): the
 * first byte of a file with a million spans costs one round trip. Pages are forgotten when there
 * are many, when they are old, and on request after a failed read, because blocks move.
 * Thread-safe; one page is fetched at a time.
 */
public final class SpanList {
  private static final int SPANS_MAX = 2048;
  private static final long AGE_NANOS_MAX = 600_000_000_000L;
  private static final long UNKNOWN = -1;

  private final ShardCaller shards;
  private final long fileId;
  private final ReentrantLock lock = new ReentrantLock();
  private final TreeMap<Long, Span> spans = new TreeMap<>();
  private long oldestNanos;
  private volatile long size = UNKNOWN;

  /** An empty list; nothing is fetched yet. */
  public SpanList(ShardCaller shards, long fileId) {
    this.shards = shards;
    this.fileId = fileId;
  }

  /**
   * Fetches the first page and asks for the size.
   *
   * <p>The spans alone do not tell the size: a shard lists them also while the file is being
   * destroyed, from its end. Only of a file that has its name, or had it, the shard tells a size,
   * and one that has lost it never gets it back: all its spans were there when they were listed.
   *
   * @throws EggsException FILE_NOT_FOUND also while it is being destroyed
   */
  public void open() throws EggsException, IOException {
    lock.lock();
    try {
      fetch(0);
    } finally {
      lock.unlock();
    }
    StatFileResponse stat = shards.shard(InodeIds.shard(fileId), new StatFileRequest(fileId));
    if (size != UNKNOWN && size != stat.size()) {
      throw new IOException(
          "the shard lists spans for " + size + " of the file's " + stat.size() + " bytes");
    }
    size = stat.size();
  }

  /** Instead of opening: the file is known to reach up to there. */
  public void assumeSize(long bytes) {
    size = bytes;
  }

  /** The file's size, known once it is open; a linked file's never changes. */
  public long size() {
    return size;
  }

  /**
   * The span that holds the byte, null at the end of the file and behind it.
   *
   * @throws IOException also if the shard does not know a span that must exist
   */
  public Span find(long offset) throws EggsException, IOException {
    lock.lock();
    try {
      if (!spans.isEmpty() && System.nanoTime() - oldestNanos > AGE_NANOS_MAX) {
        spans.clear();
      }
      Span present = present(offset);
      if (present != null) {
        return present;
      }
      if (size != UNKNOWN && offset >= size) {
        return null;
      }
      fetch(offset);
      Span fetched = present(offset);
      if (fetched == null) {
        throw new IOException("the shard lists no span at " + offset + " of the file");
      }
      return fetched;
    } finally {
      lock.unlock();
    }
  }

  private Span present(long offset) {
    Map.Entry<Long, Span> floor = spans.floorEntry(offset);
    return floor != null && offset < floor.getValue().end() ? floor.getValue() : null;
  }

  private void fetch(long offset) throws EggsException, IOException {
    LocalFileSpansResponse page =
        shards.shard(InodeIds.shard(fileId), new LocalFileSpansRequest(fileId, offset, 0, 0));
    if (page.nextOffset() != 0 && page.spans().isEmpty()) {
      throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "empty page of spans in mid-file");
    }
    if (spans.size() + page.spans().size() > SPANS_MAX) {
      spans.clear();
    }
    if (spans.isEmpty()) {
      oldestNanos = System.nanoTime();
    }
    long end = 0;
    for (FetchedSpan fetched : page.spans()) {
      Span span = Span.of(fetched, page.blockServices());
      spans.put(span.offset(), span);
      end = span.end();
    }
    // Only of the first page an empty one means an empty file.
    if (page.nextOffset() == 0 && size == UNKNOWN && (offset == 0 || end > 0)) {
      size = end;
    }
  }

  /** Forgets where the blocks are; the next {@link #find} asks again. */
  public void forget() {
    lock.lock();
    try {
      spans.clear();
    } finally {
      lock.unlock();
    }
  }
}
