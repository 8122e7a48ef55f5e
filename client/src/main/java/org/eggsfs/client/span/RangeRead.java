package org.eggsfs.client.span;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import org.eggsfs.client.blocks.BlockOp;
import org.eggsfs.client.blocks.FetchOp;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.Parity;
import org.eggsfs.core.ReedSolomon;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.FetchedBlock;

/**
 * One read of a range of a span; used once, by one thread.
 *
 * <p>First the needed pages of the needed data blocks are fetched, one fetch per block over all
 * stripes, all at the same time, into their natural places in the window. When a block fails or is
 * slow, the read changes to recovery: one range of pages, the hull of all that is needed, is
 * fetched from any D blocks, parity into memory of its own, and what is missing is computed.
 * Mirrored spans are the case in which one block is enough.
 *
 * <p>When everything is there, complete blocks and complete stripes are verified against their
 * CRCs, which are combined from those of the pages. A block that is intact but is not what it
 * should be (misplaced, stale) is found by its block CRC, by asking its server, or at last by
 * trying combinations of blocks until the stripes fit; it is reported and replaced like a failed
 * one. Of a stripe that the range covers partly there is no CRC to hold against its bytes: what was
 * fetched has matched that of its page, what was computed is as right as the blocks it was computed
 * of.
 */
final class RangeRead {
  private static final int PAGE = SpanLayout.PAGE;

  /** A look around even without news, in case a wake-up and a park cross. */
  private static final long PARK_NANOS_MAX = 50_000_000;

  /** Rounds of replacing blocks; each removes at least one block. */
  private static final int ROUNDS_MAX = 64;

  private enum Status {
    IDLE,
    FLYING,
    HAVE,
    FAILED
  }

  /** A block's part in this read. */
  private static final class Part {
    Status status = Status.IDLE;
    FetchOp op;

    /** Pages of the block that are fetched or being fetched, in bytes. */
    int from;

    int to;

    /** Where the pages are: the window for data, own memory for parity. */
    BufferPool.Lease own;

    int[] pageCrcs;
    boolean recovered;

    /** Left out because its service failed lately; comes back when nothing else is left. */
    boolean avoided;
  }

  private final SpanReader reader;
  private final long fileId;
  private final Span span;
  private final SpanLayout layout;
  private final int from;
  private final int to;
  private final BufferPool.Lease lease;
  private final int dataBlocks;
  private final int cellSize;
  private final int firstStripe;
  private final int stripeCount;
  private final Part[] parts;
  private final int[] order;
  private final Thread waiter = Thread.currentThread();
  private int hullFrom = Integer.MAX_VALUE;
  private int hullTo;
  private boolean recovering;

  /** Whether combinations of blocks have been tried. */
  private boolean puzzled;

  private IOException lastFailure;

  RangeRead(SpanReader reader, long fileId, Span span, int from, int to, BufferPool.Lease lease) {
    this.reader = reader;
    this.fileId = fileId;
    this.span = span;
    this.layout = span.layout();
    this.from = from;
    this.to = to;
    this.lease = lease;
    this.dataBlocks = layout.dataBlocks();
    this.cellSize = (int) layout.cellSize();
    int stripeSize = (int) layout.stripeSize();
    this.firstStripe = from / stripeSize;
    this.stripeCount = (to - 1) / stripeSize - firstStripe + 1;
    this.parts = new Part[layout.blocks()];
    for (int b = 0; b < parts.length; b++) {
      parts[b] = new Part();
    }
    this.order = blockOrder();
  }

  /** Data before parity; of mirrors any first, which spreads the load. */
  private int[] blockOrder() {
    List<Integer> blocks = new ArrayList<>();
    for (int b = 0; b < layout.blocks(); b++) {
      blocks.add(b);
    }
    if (dataBlocks == 1) {
      Collections.shuffle(blocks, ThreadLocalRandom.current());
    }
    return blocks.stream().mapToInt(Integer::intValue).toArray();
  }

  Window run() throws IOException {
    try {
      excludeUnreadable();
      for (int d = 0; d < dataBlocks; d++) {
        int needFrom = needFrom(d);
        int needTo = needTo(d);
        if (needFrom < needTo) {
          hullFrom = Math.min(hullFrom, needFrom);
          hullTo = Math.max(hullTo, needTo);
        }
      }
      if (dataBlocks == 1) {
        // Which mirror is read is a choice, not a recovery.
        recovering = true;
      } else {
        launchNeeded();
      }
      for (int round = 0; round < ROUNDS_MAX; round++) {
        gather();
        if (verify()) {
          return new Window(lease, firstStripe * (int) layout.stripeSize(), from, to);
        }
      }
      throw new IOException("blocks of the span at " + span.offset() + " contradict each other");
    } finally {
      letGo();
    }
  }

