package org.eggsfs.gc.repair;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FileSpansResponse;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.LocalFileSpansResponse;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedSpan;

/**
 * The spans of a file with all locations, page by page, so that a file with a million spans needs
 * the memory of a few. Used by one thread.
 */
public final class SpanPages {
  private final ShardCaller shards;
  private final long file;
  private long nextOffset;
  private boolean ended;

  /** Begins at the start of the file; nothing is asked yet. */
  public SpanPages(ShardCaller shards, long file) {
    this.shards = shards;
    this.file = file;
  }

  /**
   * The next spans; an empty list is the end.
   *
   * @throws EggsException FILE_NOT_FOUND if there is no such file
   */
  public List<StoredSpan> next() throws EggsException, IOException {
    List<StoredSpan> spans = new ArrayList<>();
    while (!ended && spans.isEmpty()) {
      Page page = page(shards, file, nextOffset, 0);
      for (StoredSpan span : page.spans) {
        // A page begins with the span that holds the offset or ends at it.
        if (span.offset() >= nextOffset) {
          spans.add(span);
        }
      }
      if (page.nextOffset != 0 && page.nextOffset <= nextOffset) {
        throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "list of spans goes backwards");
      }
      nextOffset = page.nextOffset;
      ended = nextOffset == 0;
    }
    return spans;
  }

  /** The span that begins there as it is now, or null. */
  public static StoredSpan one(ShardCaller shards, long file, long offset)
      throws EggsException, IOException {
    for (StoredSpan span : page(shards, file, offset, 1).spans) {
      if (span.offset() == offset) {
        return span;
      }
    }
    return null;
  }

  private record Page(List<StoredSpan> spans, long nextOffset) {}

  private static Page page(ShardCaller shards, long file, long offset, int limit)
      throws EggsException, IOException {
    int shard = InodeIds.shard(file);
    List<StoredSpan> spans = new ArrayList<>();
    if (InodeIds.isSymlink(file)) {
      // Shards list all locations of files only.
      LocalFileSpansResponse page =
          shards.shard(shard, new LocalFileSpansRequest(file, offset, limit, 0));
      for (FetchedSpan fetched : page.spans()) {
        spans.add(StoredSpan.of(file, fetched, page.blockServices()));
      }
      return new Page(spans, page.nextOffset());
    }
    FileSpansResponse page = shards.shard(shard, new FileSpansRequest(file, offset, limit, 0));
    for (FetchedFullSpan fetched : page.spans()) {
      spans.add(StoredSpan.of(file, fetched, page.blockServices()));
    }
    return new Page(spans, page.nextOffset());
  }
}
