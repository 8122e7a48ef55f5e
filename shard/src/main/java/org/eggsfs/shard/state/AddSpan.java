package org.eggsfs.shard.state;

import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanCrcs;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.MalformedMessageException;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddSpanAtLocationInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanAtLocationInitiateResponse;
import org.eggsfs.protocol.shard.AddSpanInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateResponse;
import org.eggsfs.protocol.shard.AddSpanInitiateWithReferenceRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateWithReferenceResponse;
import org.eggsfs.protocol.shard.ShardKind;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.struct.AddSpanInitiateRequestBody;
import org.eggsfs.protocol.struct.AddSpanInitiateResponseBody;

/**
 * AddSpanInitiate, AddSpanInitiateWithReference, AddSpanAtLocationInitiate (shard.md section 8):
 * reserve blocks for the next span of a transient file. One operation for all three; a repeat gets
 * the blocks that the first execution chose.
 */
final class AddSpan {
  private static final long BLOCK_ID_STEP = 0x100;
  private static final long[] NONE = {};

  private AddSpan() {}

  static Operation prepare(Preparing preparing, AddSpanInitiateRequest request)
      throws EggsException {
    AddSpanInitiateRequestBody body =
        new AddSpanInitiateRequestBody(
            request.fileId(),
            request.cookie(),
            request.byteOffset(),
            request.size(),
            request.crc(),
            request.storageClass(),
            request.blacklist(),
            request.parity(),
            request.stripes(),
            request.cellSize(),
            request.crcs());
    return prepare(
        preparing,
        ShardKind.ADD_SPAN_INITIATE,
        ProtocolConstants.DEFAULT_LOCATION,
        body,
        InodeIds.NULL);
  }

  static Operation prepare(Preparing preparing, AddSpanInitiateWithReferenceRequest request)
      throws EggsException {
    return prepare(
        preparing,
        ShardKind.ADD_SPAN_INITIATE_WITH_REFERENCE,
        ProtocolConstants.DEFAULT_LOCATION,
        request.req(),
        request.reference());
  }

  static Operation prepare(Preparing preparing, AddSpanAtLocationInitiateRequest request)
      throws EggsException {
    return prepare(
        preparing,
        ShardKind.ADD_SPAN_AT_LOCATION_INITIATE,
        request.locationId(),
        request.req().req(),
        request.req().reference());
  }

  private static Operation prepare(
      Preparing preparing,
      int kind,
      int locationId,
      AddSpanInitiateRequestBody request,
      long givenReference)
      throws EggsException {
    long fileId = request.fileId();
    long reference = givenReference == InodeIds.NULL ? fileId : givenReference;
    Checks.fileOrSymlink(fileId);
    Checks.fileOrSymlink(reference);
    preparing.shard(fileId);
    preparing.cookie(fileId, request.cookie());
    checkShape(request);
    int[] crcs = request.crcs();
    int blocks = Parity.blocks(request.parity());
    Checks.spanBody(
        SpanCrcs.areConsistent(
            crcs,
            request.parity(),
            request.stripes(),
            request.cellSize(),
            request.size(),
            request.crc()));
    long[] services = pick(preparing, locationId, request, reference);
    return new Operation.AddSpan(
        kind,
        preparing.deadline(),
        fileId,
        request.byteOffset(),
        request.size(),
        request.crc(),
        locationId,
        request.storageClass(),
        request.parity(),
        request.stripes(),
        request.cellSize(),
        services,
        SpanCrcs.blockCrcs(crcs, blocks, request.cellSize()),
        SpanCrcs.stripeCrcs(crcs, blocks, Parity.data(request.parity()), request.cellSize()));
  }

  /** Steps 2 to 4, and the bounds without which an entry could not be applied (W19, W20). */
  private static void checkShape(AddSpanInitiateRequestBody request) throws EggsException {
    Checks.spanBody(
        request.storageClass() != StorageClass.EMPTY
            && request.storageClass() != StorageClass.INLINE);
    Checks.spanBody(
        request.byteOffset() % ProtocolConstants.PAGE_SIZE == 0
            && request.cellSize() % ProtocolConstants.PAGE_SIZE == 0);
    Checks.spanBody(request.size() >= 1 && request.size() <= ProtocolConstants.MAX_SPAN_SIZE);
    Checks.spanBody(request.byteOffset() >= 0 && request.byteOffset() + request.size() >= 0);
    Checks.spanBody(request.stripes() >= 1 && request.stripes() <= ProtocolConstants.MAX_STRIPES);
    Checks.spanBody(Parity.data(request.parity()) >= 1);
    Checks.spanBody(
        request.cellSize() >= ProtocolConstants.PAGE_SIZE
            && request.cellSize() * request.stripes() <= ProtocolConstants.MAX_BLOCK_SIZE);
    Checks.spanBody(request.crcs().length == request.stripes() * Parity.blocks(request.parity()));
  }

