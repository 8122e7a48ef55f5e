package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.AddSpanLocationRequest;
import org.eggsfs.protocol.shard.AddSpanLocationResponse;

/**
 * AddSpanLocation (shard.md section 10): the only location of a transient file's last span becomes
 * a further location of a linked file's span.
 */
final class AddSpanLocation {
  private AddSpanLocation() {}

  static Operation prepare(Preparing preparing, AddSpanLocationRequest request)
      throws EggsException {
    Swaps.check(preparing, request.fileId1(), request.fileId2());
    return preparing.prolonging(request);
  }

  static ApplyResult apply(Transaction tx, AddSpanLocationRequest request, long deadline)
      throws EggsException {
    long toId = request.fileId2();
    Lookups.file(tx.view, tx.shard, toId);
    TransientTable.Row from = tx.touchTransient(request.fileId1(), deadline);
    Checks.require(from.lastSpanState == SpanState.CLEAN, ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
    Span destination = Swaps.span(tx, toId, request.byteOffset2());
    Checks.require(!destination.isInline(), ErrorCode.ADD_SPAN_LOCATION_INLINE_STORAGE);
    Span source = SpansTable.get(tx.view, tx.shard, from.id, request.byteOffset1());
    if (source == null) {
      Checks.require(hasLocation(destination, request.blocks1()), ErrorCode.SPAN_NOT_FOUND);
      tx.put(from);
      return ApplyResult.ok(new AddSpanLocationResponse());
    }
    Checks.require(!source.isInline(), ErrorCode.SWAP_SPANS_INLINE_STORAGE);
    Checks.require(
        source.size() == destination.size(), ErrorCode.ADD_SPAN_LOCATION_MISMATCHING_SIZE);
    Checks.require(source.crc() == destination.crc(), ErrorCode.ADD_SPAN_LOCATION_MISMATCHING_CRC);
    long sourceEnd = request.byteOffset1() + source.size();
    Checks.require(
        tx.spanState(from.id, sourceEnd) == SpanState.CLEAN, ErrorCode.ADD_SPAN_LOCATION_NOT_CLEAN);
    Checks.require(source.locations().size() == 1, ErrorCode.TRANSIENT_LOCATION_COUNT);
    Span.Location added = source.locations().getFirst();
    Checks.require(destination.at(added.locationId()) == null, ErrorCode.ADD_SPAN_LOCATION_EXISTS);
    // Taking another span than the last would leave a hole (W26).
    Checks.require(
        from.size == sourceEnd && Arrays.equals(added.blocks(), request.blocks1()),
        ErrorCode.SPAN_NOT_FOUND);
    List<Span.Location> locations = new ArrayList<>(destination.locations());
    locations.add(added);
    SpansTable.put(
        tx,
        tx.shard,
        toId,
        request.byteOffset2(),
        Span.ofBlocks(destination.size(), destination.crc(), locations));
    tx.delete(SpansTable.key(tx.shard, from.id, request.byteOffset1()));
    tx.countBlocks(from.id, source, -1);
    tx.countBlocks(toId, source, 1);
    from.size = request.byteOffset1();
    tx.put(from);
    return ApplyResult.ok(new AddSpanLocationResponse());
  }

  private static boolean hasLocation(Span span, long[] blocks) {
    for (Span.Location location : span.locations()) {
      if (Arrays.equals(location.blocks(), blocks)) {
        return true;
      }
    }
    return false;
  }
}
