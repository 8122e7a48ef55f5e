package org.eggsfs.shard.state;

import java.util.List;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.RemoveSpanInitiateRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateResponse;

/**
 * RemoveSpanInitiate (shard.md section 10): takes the last span of a transient file for removal and
 * hands out the permissions to erase its blocks, at all locations. Ends with FILE_EMPTY.
 *
 * <p>Not before the file's deadline: a collector whose clock runs ahead must not take apart what is
 * being written. TernFS leaves that to the collector's clock.
 */
final class RemoveSpanInitiate {
  private RemoveSpanInitiate() {}

  static Operation prepare(Preparing preparing, RemoveSpanInitiateRequest request)
      throws EggsException {
    Checks.fileOrSymlink(request.fileId());
    preparing.shard(request.fileId());
    preparing.cookie(request.fileId(), request.cookie());
    return Preparing.plain(request);
  }

  static ApplyResult apply(Transaction tx, RemoveSpanInitiateRequest request) throws EggsException {
    TransientTable.Row file = tx.touchTransientPastDeadline(request.fileId());
    Checks.require(file.deadline < tx.time, ErrorCode.DEADLINE_NOT_PASSED);
    Checks.require(file.size != 0, ErrorCode.FILE_EMPTY);
    SpansTable.Placed last = SpansTable.lastUpTo(tx.view, tx.shard, file.id, file.size);
    RemoveSpanInitiateResponse response = new RemoveSpanInitiateResponse(last.offset(), List.of());
    if (last.span().isInline()) {
      tx.delete(SpansTable.key(tx.shard, file.id, last.offset()));
      file.size = last.offset();
      tx.put(file);
      return ApplyResult.ok(response);
    }
    file.lastSpanState = SpanState.CONDEMNED;
    tx.put(file);
    return ApplyResult.ok(response, allBlocks(last.span()));
  }

  private static HandedOutBlocks allBlocks(Span span) {
    long[] blocks = span.blockIds();
    long[] services = new long[blocks.length];
    int[] crcs = new int[blocks.length];
    long[] sizes = new long[blocks.length];
    int i = 0;
    for (Span.Location location : span.locations()) {
      for (int b = 0; b < location.count(); b++, i++) {
        services[i] = location.services()[b];
        crcs[i] = location.crcs()[b];
        sizes[i] = location.blockSize();
      }
    }
    return new HandedOutBlocks(services, blocks, crcs, sizes);
  }
}