  /** Section 11.1: the reference's first span before its last, positions kept (W30). */
  private static long[] pick(
      Preparing preparing, int locationId, AddSpanInitiateRequestBody request, long reference)
      throws EggsException {
    long[] first = NONE;
    long[] last = NONE;
    if (reference != request.fileId() || request.byteOffset() != 0) {
      PrepareContext context = preparing.context();
      Span firstSpan = SpansTable.get(context.view(), preparing.shard(), reference, 0);
      if (firstSpan != null) {
        first = services(firstSpan, locationId);
        last =
            services(
                SpansTable.lastUpTo(context.view(), preparing.shard(), reference, Long.MAX_VALUE)
                    .span(),
                locationId);
      }
    }
    int count = Parity.blocks(request.parity());
    BlockServices.Service[] picked;
    try {
      picked =
          BlockServicePicker.pick(
              preparing.context().blockServices(),
              count,
              request.storageClass(),
              locationId,
              request.blacklist(),
              first,
              last,
              preparing.context().random());
    } catch (EggsException e) {
      return servicesPickedBefore(preparing, locationId, request, e);
    }
    long[] ids = new long[picked.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = picked[i].id();
    }
    return ids;
  }

  /**
   * A repeat must get its blocks although there are too few services by now: apply answers with the
   * span that is there, whatever was picked.
   */
  private static long[] servicesPickedBefore(
      Preparing preparing,
      int locationId,
      AddSpanInitiateRequestBody request,
      EggsException failure)
      throws EggsException {
    Span span =
        SpansTable.get(
            preparing.context().view(), preparing.shard(), request.fileId(), request.byteOffset());
    Span.Location location = span == null ? null : span.at(locationId);
    if (location == null || span.crc() != request.crc() || location.parity() != request.parity()) {
      throw failure;
    }
    return location.services();
  }

  private static long[] services(Span span, int locationId) {
    Span.Location location = span.at(locationId);
    return location == null ? NONE : location.services();
  }

  static ApplyResult apply(Transaction tx, Operation.AddSpan add) throws EggsException {
    TransientTable.Row file = tx.touchTransient(add.fileId(), add.deadline());
    long end = add.byteOffset() + add.size();
    Span.Location location;
    if (file.size != add.byteOffset()) {
      location = file.size == end ? existing(tx, add) : null;
      Checks.require(location != null, ErrorCode.SPAN_NOT_FOUND);
    } else {
      Checks.require(file.lastSpanState == SpanState.CLEAN, ErrorCode.LAST_SPAN_STATE_NOT_CLEAN);
      file.size = end;
      file.lastSpanState = SpanState.DIRTY;
      location =
          new Span.Location(
              add.locationId(),
              add.storageClass(),
              add.parity(),
              add.stripes(),
              add.cellSize(),
              add.services(),
              allocateBlocks(tx, add.services().length),
              add.blockCrcs(),
              add.stripeCrcs());
      Span span = Span.ofBlocks(add.size(), add.crc(), List.of(location));
      SpansTable.put(tx, tx.shard, file.id, add.byteOffset(), span);
      tx.countBlocks(file.id, span, 1);
    }
    tx.put(file);
    return ApplyResult.ok(response(add.kind()), handOut(location));
  }

  /** The single location of the span that an earlier execution added, or null. */
  private static Span.Location existing(Transaction tx, Operation.AddSpan add) {
    Span span = SpansTable.get(tx.view, tx.shard, add.fileId(), add.byteOffset());
    if (span == null
        || span.isInline()
        || span.locations().size() != 1
        || span.size() != add.size()
        || span.crc() != add.crc()) {
      return null;
    }
    Span.Location location = span.locations().getFirst();
    return location.cellSize() == add.cellSize()
            && location.stripes() == add.stripes()
            && location.parity() == add.parity()
            && location.locationId() == add.locationId()
        ? location
        : null;
  }

  /** Section 11.3: unique, increasing, ends in the shard number, reads as the time. */
  private static long[] allocateBlocks(Transaction tx, int count) {
    long last = MetaTable.lastBlock(tx.view, tx.shard);
    long[] ids = new long[count];
    for (int i = 0; i < count; i++) {
      last = Math.max(last + BLOCK_ID_STEP, (tx.time & ~0xffL) | tx.shard);
      ids[i] = last;
    }
    MetaTable.putLastBlock(tx, tx.shard, last);
    return ids;
  }

  private static HandedOutBlocks handOut(Span.Location location) {
    long[] sizes = new long[location.count()];
    java.util.Arrays.fill(sizes, location.blockSize());
    return new HandedOutBlocks(location.services(), location.blocks(), location.crcs(), sizes);
  }

  /** An answer without blocks, of the kind of the request; {@link Finish} puts them in. */
  private static ShardResponse response(int kind) {
    AddSpanInitiateResponseBody body = new AddSpanInitiateResponseBody(List.of());
    return switch (kind) {
      case ShardKind.ADD_SPAN_INITIATE -> new AddSpanInitiateResponse(List.of());
      case ShardKind.ADD_SPAN_INITIATE_WITH_REFERENCE ->
          new AddSpanInitiateWithReferenceResponse(body);
      case ShardKind.ADD_SPAN_AT_LOCATION_INITIATE -> new AddSpanAtLocationInitiateResponse(body);
      default -> throw new MalformedMessageException("no AddSpanInitiate has kind " + kind);
    };
  }
}
