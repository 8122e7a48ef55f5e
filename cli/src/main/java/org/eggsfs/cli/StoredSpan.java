package org.eggsfs.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FileSpansResponse;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.LocalFileSpansResponse;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.FetchedBlock;
import org.eggsfs.protocol.struct.FetchedBlockServices;
import org.eggsfs.protocol.struct.FetchedBlocksSpan;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedInlineSpan;
import org.eggsfs.protocol.struct.FetchedLocations;
import org.eggsfs.protocol.struct.FetchedSpan;

/**
 * A span as operators look at it: where its blocks are, in all locations.
 *
 * @param offset first byte in the file
 * @param size logical bytes
 * @param crc of the logical bytes
 * @param inlineBytes bytes inside the metadata; -1 when the span is in blocks
 * @param copies one for each location that has it; none for an inline span
 */
record StoredSpan(long offset, long size, int crc, int inlineBytes, List<Copy> copies) {
  /** The span's blocks in one location, in the order data, then parity. */
  record Copy(
      int location,
      int storageClass,
      int parity,
      int stripes,
      long cellSize,
      List<StoredBlock> blocks) {
    long blockSize() {
      return cellSize * stripes;
    }

    long physicalBytes() {
      return blockSize() * Parity.blocks(parity);
    }
  }

  /** One block. */
  record StoredBlock(BlockService service, long id, int crc) {}

  /** What is done with each span, in their order. */
  interface Visitor {
    /** One span; returning false ends the listing. */
    boolean visit(StoredSpan span) throws EggsException, IOException;
  }

  boolean isInline() {
    return inlineBytes >= 0;
  }

  /** Bytes on disks, or inside the metadata. */
  long physicalBytes() {
    return isInline() ? inlineBytes : copies.stream().mapToLong(Copy::physicalBytes).sum();
  }

  /** Bytes on the disks of one location. */
  long physicalBytes(int location) {
    return copies.stream()
        .filter(copy -> copy.location() == location)
        .mapToLong(Copy::physicalBytes)
        .sum();
  }

  /** Lists the spans of a file or symlink, page by page. */
  static void visit(EggsClient client, long id, Visitor visitor) throws EggsException, IOException {
    long offset = 0;
    do {
      List<StoredSpan> spans = new ArrayList<>();
      long next;
      if (InodeIds.isSymlink(id)) {
        // Shards list all locations of files only.
        LocalFileSpansResponse page =
            client.shard(InodeIds.shard(id), new LocalFileSpansRequest(id, offset, 0, 0));
        page.spans().forEach(span -> spans.add(of(span, page.blockServices())));
        next = page.nextOffset();
      } else {
        FileSpansResponse page =
            client.shard(InodeIds.shard(id), new FileSpansRequest(id, offset, 0, 0));
        page.spans().forEach(span -> spans.add(of(span, page.blockServices())));
        next = page.nextOffset();
      }
      for (StoredSpan span : spans) {
        if (!visitor.visit(span)) {
          return;
        }
      }
      if (next != 0 && Long.compareUnsigned(next, offset) <= 0) {
        throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "list of spans goes backwards");
      }
      offset = next;
    } while (offset != 0);
  }

  /** Bytes that a file takes on disks and inside the metadata, all locations. */
  static long physicalSize(EggsClient client, long id) throws EggsException, IOException {
    long[] total = {0};
    visit(
        client,
        id,
        span -> {
          total[0] += span.physicalBytes();
          return true;
        });
    return total[0];
  }

  private static StoredSpan of(FetchedFullSpan span, List<BlockService> table) {
    var header = span.header();
    return switch (span.body()) {
      case FetchedInlineSpan inline ->
          new StoredSpan(
              header.byteOffset(), header.size(), header.crc(), inline.body().length, List.of());
      case FetchedLocations locations -> {
        List<Copy> copies = new ArrayList<>();
        for (FetchedBlockServices copy : locations.locations()) {
          copies.add(
              new Copy(
                  copy.locationId(),
                  copy.storageClass(),
                  copy.parity(),
                  copy.stripes(),
                  copy.cellSize(),
                  blocks(copy.blocks(), table)));
        }
        yield new StoredSpan(header.byteOffset(), header.size(), header.crc(), -1, copies);
      }
    };
  }

  private static StoredSpan of(FetchedSpan span, List<BlockService> table) {
    var header = span.header();
    return switch (span.body()) {
      case FetchedInlineSpan inline ->
          new StoredSpan(
              header.byteOffset(), header.size(), header.crc(), inline.body().length, List.of());
      case FetchedBlocksSpan body ->
          new StoredSpan(
              header.byteOffset(),
              header.size(),
              header.crc(),
              -1,
              List.of(
                  new Copy(
                      0,
                      header.storageClass(),
                      body.parity(),
                      body.stripes(),
                      body.cellSize(),
                      blocks(body.blocks(), table))));
    };
  }

  private static List<StoredBlock> blocks(List<FetchedBlock> fetched, List<BlockService> table) {
    return fetched.stream()
        .map(
            block ->
                new StoredBlock(table.get(block.blockServiceIx()), block.blockId(), block.crc()))
        .toList();
  }
}
