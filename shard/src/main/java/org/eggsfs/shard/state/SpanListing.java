package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Message;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FileSpansResponse;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.LocalFileSpansResponse;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.FetchedBlock;
import org.eggsfs.protocol.struct.FetchedBlockServices;
import org.eggsfs.protocol.struct.FetchedBlocksSpan;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedFullSpanBody;
import org.eggsfs.protocol.struct.FetchedInlineSpan;
import org.eggsfs.protocol.struct.FetchedLocations;
import org.eggsfs.protocol.struct.FetchedSpan;
import org.eggsfs.protocol.struct.FetchedSpanHeader;
import org.eggsfs.protocol.struct.FetchedSpanHeaderFull;
import org.eggsfs.store.Cursor;

/**
 * LocalFileSpans and FileSpans (shard.md section 6.1): where the bytes of a file are. Block
 * services stand once per answer in a table that blocks refer to by a u8.
 *
 * @param <T> the listed form of a span
 */
abstract class SpanListing<T extends Message> {
  /** Cursor and two list counts. */
  private static final int FIXED = 12;

  private static final int BLOCK_SERVICE_SIZE = 21;
  private static final int BLOCK_SERVICES_MAX = 256;

  private final Reading reading;
  private final List<BlockService> services = new ArrayList<>();
  private final List<T> spans = new ArrayList<>();
  private long nextOffset;

  private SpanListing(Reading reading) {
    this.reading = reading;
  }

  static LocalFileSpansResponse local(Reading reading, LocalFileSpansRequest request)
      throws EggsException {
    int type = InodeIds.type(request.fileId());
    // An unfitting error, but the one that clients know.
    Checks.require(
        type == InodeIds.FILE || type == InodeIds.SYMLINK, ErrorCode.BLOCK_IO_ERROR_FILE);
    SpanListing<FetchedSpan> listing = new Local(reading);
    listing.run(request.fileId(), request.byteOffset(), request.limit(), request.mtu());
    return new LocalFileSpansResponse(listing.nextOffset, listing.services, listing.spans);
  }

  static FileSpansResponse full(Reading reading, FileSpansRequest request) throws EggsException {
    Checks.require(InodeIds.isFile(request.fileId()), ErrorCode.TYPE_IS_DIRECTORY);
    SpanListing<FetchedFullSpan> listing = new Full(reading);
    listing.run(request.fileId(), request.byteOffset(), request.limit(), request.mtu());
    return new FileSpansResponse(listing.nextOffset, listing.services, listing.spans);
  }

  private void run(long file, long offset, long limit, int mtu) throws EggsException {
    int shard = reading.shard();
    byte[] key = SpansTable.key(shard, file, offset);
    int left = reading.budget(mtu) - FIXED;
    try (Cursor cursor = SpansTable.cursor(reading.view(), shard, file)) {
      cursor.seekForPrev(key);
      boolean first = true;
      while (cursor.isValid() && SpansTable.isOf(cursor.key(), key)) {
        long spanOffset = SpansTable.offset(cursor.key());
        Span span = SpansTable.decode(cursor.value());
        if (first && Long.compareUnsigned(spanOffset + span.size(), offset) < 0) {
          break;
        }
        int servicesBefore = services.size();
        T listed = list(spanOffset, span);
        if (first && !fits(listed, 0, reading.budgetMax() - FIXED)) {
          // More copies than any datagram holds: show as many as it does.
          services.clear();
          listed = listWithin(spanOffset, span, reading.budgetMax() - FIXED);
        }
        int cost = cost(listed, servicesBefore);
        // A first span that exceeds the asked size is sent nevertheless (wire.md 3.3).
        if (!first && !fits(listed, servicesBefore, left)) {
          services.subList(servicesBefore, services.size()).clear();
          nextOffset = spanOffset;
          break;
        }
        spans.add(listed);
        left -= cost;
        first = false;
        if (limit > 0 && spans.size() >= limit) {
          break;
        }
        cursor.next();
      }
    }
    if (spans.isEmpty() && TransientTable.get(reading.view(), shard, file) == null) {
      reading.file(file);
    }
  }

