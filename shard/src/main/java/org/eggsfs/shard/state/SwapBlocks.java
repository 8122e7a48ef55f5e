package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.SwapBlocksRequest;
import org.eggsfs.protocol.shard.SwapBlocksResponse;
import org.eggsfs.protocol.struct.FailureDomain;

/**
 * SwapBlocks (shard.md section 10): exchanges two equal blocks between two spans. Migration and
 * scrub put a good copy into a file that way. The failure domains come with the entry (W5).
 */
final class SwapBlocks {
  private SwapBlocks() {}

  static Operation prepare(Preparing preparing, SwapBlocksRequest request) throws EggsException {
    Swaps.check(preparing, request.fileId1(), request.fileId2());
    List<Long> known = new ArrayList<>();
    List<FailureDomain> domains = new ArrayList<>();
    collect(preparing, request.fileId1(), request.byteOffset1(), request, known, domains);
    collect(preparing, request.fileId2(), request.byteOffset2(), request, known, domains);
    long[] services = known.stream().mapToLong(Long::longValue).toArray();
    return new Operation.SwapBlocks(request, services, domains);
  }

  /** The failure domains around the block of either name in that span. */
  private static void collect(
      Preparing preparing,
      long file,
      long offset,
      SwapBlocksRequest request,
      List<Long> known,
      List<FailureDomain> domains) {
    PrepareContext context = preparing.context();
    Span span = SpansTable.get(context.view(), preparing.shard(), file, offset);
    for (Span.Location location : span == null ? List.<Span.Location>of() : span.locations()) {
      if (indexOf(location, request.blockId1()) < 0 && indexOf(location, request.blockId2()) < 0) {
        continue;
      }
      for (long service : location.services()) {
        BlockServices.Service info = context.blockServices().get(service);
        if (info != null && !known.contains(service)) {
          known.add(service);
          domains.add(info.failureDomain());
        }
      }
    }
  }

  private static int indexOf(Span.Location location, long block) {
    for (int i = 0; i < location.count(); i++) {
      if (location.blocks()[i] == block) {
        return i;
      }
    }
    return -1;
  }

  /** A block in a span. */
  private record Found(Span.Location location, int index) {
    long service() {
      return location.services()[index];
    }

    int crc() {
      return location.crcs()[index];
    }
  }

  private static Found find(Span span, long block) {
    for (Span.Location location : span.locations()) {
      int index = indexOf(location, block);
      if (index >= 0) {
        return new Found(location, index);
      }
    }
    return null;
  }

  static ApplyResult apply(Transaction tx, Operation.SwapBlocks swap) throws EggsException {
    SwapBlocksRequest request = swap.request();
    long file1 = request.fileId1();
    long file2 = request.fileId2();
    Span span1 = Swaps.span(tx, file1, request.byteOffset1());
    Span span2 = Swaps.span(tx, file2, request.byteOffset2());
    Checks.require(!span1.isInline() && !span2.isInline(), ErrorCode.SWAP_BLOCKS_INLINE_STORAGE);
    Checks.require(
        tx.spanState(file1, request.byteOffset1() + span1.size())
            == tx.spanState(file2, request.byteOffset2() + span2.size()),
        ErrorCode.SWAP_BLOCKS_MISMATCHING_STATE);
    Found block1 = find(span1, request.blockId1());
    Found block2 = find(span2, request.blockId2());
    if (block1 == null || block2 == null) {
      boolean swapped =
          block1 == null
              && block2 == null
              && find(span1, request.blockId2()) != null
              && find(span2, request.blockId1()) != null;
      Checks.require(swapped, ErrorCode.BLOCK_NOT_FOUND);
      return ApplyResult.ok(new SwapBlocksResponse());
    }
    Checks.require(
        block1.location.blockSize() == block2.location.blockSize(),
        ErrorCode.SWAP_BLOCKS_MISMATCHING_SIZE);
    Checks.require(block1.crc() == block2.crc(), ErrorCode.SWAP_BLOCKS_MISMATCHING_CRC);
    Checks.require(
        block1.location.locationId() == block2.location.locationId(),
        ErrorCode.SWAP_BLOCKS_MISMATCHING_LOCATION);
    checkIncoming(swap, block1, block2.service());
    checkIncoming(swap, block2, block1.service());
    SpansTable.put(tx, tx.shard, file1, request.byteOffset1(), replaced(span1, block1, block2));
    SpansTable.put(tx, tx.shard, file2, request.byteOffset2(), replaced(span2, block2, block1));
    tx.countBlock(block1.service(), file1, -1);
    tx.countBlock(block2.service(), file1, 1);
    tx.countBlock(block2.service(), file2, -1);
    tx.countBlock(block1.service(), file2, 1);
    return ApplyResult.ok(new SwapBlocksResponse());
  }

  /** The newcomer must share neither service nor failure domain with the blocks that stay. */
  private static void checkIncoming(Operation.SwapBlocks swap, Found leaving, long incoming)
      throws EggsException {
    FailureDomain domain = domain(swap, incoming);
    for (int i = 0; i < leaving.location.count(); i++) {
      if (i != leaving.index) {
        long staying = leaving.location.services()[i];
        Checks.require(staying != incoming, ErrorCode.SWAP_BLOCKS_DUPLICATE_BLOCK_SERVICE);
        Checks.require(
            !Arrays.equals(domain(swap, staying).name(), domain.name()),
            ErrorCode.SWAP_BLOCKS_DUPLICATE_FAILURE_DOMAIN);
      }
    }
  }

  /** A service that prepare did not see means that the spans changed: try again. */
  private static FailureDomain domain(Operation.SwapBlocks swap, long service)
      throws EggsException {
    for (int i = 0; i < swap.services().length; i++) {
      if (swap.services()[i] == service) {
        return swap.failureDomains().get(i);
      }
    }
    throw new EggsException(ErrorCode.BLOCK_NOT_FOUND);
  }

  private static Span replaced(Span span, Found leaving, Found incoming) {
    List<Span.Location> locations = new ArrayList<>(span.locations());
    Span.Location old = leaving.location;
    long[] services = old.services().clone();
    long[] blocks = old.blocks().clone();
    services[leaving.index] = incoming.service();
    blocks[leaving.index] = incoming.location.blocks()[incoming.index];
    // The CRCs are equal.
    locations.set(
        locations.indexOf(old),
        new Span.Location(
            old.locationId(),
            old.storageClass(),
            old.parity(),
            old.stripes(),
            old.cellSize(),
            services,
            blocks,
            old.crcs(),
            old.stripeCrcs()));
    return Span.ofBlocks(span.size(), span.crc(), locations);
  }
}
