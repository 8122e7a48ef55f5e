package org.eggsfs.client.span;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.eggsfs.client.blocks.BlockChannel;
import org.eggsfs.client.blocks.WriteOp;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateResponse;
import org.eggsfs.protocol.shard.AddSpanInitiateWithReferenceRequest;
import org.eggsfs.protocol.shard.AddSpanInitiateWithReferenceResponse;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.MoveSpanRequest;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.struct.AddSpanInitiateBlockInfo;
import org.eggsfs.protocol.struct.AddSpanInitiateRequestBody;
import org.eggsfs.protocol.struct.BlacklistEntry;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.protocol.struct.FailureDomain;

/**
 * Brings one encoded span into the cluster: initiate, write all blocks at the same time, collect
 * the proofs (client.md section 7). Certifying is the caller's, because it happens in file order.
 *
 * <p>When blocks fail, the others are waited for, all failed domains are blacklisted in one go, and
 * the whole span is written again elsewhere: blocks of the failed attempt cannot be used, as their
 * ids are bound to services. Failed domains are remembered for a minute and avoided from the start.
 * When so many fail at once that there is no elsewhere, or too few places are left, it waits for
 * them to come back.
 *
 * <p>Thread-safe; calls block.
 */
public final class SpanUploader {
  private static final int ATTEMPTS_MAX = 6;

  /**
   * Spans survive the loss of so many servers. Where more fail at once, it is the room or the
   * network: going elsewhere does not help, waiting does.
   */
  private static final int LOST_MAX = 4;

  /** A blacklist of all domains of a large cluster would not fit into a packet. */
  private static final int BLACKLIST_MAX = 24;

  private static final long STRAGGLER_LOOK_MILLIS = 250;

  /**
   * How long places are waited for unless told otherwise. Where a cluster has hardly more failure
   * domains than a span has blocks, giving up one disk leaves too few until shards hear of the
   * domain's other disks, at their next look at the shuckle; and what has failed may be back in a
   * moment.
   */
  public static final long PLACES_NANOS_MAX = TimeUnit.SECONDS.toNanos(35);

  private static final long PLACES_PAUSE_MILLIS_MIN = 50;
  private static final long PLACES_PAUSE_MILLIS_MAX = 1_000;

  /** A block that takes this much longer than the median, and long at all, counts as failed. */
  private static final int STRAGGLER_FACTOR = 3;