  /** First byte, in the block, of what is needed of a data block. */
  private int needFrom(int d) {
    int stripeSize = (int) layout.stripeSize();
    int inStripe = from - firstStripe * stripeSize;
    int firstCell = inStripe / cellSize;
    int base = firstStripe * cellSize;
    if (d < firstCell) {
      return base + cellSize;
    }
    return d == firstCell ? base + inStripe % cellSize / PAGE * PAGE : base;
  }

  /** Behind the last byte, in the block, of what is needed of a data block. */
  private int needTo(int d) {
    int stripeSize = (int) layout.stripeSize();
    int lastStripe = (to - 1) / stripeSize;
    int inStripe = to - 1 - lastStripe * stripeSize;
    int lastCell = inStripe / cellSize;
    int base = lastStripe * cellSize;
    if (d > lastCell) {
      return base;
    }
    return d == lastCell ? base + (inStripe % cellSize / PAGE + 1) * PAGE : base + cellSize;
  }

  private boolean isNeeded(int b) {
    return b < dataBlocks && needFrom(b) < needTo(b);
  }

  private void excludeUnreadable() {
    int good = 0;
    for (int b = 0; b < parts.length; b++) {
      if (reader.isReadable(span.service(b))) {
        good++;
      } else {
        parts[b].status = Status.FAILED;
      }
    }
    for (int b = 0; b < parts.length && good > dataBlocks; b++) {
      // Recently failed services are left alone while there are enough others.
      if (parts[b].status == Status.IDLE && reader.isSuspect(span.service(b))) {
        parts[b].status = Status.FAILED;
        parts[b].avoided = true;
        good--;
      }
    }
  }

  private void launchNeeded() {
    for (int d = 0; d < dataBlocks; d++) {
      if (isNeeded(d)) {
        if (parts[d].status == Status.FAILED) {
          recovering = true;
        } else {
          launch(d, needFrom(d), needTo(d));
        }
      }
    }
  }

  private void launch(int b, int partFrom, int partTo) {
    Part part = parts[b];
    part.from = partFrom;
    part.to = partTo;
    part.recovered = false;
    if (part.pageCrcs == null) {
      part.pageCrcs = new int[stripeCount * (cellSize / PAGE)];
    }
    ByteBuffer memory;
    int base;
    int stride;
    if (b < dataBlocks && dataBlocks > 1) {
      memory = lease.buffer();
      base = b * cellSize;
      stride = dataBlocks * cellSize;
    } else {
      if (part.own == null) {
        // Cannot wait: this read already holds memory. Bounded by P/D of what reads hold.
        part.own = reader.pool().acquireOverdraft((long) stripeCount * cellSize);
      }
      memory = part.own.buffer();
      base = 0;
      stride = cellSize;
    }
    FetchedBlock block = span.block(b);
    BlockService service = span.service(b);
    part.op =
        new FetchOp(
            service.addrs(),
            service.id(),
            fileId,
            block.blockId(),
            block.crc(),
            partFrom,
            partTo - partFrom,
            new FetchOp.Target(memory, base, firstStripe, cellSize, stride, part.pageCrcs),
            this::completed);
    reader.blocks().submit(part.op);
    part.status = Status.FLYING;
  }

  private void completed(BlockOp op) {
    LockSupport.unpark(waiter);
  }

  /** Until every needed data block is there, fetched or recovered. */
  private void gather() throws IOException {
    while (true) {
      collect();
      if (allNeededHere()) {
        return;
      }
      if (recovering) {
        launchForRecovery();
        if (countCovering(true) >= dataBlocks) {
          recover();
          return;
        }
      }
      await();
    }
  }

  private void collect() {
    for (int b = 0; b < parts.length; b++) {
      Part part = parts[b];
      if (part.status == Status.FLYING && part.op.isDone()) {
        Exception failure = part.op.failure();
        if (failure == null) {
          part.status = Status.HAVE;
          reader.latency().record(layout.storageClass(), part.op.count(), part.op.latencyNanos());
        } else {
          reader.failed(span.service(b), span.block(b).blockId(), failure);
          lastFailure =
              new IOException(
                  "block " + b + " of the span at " + span.offset() + ": " + failure, failure);
          part.status = Status.FAILED;
          recovering = true;
        }
      }
    }
  }

