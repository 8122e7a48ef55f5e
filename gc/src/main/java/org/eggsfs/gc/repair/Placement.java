package org.eggsfs.gc.repair;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.eggsfs.client.blocks.BlockChannel;
import org.eggsfs.client.blocks.WriteOp;
import org.eggsfs.client.span.FailureMemory;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.AddSpanAtLocationInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanAtLocationInitiateResponse;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;
import org.eggsfs.protocol.shard.SwapBlocksRequest;
import org.eggsfs.protocol.struct.AddSpanInitiateBlockInfo;
import org.eggsfs.protocol.struct.AddSpanInitiateRequestBody;
import org.eggsfs.protocol.struct.AddSpanInitiateWithReferenceRequestBody;
import org.eggsfs.protocol.struct.BlacklistEntry;
import org.eggsfs.protocol.struct.BlockProof;

/**
 * Brings one replacement block into a file: into a scratch file first (initiate, write, certify),
 * then the shard exchanges it with the old one (gc.md section 6). Thread-safe.
 *
 * <p>The new block may go to any failure domain that the other blocks of the span do not use, the
 * old one's included: with exactly D + P domains alive another disk of the same server must do. The
 * old block's own disk is avoided, unless nothing else is left and the disk is healthy.
 */
final class Placement {
  private static final int ATTEMPTS_MAX = 5;

  private static final System.Logger LOG = System.getLogger(Placement.class.getName());

  private final ShardCaller shards;
  private final BlockChannel channel;
  private final Disks disks;
  private final RepairCounters counters;
  private final FailureMemory<Long> failedServices = new FailureMemory<>();

  Placement(ShardCaller shards, BlockChannel channel, Disks disks, RepairCounters counters) {
    this.shards = shards;
    this.channel = channel;
    this.disks = disks;
    this.counters = counters;
  }

  /** The new block in a file. */
  record Placed(long blockId, long serviceId) {}

  /**
   * Replaces a block.
   *
   * @param services of all blocks of the copy, as they are now
   * @param leaves whether the block must leave its disk; else that disk may take it again
   * @param avoided other block services that must not take it
   * @throws SpanChangedException if somebody else has changed the span
   */
  Placed replace(
      ScratchFile scratch,
      StoredBlock old,
      int storageClass,
      long[] services,
      boolean leaves,
      Collection<Long> avoided,
      ByteBuffer bytes)
      throws EggsException, IOException {
    boolean good = false;
    try {
      Set<Long> failed = new LinkedHashSet<>();
      for (int attempt = 1; ; attempt++) {
        scratch.open();
        long offset = scratch.size();
        AddSpanInitiateBlockInfo place;
        try {
          place = initiate(scratch, old, storageClass, services, leaves, failed, avoided);
        } catch (EggsException e) {
          // It was idle beyond its deadline, or is gone already.
          if (e.code() != ErrorCode.FILE_NOT_FOUND) {
            throw e;
          }
          if (attempt == ATTEMPTS_MAX) {
            throw scratchGone(e);
          }
          scratch.scrap();
          continue;
        }
        WriteOp write = write(place, old, bytes);
        if (write.failure() == null) {
          certify(scratch, offset, new BlockProof(place.blockId(), write.proof()));
          scratch.appended(old.size());
          swap(scratch, old, place, offset);
          good = true;
          return new Placed(place.blockId(), place.blockServiceId());
        }
        writeFailed(place, write.failure(), failed);
        scratch.scrap();
        if (attempt == ATTEMPTS_MAX) {
          throw new IOException(
              "no block service took the replacement, in " + ATTEMPTS_MAX + " attempts",
              write.failure());
        }
      }
    } catch (SpanChangedException e) {
      // A refused exchange leaves the scratch file as it should be.
      good = true;
      throw e;
    } finally {
      if (!good) {
        scratch.scrap();
      }
    }
  }

  private void certify(ScratchFile scratch, long offset, BlockProof proof)
      throws EggsException, IOException {
    try {
      shards.shard(
          scratch.shard(),
          new AddSpanCertifyRequest(scratch.id(), scratch.cookie(), offset, List.of(proof)));
    } catch (EggsException e) {
      if (e.code() == ErrorCode.FILE_NOT_FOUND) {
        throw scratchGone(e);
      }
      throw e;
    }
  }

  /**
   * For callers FILE_NOT_FOUND means that the file which is repaired is gone, which is no error.
   */
  private static IOException scratchGone(EggsException cause) {
    return new IOException("the scratch file is gone: " + cause.getMessage(), cause);
  }