  private static final long STRAGGLER_NANOS_MIN = TimeUnit.SECONDS.toNanos(5);
  private static final byte[] SCRATCH_NOTE =
      "bad_add_span_attempt".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] HELPER_NOTE = "span_helper".getBytes(StandardCharsets.US_ASCII);
  private static final Logger LOG = System.getLogger(SpanUploader.class.getName());

  /** A file under construction and the cookie that allows to change it. */
  public record TransientFile(long id, long cookie) {}

  private final ShardCaller shards;
  private final BlockChannel blocks;
  private final long placesNanosMax;
  private final FailureMemory<FailureDomain> failedDomains = new FailureMemory<>();
  private final LongAdder spanRetries = new LongAdder();

  /** An uploader over these channels. */
  public SpanUploader(ShardCaller shards, BlockChannel blocks) {
    this(shards, blocks, PLACES_NANOS_MAX);
  }

  /**
   * An uploader over these channels.
   *
   * @param placesNanosMax how long places are waited for while too few servers can be written to
   */
  public SpanUploader(ShardCaller shards, BlockChannel blocks, long placesNanosMax) {
    this.placesNanosMax = placesNanosMax;
    this.shards = shards;
    this.blocks = blocks;
  }

  /** How often a span had to be written again. */
  public long spanRetries() {
    return spanRetries.sum();
  }

  /** Told when a span has its place in the file, before its blocks are written. */
  public interface Initiated {
    /** Runs once or more often. */
    void run();
  }

  /** A span whose blocks are durable, in the file it now belongs to. */
  public record Uploaded(TransientFile holder, List<BlockProof> proofs) {}

  /** Writes a span at the end of the file itself. */
  public Uploaded upload(TransientFile file, long offset, EncodedSpan span, Initiated initiated)
      throws EggsException, IOException {
    return upload(file, offset, file.id, span, initiated);
  }

  /**
   * The same where the blocks are to go where another file has its blocks, as far as possible.
   *
   * @param reference that file, in the same shard
   */
  public Uploaded upload(
      TransientFile file, long offset, long reference, EncodedSpan span, Initiated initiated)
      throws EggsException, IOException {
    Attempts attempts = new Attempts();
    while (true) {
      List<AddSpanInitiateBlockInfo> places = initiate(file, offset, reference, span, attempts);
      initiated.run();
      List<BlockProof> proofs = writeBlocks(places, span, attempts);
      if (proofs != null) {
        return new Uploaded(file, proofs);
      }
      attempts.retryOrGiveUp(span.layout().blocks());
      // A repeated initiate would get the same blocks again, so the span has to leave first.
      TransientFile scratch = construct(InodeIds.shard(file.id), SCRATCH_NOTE);
      try {
        move(span.size(), file, offset, scratch, 0);
      } finally {
        scrap(scratch);
      }
    }
  }

  /**
   * Writes a span into a helper file, from where {@link #move} brings it to its place.
   *
   * @param idle a helper that has served before, or null. Nothing prolongs it while it is idle, so
   *     it may have expired: then it is replaced
   */
  public Uploaded uploadToHelper(TransientFile reference, TransientFile idle, EncodedSpan span)
      throws EggsException, IOException {
    Attempts attempts = new Attempts();
    TransientFile helper = idle;
    boolean mayHaveExpired = idle != null;
    while (true) {
      if (helper == null) {
        helper = constructHelper(InodeIds.shard(reference.id));
      }
      boolean good = false;
      boolean expired = false;
      try {
        List<AddSpanInitiateBlockInfo> places = initiate(helper, 0, reference.id, span, attempts);
        List<BlockProof> proofs = writeBlocks(places, span, attempts);
        if (proofs != null) {
          good = true;
          return new Uploaded(helper, proofs);
        }
      } catch (EggsException e) {
        expired = mayHaveExpired && e.code() == ErrorCode.FILE_NOT_FOUND;
        if (!expired) {
          throw e;
        }
      } finally {
        if (!good) {
          scrap(helper);
        }
      }
      helper = null;
      mayHaveExpired = false;
      if (!expired) {
        attempts.retryOrGiveUp(span.layout().blocks());
      }
    }
  }

  /** The attempts to write one span, and what they have taught. */
  private final class Attempts {
    private final long startNanos = System.nanoTime();
    private final Set<FailureDomain> failed = new LinkedHashSet<>();
    private final Set<FailureDomain> failedNow = new LinkedHashSet<>();
    private int count;
    private long pauseMillis = PLACES_PAUSE_MILLIS_MIN;

    private boolean hasTime() {
      return System.nanoTime() - startNanos <= placesNanosMax;
    }

    private void pause() throws InterruptedIOException {
      try {
        Thread.sleep(pauseMillis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw (InterruptedIOException)
            new InterruptedIOException("interrupted while waiting for places").initCause(e);
      }
      pauseMillis = Math.min(PLACES_PAUSE_MILLIS_MAX, 2 * pauseMillis);
    }

    /** After some of so many blocks have failed. */
    void retryOrGiveUp(int blocks) throws IOException {
      boolean common = failedNow.size() > LOST_MAX || failedNow.size() == blocks;
      boolean outage = common && hasTime();
      failed.addAll(failedNow);
      failedNow.clear();
      if (!outage && ++count == ATTEMPTS_MAX) {
        throw new IOException(
            "could not write a span in " + ATTEMPTS_MAX + " attempts; failed: " + names(failed));
      }
      spanRetries.increment();
      if (outage) {
        LOG.log(Level.DEBUG, "too many servers failed at once to go elsewhere");
        pause();
        failed.clear();
      }
    }

    /** Whether to ask again, a moment later, when there were no places. */
    boolean awaitPlaces() throws InterruptedIOException {
      if (!hasTime()) {
        return false;
      }
      LOG.log(Level.DEBUG, "no places for all blocks of a span now");
      pause();
      failed.clear();
      return true;
    }
  }

  private static String names(Set<FailureDomain> domains) {
    List<String> names = new ArrayList<>();
    for (FailureDomain domain : domains) {
      names.add(new String(domain.name(), StandardCharsets.ISO_8859_1).replace("\0", ""));
    }
    return names.toString();
  }

  private List<AddSpanInitiateBlockInfo> initiate(
      TransientFile file, long offset, long reference, EncodedSpan span, Attempts attempts)
      throws EggsException, IOException {
    while (true) {
      try {
        return initiateOnce(file, offset, reference, span, attempts.failed);
      } catch (EggsException e) {
        if (e.code() != ErrorCode.COULD_NOT_PICK_BLOCK_SERVICES || !attempts.awaitPlaces()) {
          throw e;
        }
      }
    }
  }

  private List<AddSpanInitiateBlockInfo> initiateOnce(
      TransientFile file, long offset, long reference, EncodedSpan span, Set<FailureDomain> failed)
      throws EggsException, IOException {
    Set<FailureDomain> avoided = new LinkedHashSet<>(failed);
    avoided.addAll(failedDomains.present(System.nanoTime()));
    try {
      return initiateAvoiding(file, offset, reference, span, avoided);
    } catch (EggsException e) {
      if (e.code() != ErrorCode.COULD_NOT_PICK_BLOCK_SERVICES || avoided.equals(failed)) {
        throw e;
      }
      // What failed for others a while ago is better than nothing.
      return initiateAvoiding(file, offset, reference, span, failed);
    }
  }

  private List<AddSpanInitiateBlockInfo> initiateAvoiding(
      TransientFile file, long offset, long reference, EncodedSpan span, Set<FailureDomain> avoided)
      throws EggsException, IOException {
    List<BlacklistEntry> blacklist =
        avoided.stream().limit(BLACKLIST_MAX).map(d -> new BlacklistEntry(d, 0)).toList();
    int shard = InodeIds.shard(file.id);
    if (reference == file.id) {
      AddSpanInitiateResponse response =
          shards.shard(
              shard,
              new AddSpanInitiateRequest(
                  file.id,
                  file.cookie,
                  offset,
                  span.size(),
                  span.crc(),
                  span.layout().storageClass(),
                  blacklist,
                  span.layout().parity(),
                  span.layout().stripes(),
                  span.layout().cellSize(),
                  span.cellCrcs()));
      return checked(response.blocks(), span);
    }
    AddSpanInitiateWithReferenceResponse response =
        shards.shard(
            shard,
            new AddSpanInitiateWithReferenceRequest(
                new AddSpanInitiateRequestBody(
                    file.id,
                    file.cookie,
                    offset,
                    span.size(),
                    span.crc(),
                    span.layout().storageClass(),
                    blacklist,
                    span.layout().parity(),
                    span.layout().stripes(),
                    span.layout().cellSize(),
                    span.cellCrcs()),
                reference));
    return checked(response.resp().blocks(), span);
  }

  private static List<AddSpanInitiateBlockInfo> checked(
      List<AddSpanInitiateBlockInfo> places, EncodedSpan span) throws EggsException {
    if (places.size() != span.layout().blocks()) {
      throw new EggsException(
          ErrorCode.MALFORMED_RESPONSE,
          "places for " + places.size() + " of " + span.layout().blocks() + " blocks");
    }
    return places;
  }

  /** The proofs, or null when blocks failed, whose domains the attempts are told. */
  private List<BlockProof> writeBlocks(
      List<AddSpanInitiateBlockInfo> places, EncodedSpan span, Attempts attempts)
      throws IOException {
    CountDownLatch done = new CountDownLatch(places.size());
    WriteOp[] ops = new WriteOp[places.size()];
    long startNanos = System.nanoTime();
    for (int b = 0; b < ops.length; b++) {
      AddSpanInitiateBlockInfo place = places.get(b);
      ops[b] =
          new WriteOp(
              place.blockServiceAddrs(),
              place.blockServiceId(),
              place.blockId(),
              span.blockCrc(b),
              place.certificate(),
              span.block(b),
              op -> done.countDown());
    }
    blocks.submitAll(List.of(ops));
    awaitAll(ops, done, startNanos);
    List<BlockProof> proofs = new ArrayList<>(ops.length);
    boolean good = true;
    for (int b = 0; b < ops.length; b++) {
      if (ops[b].failure() == null) {
        proofs.add(new BlockProof(places.get(b).blockId(), ops[b].proof()));
      } else {
        good = false;
        FailureDomain domain = places.get(b).blockServiceFailureDomain();
        attempts.failedNow.add(domain);
        failedDomains.add(domain, System.nanoTime());
        LOG.log(
            Level.WARNING,
            "write of block {0} to {1} failed: {2}",
            Long.toHexString(places.get(b).blockId()),
            names(Set.of(domain)),
            ops[b].failure().toString());
      }
    }
    return good ? proofs : null;
  }

  /** Until every operation has let go of the span's memory; interrupts end the slow ones. */
  private void awaitAll(WriteOp[] ops, CountDownLatch done, long startNanos)
      throws InterruptedIOException {
    boolean interrupted = false;
    while (true) {
      try {
        if (done.await(STRAGGLER_LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
          break;
        }
        cancelStragglers(ops, startNanos);
      } catch (InterruptedException e) {
        interrupted = true;
        for (WriteOp op : ops) {
          if (!op.isDone()) {
            blocks.cancel(op);
          }
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while writing blocks");
    }
  }

  private void cancelStragglers(WriteOp[] ops, long startNanos) {
    long elapsed = System.nanoTime() - startNanos;
    long[] latencies =
        Arrays.stream(ops)
            .filter(WriteOp::isDone)
            .mapToLong(WriteOp::latencyNanos)
            .sorted()
            .toArray();
    if (elapsed < STRAGGLER_NANOS_MIN || latencies.length <= ops.length / 2) {
      return;
    }
    long median = latencies[latencies.length / 2];
    if (elapsed > STRAGGLER_FACTOR * median) {
      for (WriteOp op : ops) {
        if (!op.isDone()) {
          blocks.cancel(op);
        }
      }
    }
  }

  /** Tells the shard that all blocks of the file's last span are durable. */
  public void certify(TransientFile file, long offset, List<BlockProof> proofs)
      throws EggsException, IOException {
    shards.shard(
        InodeIds.shard(file.id), new AddSpanCertifyRequest(file.id, file.cookie, offset, proofs));
  }

  /** Moves the dirty last span of one file to the end of another. */
  public void move(long size, TransientFile from, long fromOffset, TransientFile to, long toOffset)
      throws EggsException, IOException {
    shards.shard(
        InodeIds.shard(from.id),
        new MoveSpanRequest(size, from.id, fromOffset, from.cookie, to.id, toOffset, to.cookie));
  }

  /** A new file that spans are written into before they are moved. */
  public TransientFile constructHelper(int shard) throws EggsException, IOException {
    return construct(shard, HELPER_NOTE);
  }

  private TransientFile construct(int shard, byte[] note) throws EggsException, IOException {
    ConstructFileResponse response =
        shards.shard(shard, new ConstructFileRequest(InodeType.FILE, note));
    return new TransientFile(response.id(), response.cookie());
  }

  /** Brings the end of an abandoned file forward; the collector finds it later if this fails. */
  public void scrap(TransientFile file) {
    try {
      shards.shard(InodeIds.shard(file.id), new ScrapTransientFileRequest(file.id, file.cookie));
    } catch (EggsException | IOException e) {
      LOG.log(Level.DEBUG, "could not scrap an abandoned file", e);
    }
  }
}