  private boolean allNeededHere() {
    if (dataBlocks == 1) {
      return false;
    }
    for (int d = 0; d < dataBlocks; d++) {
      if (isNeeded(d) && parts[d].status != Status.HAVE) {
        return false;
      }
    }
    return true;
  }

  private boolean covers(Part part) {
    return part.from <= hullFrom && part.to >= hullTo;
  }

  /** Blocks that are here, or on their way too, with the whole hull. */
  private int countCovering(boolean hereOnly) {
    int count = 0;
    for (Part part : parts) {
      if (covers(part)
          && (part.status == Status.HAVE || (!hereOnly && part.status == Status.FLYING))
          && !isSlow(part)) {
        count++;
      }
    }
    return count;
  }

  private boolean isSlow(Part part) {
    return part.status == Status.FLYING
        && System.nanoTime() - part.op.submittedNanos()
            >= reader.latency().hedgeNanos(layout.storageClass(), part.op.count());
  }

  /**
   * Puts enough fetches of the whole hull on their way, counting out what is slow. Where too many
   * blocks are lost for that, the needed ones are all there is, as long as none of them has failed.
   */
  private void launchForRecovery() throws IOException {
    int possible = countPossible();
    if (possible < dataBlocks && readmitAvoided()) {
      possible = countPossible();
    }
    if (possible < dataBlocks) {
      awaitOnlyNeeded(possible);
      return;
    }
    for (int b : order) {
      Part part = parts[b];
      if (countCovering(false) >= dataBlocks) {
        return;
      }
      if (part.status == Status.IDLE || (part.status == Status.HAVE && !covers(part))) {
        launch(b, hullFrom, hullTo);
      } else if (part.status == Status.FLYING && !covers(part)) {
        part.op.cancel();
        launch(b, hullFrom, hullTo);
      }
    }
  }

  private int countPossible() {
    int possible = 0;
    for (Part part : parts) {
      possible += part.status == Status.FAILED ? 0 : 1;
    }
    return possible;
  }

  private void awaitOnlyNeeded(int possible) throws IOException {
    for (int d = 0; d < dataBlocks; d++) {
      if (!isNeeded(d)) {
        continue;
      }
      if (dataBlocks == 1 || parts[d].status == Status.FAILED) {
        throw new IOException(
            "only "
                + possible
                + " of the "
                + dataBlocks
                + " blocks needed for the span at "
                + span.offset()
                + " can be read",
            lastFailure);
      }
      if (parts[d].status == Status.IDLE) {
        launch(d, needFrom(d), needTo(d));
      }
    }
  }

  private boolean readmitAvoided() {
    boolean readmitted = false;
    for (Part part : parts) {
      if (part.avoided) {
        part.avoided = false;
        part.status = Status.IDLE;
        readmitted = true;
      }
    }
    return readmitted;
  }