  private void swap(
      ScratchFile scratch, StoredBlock old, AddSpanInitiateBlockInfo place, long offset)
      throws EggsException, IOException {
    try {
      shards.shard(
          scratch.shard(),
          new SwapBlocksRequest(
              old.file(), old.spanOffset(), old.blockId(), scratch.id(), offset, place.blockId()));
    } catch (EggsException e) {
      switch (e.code()) {
        case BLOCK_NOT_FOUND,
            SPAN_NOT_FOUND,
            SWAP_BLOCKS_DUPLICATE_BLOCK_SERVICE,
            SWAP_BLOCKS_DUPLICATE_FAILURE_DOMAIN,
            SWAP_BLOCKS_MISMATCHING_STATE ->
            throw new SpanChangedException(old, e);
        default -> throw e;
      }
    }
  }

  /** The span is not any more what it was when it was read. */
  static final class SpanChangedException extends IOException {
    private static final long serialVersionUID = 1;

    SpanChangedException(StoredBlock old, EggsException cause) {
      super(
          "the span at " + old.spanOffset() + " changes all the time: " + cause.getMessage(),
          cause);
    }
  }

  private void writeFailed(AddSpanInitiateBlockInfo place, Exception failure, Set<Long> failed) {
    counters.failedWrites.increment();
    failed.add(place.blockServiceId());
    failedServices.add(place.blockServiceId(), System.nanoTime());
    LOG.log(
        System.Logger.Level.WARNING,
        "block service {0} did not take a replacement block: {1}",
        Long.toHexString(place.blockServiceId()),
        failure.toString());
  }

  /** Waits also when interrupted: the memory is free only when the operation has ended. */
  private WriteOp write(AddSpanInitiateBlockInfo place, StoredBlock old, ByteBuffer bytes)
      throws InterruptedIOException {
    CountDownLatch done = new CountDownLatch(1);
    WriteOp op =
        new WriteOp(
            place.blockServiceAddrs(),
            place.blockServiceId(),
            place.blockId(),
            old.crc(),
            place.certificate(),
            new ByteBuffer[] {bytes},
            finished -> done.countDown());
    channel.submit(op);
    InterruptedException interrupted = null;
    while (true) {
      try {
        done.await();
        break;
      } catch (InterruptedException e) {
        interrupted = e;
        channel.cancel(op);
      }
    }
    if (interrupted != null) {
      throw Interrupts.whileDoing("writing a block", interrupted);
    }
    return op;
  }

  private AddSpanInitiateBlockInfo initiate(
      ScratchFile scratch,
      StoredBlock old,
      int storageClass,
      long[] services,
      boolean leaves,
      Set<Long> failed,
      Collection<Long> avoided)
      throws EggsException, IOException {
    List<BlacklistEntry> others = new ArrayList<>();
    for (int i = 0; i < services.length; i++) {
      if (i != old.index()) {
        others.add(new BlacklistEntry(disks.get(services[i]).domain(), services[i]));
      }
    }
    BlacklistEntry own = new BlacklistEntry(Blacklist.NO_DOMAIN, old.service().id());
    Set<Long> failedLately = new LinkedHashSet<>(failed);
    failedLately.addAll(failedServices.present(System.nanoTime()));
    try {
      return initiate(scratch, old, storageClass, blacklist(others, own, failedLately, avoided));
    } catch (EggsException e) {
      if (e.code() != ErrorCode.COULD_NOT_PICK_BLOCK_SERVICES) {
        throw e;
      }
      // What failed for others a while ago is better than nothing, and so is the same disk.
      boolean again = !leaves && disks.get(old.service().id()).isWritable();
      if (failedLately.equals(failed) && !again) {
        throw e;
      }
      return initiate(
          scratch, old, storageClass, blacklist(others, again ? null : own, failed, avoided));
    }
  }

  private List<BlacklistEntry> blacklist(
      List<BlacklistEntry> others,
      BlacklistEntry own,
      Collection<Long> failed,
      Collection<Long> avoided)
      throws EggsException, IOException {
    List<BlacklistEntry> blacklist = new ArrayList<>(others);
    if (own != null) {
      blacklist.add(own);
    }
    blacklist.addAll(Blacklist.of(failed, avoided, disks.known()));
    return blacklist;
  }

  private AddSpanInitiateBlockInfo initiate(
      ScratchFile scratch, StoredBlock old, int storageClass, List<BlacklistEntry> blacklist)
      throws EggsException, IOException {
    AddSpanInitiateRequestBody span =
        new AddSpanInitiateRequestBody(
            scratch.id(),
            scratch.cookie(),
            scratch.size(),
            old.size(),
            old.crc(),
            storageClass,
            blacklist,
            Parity.of(1, 0),
            1,
            old.size(),
            new int[] {old.crc()});
    AddSpanAtLocationInitiateResponse response =
        shards.shard(
            InodeIds.shard(scratch.id()),
            new AddSpanAtLocationInitiateRequest(
                old.locationId(), new AddSpanInitiateWithReferenceRequestBody(span, old.file())));
    List<AddSpanInitiateBlockInfo> places = response.resp().blocks();
    if (places.size() != 1) {
      throw new EggsException(
          ErrorCode.MALFORMED_RESPONSE, places.size() + " places for one block");
    }
    return places.getFirst();
  }
}
