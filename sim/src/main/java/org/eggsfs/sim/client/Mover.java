package org.eggsfs.sim.client;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddSpanAtLocationInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanAtLocationInitiateResponse;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.LocalFileSpansResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.SwapBlocksRequest;
import org.eggsfs.protocol.shard.SwapSpansRequest;
import org.eggsfs.protocol.struct.AddSpanInitiateBlockInfo;
import org.eggsfs.protocol.struct.AddSpanInitiateRequestBody;
import org.eggsfs.protocol.struct.AddSpanInitiateWithReferenceRequestBody;
import org.eggsfs.protocol.struct.BlacklistEntry;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.FetchedBlock;
import org.eggsfs.protocol.struct.FetchedBlocksSpan;
import org.eggsfs.protocol.struct.FetchedSpan;
import org.eggsfs.protocol.struct.TransientFile;
import org.eggsfs.sim.kernel.SimRandom;
import org.eggsfs.sim.oracle.Contents.WrittenSpan;
import org.eggsfs.sim.world.ClientMachine;
import org.eggsfs.sim.world.World;

/**
 * The requests of migration, scrub and defragmentation (gc.md sections 6 and 9): one block, or all
 * blocks of a span, are written anew into a file without a name, and the shard exchanges them with
 * those in the file. Which are in need of it is for chance to say.
 */
final class Mover {
  private static final FailureDomain NO_DOMAIN = new FailureDomain(new byte[16]);

  /** One exchange in so many is a wrong one. */
  private static final int MISTAKES = 8;

  /**
   * One exchange in so many is made at some later time: the file without a name may be given up by
   * then, and be just losing the blocks.
   */
  private static final int LATE = 2;

  /** One exchange in so many is made while the new blocks are being erased. */
  private static final int TOO_LATE = 8;

  private static final int POSTPONED_MAX = 8;

  /** One place in so many is asked for without care for the blocks that stay. */
  private static final int CARELESS = 4;

  private final ClientMachine client;
  private final Session session;
  private final FileMaker files;
  private final Collector collector;
  private final SimRandom random;
  private final List<Exchange> postponed = new ArrayList<>();

  Mover(ClientMachine client, Session session, FileMaker files, Collector collector) {
    this.client = client;
    this.session = session;
    this.files = files;
    this.collector = collector;
    this.random = session.world().random();
  }

  /** What is left to do once the new blocks are written into a file without a name. */
  private record Exchange(long file, ConstructFileResponse scratch, ShardRequest request) {
    int shard() {
      return InodeIds.shard(file);
    }
  }

  /** Gives some file other blocks; which file and which blocks is for chance to say. */
  void move() throws EggsException {
    if (!postponed.isEmpty() && random.nextInt(2) == 0) {
      finish(postponed.remove(random.nextInt(postponed.size())));
      return;
    }
    List<Long> candidates = session.contents().inBlocks();
    if (candidates.isEmpty()) {
      return;
    }
    long file = candidates.get(random.nextInt(candidates.size()));
    Exchange exchange = random.nextInt(3) == 0 ? copySpan(file) : copyBlock(file);
    if (exchange == null) {
      return;
    }
    if (postponed.size() < POSTPONED_MAX && random.nextInt(LATE) == 0) {
      postponed.add(exchange);
    } else {
      finish(exchange);
    }
  }

  private void finish(Exchange exchange) throws EggsException {
    session.contents().moves(exchange.file);
    if (random.nextInt(TOO_LATE) == 0) {
      finishTooLate(exchange);
    } else {
      client.shard(exchange.shard(), exchange.request);
      files.scrap(exchange.shard(), exchange.scratch);
    }
  }

  /** The worst moment: the new blocks are erased, and the shard does not know it yet. */
  private void finishTooLate(Exchange exchange) throws EggsException {
    ConstructFileResponse scratch = exchange.scratch;
    files.scrap(exchange.shard(), scratch);
    collector.beginToDestroy(exchange.shard(), scratch);
    try {
      client.shard(exchange.shard(), exchange.request);
    } catch (EggsException e) {
      if (e.code() == ErrorCode.TIMEOUT) {
        throw e;
      }
    }
    collector.destroy(
        exchange.shard(), new TransientFile(scratch.id(), scratch.cookie(), client.wallNanos()));
  }

  /** A span in blocks as the shard shows it, and as it was written. */
  private record Found(FetchedBlocksSpan now, LocalFileSpansResponse page, WrittenSpan written) {
    long service(int block) {
      return page.blockServices().get(now.blocks().get(block).blockServiceIx()).id();
    }