  private void await() throws InterruptedIOException {
    long wait = PARK_NANOS_MAX;
    long now = System.nanoTime();
    boolean flying = false;
    for (Part part : parts) {
      if (part.status == Status.FLYING) {
        if (part.op.isDone()) {
          return;
        }
        flying = true;
        long hedgeIn =
            part.op.submittedNanos()
                + reader.latency().hedgeNanos(layout.storageClass(), part.op.count())
                - now;
        if (hedgeIn > 0) {
          wait = Math.min(wait, hedgeIn);
        } else if (!recovering) {
          reader.counters().hedgesFired.increment();
          recovering = true;
          return;
        }
      }
    }
    if (!flying) {
      return;
    }
    LockSupport.parkNanos(this, wait);
    if (Thread.interrupted()) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while reading blocks");
    }
  }

  /** Computes the needed data blocks that are not here over the hull. */
  private void recover() {
    int[] have = new int[dataBlocks];
    int n = 0;
    for (int b = 0; b < parts.length && n < dataBlocks; b++) {
      if (parts[b].status == Status.HAVE && covers(parts[b])) {
        have[n++] = b;
      }
    }
    List<Integer> missing = new ArrayList<>();
    for (int d = 0; d < dataBlocks; d++) {
      if (isNeeded(d) && (parts[d].status != Status.HAVE || dataBlocks == 1)) {
        if (parts[d].status == Status.FLYING) {
          // From here on its late pages cannot get into the window.
          parts[d].op.cancel();
          parts[d].status = Status.IDLE;
        }
        missing.add(d);
      }
    }
    if (dataBlocks > 1) {
      reader.counters().recoveries.increment();
    }
    int[] want = missing.stream().mapToInt(Integer::intValue).toArray();
    for (int stripe = firstStripe; stripe < firstStripe + stripeCount; stripe++) {
      int cellFrom = Math.max(hullFrom, stripe * cellSize) - stripe * cellSize;
      int cellTo = Math.min(hullTo, (stripe + 1) * cellSize) - stripe * cellSize;
      if (cellFrom < cellTo) {
        combine(stripe, cellFrom, cellTo, have, want);
      }
    }
    for (int d : want) {
      Part part = parts[d];
      if (part.pageCrcs == null) {
        part.pageCrcs = new int[stripeCount * (cellSize / PAGE)];
      }
      if (dataBlocks == 1) {
        System.arraycopy(parts[have[0]].pageCrcs, 0, part.pageCrcs, 0, part.pageCrcs.length);
      } else {
        computePageCrcs(d, part);
      }
      part.recovered = true;
    }
  }

  private void combine(int stripe, int cellFrom, int cellTo, int[] have, int[] want) {
    int length = cellTo - cellFrom;
    if (dataBlocks == 1) {
      MemorySegment.copy(
          memory(have[0], true),
          index(have[0], stripe, true) + cellFrom,
          lease.segment(),
          index(0, stripe, false) + cellFrom,
          length);
      return;
    }
    MemorySegment[] haveCells = new MemorySegment[have.length];
    for (int i = 0; i < have.length; i++) {
      haveCells[i] =
          memory(have[i], false).asSlice(index(have[i], stripe, false) + cellFrom, length);
    }
    MemorySegment[] out = new MemorySegment[want.length];
    for (int i = 0; i < want.length; i++) {
      out[i] = lease.segment().asSlice(index(want[i], stripe, false) + cellFrom, length);
    }
    ReedSolomon.get(layout.parity()).recover(have, haveCells, want, out, length);
  }

  private MemorySegment memory(int b, boolean mirrored) {
    return mirrored || b >= dataBlocks ? parts[b].own.segment() : lease.segment();
  }

  private int index(int b, int stripe, boolean mirrored) {
    int inWindow = stripe - firstStripe;
    return mirrored || b >= dataBlocks
        ? inWindow * cellSize
        : (inWindow * dataBlocks + b) * cellSize;
  }

  private void computePageCrcs(int d, Part part) {
    ByteBuffer view = lease.buffer().duplicate();
    for (int at = hullFrom; at < hullTo; at += PAGE) {
      int stripe = at / cellSize;
      int index = index(d, stripe, false) + at % cellSize;
      view.limit(index + PAGE).position(index);
      part.pageCrcs[at / PAGE - firstStripe * (cellSize / PAGE)] = Crc32c.sum(0, view);
    }
  }

  /** Whether the window is right as far as can be told; if not, what is wrong was dropped. */
  private boolean verify() throws IOException {
    if (dropWrongBlocks()) {
      return false;
    }
    List<Integer> complete = new ArrayList<>();
    boolean good = true;
    for (int stripe = firstStripe; stripe < firstStripe + stripeCount; stripe++) {
      if (isComplete(stripe)) {
        complete.add(stripe);
        good &= stripeCrc(stripe) == span.stripeCrc(stripe);
      }
    }
    if (good) {
      return true;
    }
    if (dropBlocksThatTheirServersRefuse()) {
      return false;
    }
    // All of them, as it fetches everything again, wrong blocks of other stripes included.
    Set<Integer> wrong = new StripePuzzle(this).solve(complete);
    wrong.forEach(this::drop);
    boolean again = !wrong.isEmpty() || !puzzled;
    puzzled = true;
    if (again && countHere() >= dataBlocks) {
      // Stripes that the range covers partly are put together once more, without the wrong blocks.
      return false;
    }
    if (complete.size() == stripeCount) {
      return true;
    }
    if (readmitAvoided()) {
      return false;
    }
    throw new IOException(
        "too many wrong blocks in the span at "
            + span.offset()
            + ": only "
            + countHere()
            + " of the "
            + dataBlocks
            + " blocks needed for a part of a stripe are good",
        lastFailure);
  }

  private int countHere() {
    int count = 0;
    for (Part part : parts) {
      count += part.status == Status.HAVE ? 1 : 0;
    }
    return count;
  }

  /** Complete blocks must have the CRC that the span's metadata says. */
  private boolean dropWrongBlocks() {
    boolean dropped = false;
    for (int b = 0; b < parts.length; b++) {
      Part part = parts[b];
      if (part.status == Status.HAVE
          && part.from == 0
          && part.to == layout.blockSize()
          && PageCrcs.fold(part.pageCrcs, 0, part.pageCrcs.length) != span.block(b).crc()) {
        drop(b);
        dropped = true;
      }
    }
    return dropped;
  }

  private void drop(int b) {
    reader.wrongBlock(fileId, span.service(b), span.block(b).blockId());
    parts[b].status = Status.FAILED;
    recovering = true;
    lastFailure = new IOException("block " + b + " holds other data than it should");
  }

  /** Whether every page of a stripe that is stored has been read. */
  private boolean isComplete(int stripe) {
    int stripeSize = (int) layout.stripeSize();
    int readTo = (to + PAGE - 1) / PAGE * PAGE;
    return from <= stripe * stripeSize
        && readTo >= Math.min(span.stored(), (stripe + 1) * stripeSize);
  }

  private int stripeCrc(int stripe) {
    int crc = 0;
    for (int d = 0; d < dataBlocks; d++) {
      crc = appendCell(crc, stripe, d);
    }
    return crc;
  }

  /** Pages behind what is stored are padding: zeros, which need not be fetched. */
  private int appendCell(int crc, int stripe, int d) {
    int pages = cellSize / PAGE;
    int first = (stripe - firstStripe) * pages;
    int result = crc;
    for (int page = 0; page < pages; page++) {
      int inBlock = stripe * cellSize + page * PAGE;
      boolean here =
          isNeeded(d)
              && (parts[d].recovered
                  ? inBlock >= hullFrom && inBlock < hullTo
                  : inBlock >= parts[d].from && inBlock < parts[d].to);
      result = PageCrcs.append(result, here ? parts[d].pageCrcs[first + page] : PageCrcs.ZERO_PAGE);
    }
    return result;
  }

  /** Asks the servers to compare their blocks with their CRCs; true if one was found wrong. */
  private boolean dropBlocksThatTheirServersRefuse() throws IOException {
    boolean dropped = false;
    for (int b = 0; b < parts.length; b++) {
      if (parts[b].status == Status.HAVE) {
        BlockService service = span.service(b);
        FetchedBlock block = span.block(b);
        try {
          reader
              .blocks()
              .check(
                  service.addrs(), service.id(), block.blockId(), layout.blockSize(), block.crc());
        } catch (EggsException e) {
          drop(b);
          dropped = true;
        } catch (InterruptedIOException e) {
          throw e;
        } catch (IOException e) {
          // Cannot say; the puzzle decides.
          lastFailure = e;
        }
      }
    }
    return dropped;
  }

  // For the puzzle.

  SpanLayout layout() {
    return layout;
  }

  Span span() {
    return span;
  }

  int firstStripe() {
    return firstStripe;
  }

  /** Fetches whole stripes of every block that can be had; returns which came. */
  List<Integer> fetchEverything() throws InterruptedIOException {
    int wholeFrom = firstStripe * cellSize;
    int wholeTo = (firstStripe + stripeCount) * cellSize;
    for (int b = 0; b < parts.length; b++) {
      Part part = parts[b];
      if (part.status == Status.FLYING) {
        part.op.cancel();
      }
      if (part.status != Status.FAILED) {
        part.recovered = false;
        launch(b, wholeFrom, wholeTo);
      }
    }
    boolean flying = true;
    while (flying) {
      recovering = true;
      await();
      collect();
      flying = false;
      for (Part part : parts) {
        flying |= part.status == Status.FLYING;
      }
    }
    List<Integer> here = new ArrayList<>();
    for (int b = 0; b < parts.length; b++) {
      if (parts[b].status == Status.HAVE) {
        here.add(b);
      }
    }
    return here;
  }

  /** A fetched cell; for mirrored spans and parity from the block's own memory. */
  MemorySegment cell(int b, int stripe) {
    boolean mirrored = dataBlocks == 1;
    return memory(b, mirrored).asSlice(index(b, stripe, mirrored), cellSize);
  }

  /** Where a data cell belongs. */
  MemorySegment place(int d, int stripe) {
    return lease.segment().asSlice(index(d, stripe, false), cellSize);
  }

  int cellCrc(int b, int stripe) {
    int pages = cellSize / PAGE;
    int first = (stripe - firstStripe) * pages;
    return PageCrcs.fold(parts[b].pageCrcs, first, first + pages);
  }

  BufferPool pool() {
    return reader.pool();
  }

  /** First nothing is written any more, then the memory goes back. */
  private void letGo() {
    for (Part part : parts) {
      if (part.op != null) {
        part.op.cancel();
      }
    }
    for (Part part : parts) {
      if (part.own != null) {
        part.own.close();
        part.own = null;
      }
    }
  }

  /** Number of blocks of the span. */
  int blocks() {
    return Parity.blocks(layout.parity());
  }
}
