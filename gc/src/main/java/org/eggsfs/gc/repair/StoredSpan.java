package org.eggsfs.gc.repair;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.FetchedBlock;
import org.eggsfs.protocol.struct.FetchedBlockServices;
import org.eggsfs.protocol.struct.FetchedBlocksSpan;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedInlineSpan;
import org.eggsfs.protocol.struct.FetchedLocations;
import org.eggsfs.protocol.struct.FetchedSpan;

/**
 * A span with all its copies, checked: what follows relies on sizes and counts that fit each other.
 *
 * @param file the file
 * @param offset where it begins in the file
 * @param size logical bytes
 * @param crc of the logical bytes
 * @param copies one for each location; none for an inline span
 */
public record StoredSpan(long file, long offset, long size, int crc, List<Copy> copies) {
  /**
   * The blocks of a span at one location.
   *
   * @param locationId the location
   * @param layout how the bytes lie in the blocks
   * @param blocks all D + P of them, in order
   */
  public record Copy(int locationId, SpanLayout layout, List<StoredBlock> blocks) {}

  /** Whether the data is in the metadata. */
  public boolean isInline() {
    return copies.isEmpty();
  }

  /** The copy at that location, or null. */
  public Copy at(int locationId) {
    for (Copy copy : copies) {
      if (copy.locationId == locationId) {
        return copy;
      }
    }
    return null;
  }

  /** From a list of spans with all locations. */
  static StoredSpan of(long file, FetchedFullSpan fetched, List<BlockService> table)
      throws EggsException {
    long offset = fetched.header().byteOffset();
    List<Copy> copies = new ArrayList<>();
    switch (fetched.body()) {
      case FetchedInlineSpan inline -> {}
      case FetchedLocations locations -> {
        require(!locations.locations().isEmpty(), "number of locations");
        for (FetchedBlockServices at : locations.locations()) {
          SpanLayout layout = layout(at.parity(), at.storageClass(), at.stripes(), at.cellSize());
          copies.add(copy(file, offset, at.locationId(), layout, at.blocks(), table));
        }
      }
    }
    return of(file, offset, fetched.header().size(), fetched.header().crc(), copies);
  }

  /** From a list of spans with one location, which is taken to be the default one. */
  static StoredSpan of(long file, FetchedSpan fetched, List<BlockService> table)
      throws EggsException {
    long offset = fetched.header().byteOffset();
    List<Copy> copies =
        switch (fetched.body()) {
          case FetchedInlineSpan inline -> List.of();
          case FetchedBlocksSpan span -> {
            SpanLayout layout =
                layout(
                    span.parity(),
                    fetched.header().storageClass(),
                    span.stripes(),
                    span.cellSize());
            yield List.of(
                copy(
                    file,
                    offset,
                    ProtocolConstants.DEFAULT_LOCATION,
                    layout,
                    span.blocks(),
                    table));
          }
        };
    return of(file, offset, fetched.header().size(), fetched.header().crc(), copies);
  }

  private static StoredSpan of(long file, long offset, long size, int crc, List<Copy> copies)
      throws EggsException {
    require(size > 0 && size <= SpanLayout.BLOCK_SIZE_MAX, "size");
    require(offset >= 0 && offset <= Long.MAX_VALUE - size, "offset");
    return new StoredSpan(file, offset, size, crc, List.copyOf(copies));
  }

  private static SpanLayout layout(int parity, int storageClass, int stripes, long cellSize)
      throws EggsException {
    require(Parity.isValid(parity), "parity");
    require(stripes >= 1 && stripes <= SpanLayout.STRIPES_MAX, "number of stripes");
    require(cellSize > 0 && cellSize % SpanLayout.PAGE == 0, "cell size");
    require(cellSize * stripes <= SpanLayout.BLOCK_SIZE_MAX, "block size");
    return new SpanLayout(parity, storageClass, stripes, cellSize);
  }

  private static Copy copy(
      long file,
      long offset,
      int locationId,
      SpanLayout layout,
      List<FetchedBlock> fetched,
      List<BlockService> table)
      throws EggsException {
    require(fetched.size() == layout.blocks(), "number of blocks");
    List<StoredBlock> blocks = new ArrayList<>(fetched.size());
    for (FetchedBlock block : fetched) {
      require(block.blockServiceIx() < table.size(), "block service");
      blocks.add(
          new StoredBlock(
              file,
              offset,
              locationId,
              blocks.size(),
              table.get(block.blockServiceIx()),
              block.blockId(),
              block.crc(),
              (int) layout.blockSize()));
    }
    return new Copy(locationId, layout, List.copyOf(blocks));
  }

  private static void require(boolean condition, String what) throws EggsException {
    if (!condition) {
      throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "list of spans: illegal " + what);
    }
  }
}