    long[] blockIds() {
      return now.blocks().stream().mapToLong(FetchedBlock::blockId).toArray();
    }
  }

  /** One of the file's spans, or null if none is in blocks. */
  private Found find(long file) throws EggsException {
    LocalFileSpansResponse page =
        client.shard(InodeIds.shard(file), new LocalFileSpansRequest(file, 0, 0, 0));
    List<Found> found = new ArrayList<>();
    for (FetchedSpan span : page.spans()) {
      WrittenSpan written = session.contents().span(file, span.header().byteOffset());
      if (written != null && span.body() instanceof FetchedBlocksSpan blocks) {
        found.add(new Found(blocks, page, written));
      }
    }
    return found.isEmpty() ? null : found.get(random.nextInt(found.size()));
  }

  /** Writes a block anew. Returns null if there is none, or the disk has failed. */
  private Exchange copyBlock(long file) throws EggsException {
    Found span = find(file);
    if (span == null) {
      return null;
    }
    int shard = InodeIds.shard(file);
    int index = random.nextInt(span.now.blocks().size());
    FetchedBlock old = span.now.blocks().get(index);
    ConstructFileResponse scratch = files.construct(shard);
    AddSpanInitiateBlockInfo place = initiate(file, span, index, scratch);
    long size = span.now.stripes() * span.now.cellSize();
    List<BlockProof> proofs = files.write(List.of(place), new int[] {old.crc()}, size);
    if (proofs == null) {
      files.scrap(shard, scratch);
      return null;
    }
    client.shard(shard, new AddSpanCertifyRequest(scratch.id(), scratch.cookie(), 0, proofs));
    if (random.nextInt(MISTAKES) == 0) {
      int other = (index + 1) % span.now.blocks().size();
      mustFail(shard, swap(file, span, other, scratch, place));
    }
    return new Exchange(file, scratch, swap(file, span, index, scratch, place));
  }

  private static SwapBlocksRequest swap(
      long file,
      Found span,
      int index,
      ConstructFileResponse scratch,
      AddSpanInitiateBlockInfo place) {
    return new SwapBlocksRequest(
        file,
        span.written.offset(),
        span.now.blocks().get(index).blockId(),
        scratch.id(),
        0,
        place.blockId());
  }

  /** The block has the bytes of another one. */
  private void mustFail(int shard, SwapBlocksRequest request) throws EggsException {
    try {
      client.shard(shard, request);
    } catch (EggsException e) {
      if (e.code() == ErrorCode.TIMEOUT) {
        throw e;
      }
      return;
    }
    session.world().fail("refusals", "accepted although the blocks differ: " + request);
  }

  private AddSpanInitiateBlockInfo initiate(
      long file, Found span, int index, ConstructFileResponse scratch) throws EggsException {
    List<BlacklistEntry> avoided = new ArrayList<>();
    if (random.nextInt(CARELESS) != 0) {
      for (int i = 0; i < span.now.blocks().size(); i++) {
        avoided.add(new BlacklistEntry(NO_DOMAIN, span.service(i)));
      }
    }
    FetchedBlock old = span.now.blocks().get(index);
    long size = span.now.stripes() * span.now.cellSize();
    AddSpanInitiateRequestBody body =
        new AddSpanInitiateRequestBody(
            scratch.id(),
            scratch.cookie(),
            0,
            size,
            old.crc(),
            StorageClass.FLASH,
            avoided,
            Parity.of(1, 0),
            1,
            size,
            new int[] {old.crc()});
    AddSpanAtLocationInitiateResponse response =
        client.shard(
            InodeIds.shard(file),
            new AddSpanAtLocationInitiateRequest(
                World.LOCATION, new AddSpanInitiateWithReferenceRequestBody(body, file)));
    return response.resp().blocks().getFirst();
  }

  /** Writes all blocks of a span anew. Returns null if there is none, or a disk has failed. */
  private Exchange copySpan(long file) throws EggsException {
    Found span = find(file);
    FileMaker.Copy copy = span == null ? null : files.copy(InodeIds.shard(file), span.written);
    if (copy == null) {
      return null;
    }
    return new Exchange(
        file,
        copy.file(),
        new SwapSpansRequest(
            file, span.written.offset(), span.blockIds(), copy.file().id(), 0, copy.blockIds()));
  }
}