  private int cost(T listed, int servicesBefore) {
    return listed.encodedSize() + BLOCK_SERVICE_SIZE * (services.size() - servicesBefore);
  }

  private boolean fits(T listed, int servicesBefore, int room) {
    return services.size() <= BLOCK_SERVICES_MAX && cost(listed, servicesBefore) <= room;
  }

  /** The span as the answer shows it; adds the services it needs. */
  abstract T list(long offset, Span span);

  /** The same with as many locations as there is room for. */
  abstract T listWithin(long offset, Span span, int room);

  final List<FetchedBlock> blocks(Span.Location location) {
    List<FetchedBlock> blocks = new ArrayList<>(location.count());
    for (int i = 0; i < location.count(); i++) {
      blocks.add(
          new FetchedBlock(
              serviceIndex(location.services()[i]), location.blocks()[i], location.crcs()[i]));
    }
    return blocks;
  }

  private int serviceIndex(long id) {
    for (int i = 0; i < services.size(); i++) {
      if (services.get(i).id() == id) {
        return i;
      }
    }
    services.add(Finish.describe(id, reading.context().blockServices()));
    return services.size() - 1;
  }

  /** One location per span: this site's, else the first. */
  private static final class Local extends SpanListing<FetchedSpan> {
    Local(Reading reading) {
      super(reading);
    }

    @Override
    FetchedSpan list(long offset, Span span) {
      if (span.isInline()) {
        return new FetchedSpan(
            new FetchedSpanHeader(offset, span.size(), span.crc(), StorageClass.INLINE),
            new FetchedInlineSpan(span.body()));
      }
      Span.Location local = span.at(ProtocolConstants.DEFAULT_LOCATION);
      Span.Location location = local == null ? span.locations().getFirst() : local;
      return new FetchedSpan(
          new FetchedSpanHeader(offset, span.size(), span.crc(), location.storageClass()),
          new FetchedBlocksSpan(
              location.parity(),
              location.stripes(),
              location.cellSize(),
              blocks(location),
              location.stripeCrcs()));
    }

    @Override
    FetchedSpan listWithin(long offset, Span span, int room) {
      return list(offset, span); // One location has at most 30 blocks and always fits.
    }
  }

  /** All locations. */
  private static final class Full extends SpanListing<FetchedFullSpan> {
    Full(Reading reading) {
      super(reading);
    }

    @Override
    FetchedFullSpan list(long offset, Span span) {
      return list(offset, span, span.locations().size());
    }

    @Override
    FetchedFullSpan listWithin(long offset, Span span, int room) {
      int used = 0;
      int count = 0;
      int blocks = 0;
      for (Span.Location location : span.locations()) {
        blocks += location.count();
        used += listed(location).encodedSize() + BLOCK_SERVICE_SIZE * location.count();
        if (HEADERS + used > room || blocks > BLOCK_SERVICES_MAX) {
          break;
        }
        count++;
      }
      super.services.clear();
      return list(offset, span, count);
    }

    /** Header of a span and count of its locations. */
    private static final int HEADERS = 19;

    private FetchedFullSpan list(long offset, Span span, int locationsMax) {
      FetchedSpanHeaderFull header =
          new FetchedSpanHeaderFull(offset, span.size(), span.crc(), span.isInline());
      FetchedFullSpanBody body;
      if (span.isInline()) {
        body = new FetchedInlineSpan(span.body());
      } else {
        List<FetchedBlockServices> locations = new ArrayList<>(locationsMax);
        for (Span.Location location : span.locations().subList(0, locationsMax)) {
          locations.add(listed(location));
        }
        body = new FetchedLocations(locations);
      }
      return new FetchedFullSpan(header, body);
    }

    private FetchedBlockServices listed(Span.Location location) {
      return new FetchedBlockServices(
          location.locationId(),
          location.storageClass(),
          location.parity(),
          location.stripes(),
          location.cellSize(),
          blocks(location),
          location.stripeCrcs());
    }
  }
}
