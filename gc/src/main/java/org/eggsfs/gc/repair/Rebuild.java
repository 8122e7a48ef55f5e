package org.eggsfs.gc.repair;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.eggsfs.client.blocks.BlockChannel;
import org.eggsfs.client.blocks.FetchOp;
import org.eggsfs.client.span.FailureMemory;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.ReedSolomon;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * Gets the bytes of blocks: by reading the block itself, or from any D others of its span. Sources
 * are read in parallel, window by window, so that wide spans of large blocks need the memory of
 * their windows and of the results only. Every page is checked when it arrives, every source
 * against its block's CRC at the end, and every result against the CRC that the shard keeps.
 *
 * <p>A source that fails is left out and the pass repeated with another one. Thread-safe.
 */
final class Rebuild {
  /** Of all sources together; a default span's sources fit in one window. */
  static final int WINDOW_BYTES_MAX = 32 << 20;

  private static final int PAGE = SpanLayout.PAGE;

  private final BlockChannel channel;
  private final Disks disks;
  private final RepairCounters counters;
  private final FailureMemory<Long> failedServices = new FailureMemory<>();

  Rebuild(BlockChannel channel, Disks disks, RepairCounters counters) {
    this.channel = channel;
    this.disks = disks;
    this.counters = counters;
  }

  /** Bytes of a window of one source. */
  static int windowBytes(SpanLayout layout) {
    int share = WINDOW_BYTES_MAX / layout.dataBlocks() / PAGE * PAGE;
    return (int) Math.min(layout.blockSize(), share);
  }

  /** Whether reading a block where it is has a chance. */
  boolean mayBeCopied(StoredBlock block) throws EggsException, IOException {
    long id = block.service().id();
    return disks.get(id).mayAnswer() && !failedServices.contains(id, System.nanoTime());
  }

  /**
   * Reads blocks where they are.
   *
   * @param loan receives block i at i times the size of a block
   * @return for each block whether it was read and is right
   */
  boolean[] copy(List<StoredBlock> blocks, RepairMemory.Loan loan)
      throws EggsException, IOException {
    int size = blocks.getFirst().size();
    int[][] crcs = new int[blocks.size()][size / PAGE];
    List<FetchOp> ops = new ArrayList<>();
    CountDownLatch done = new CountDownLatch(blocks.size());
    for (int i = 0; i < blocks.size(); i++) {
      ops.add(fetch(blocks.get(i), 0, size, loan, i * size, crcs[i], done));
    }
    run(ops, done);
    boolean[] good = new boolean[blocks.size()];
    for (int i = 0; i < good.length; i++) {
      Exception failure = ops.get(i).failure();
      good[i] = failure == null && fold(crcs[i]) == blocks.get(i).crc();
      if (failure != null && !isAboutTheBlock(failure)) {
        failedServices.add(blocks.get(i).service().id(), System.nanoTime());
      }
    }
    return good;
  }

  /**
   * Computes blocks from others.
   *
   * @param want indices of the blocks
   * @param knownBad ids of blocks that must not be used; damaged ones that are met are added
   * @param results receives block i of {@code want} at i times the size of a block
   * @param sources has room for a window of each source
   * @throws IOException if too few blocks can be read, or they do not fit each other
   */
  void rebuild(
      StoredSpan.Copy copy,
      int[] want,
      Set<Long> knownBad,
      RepairMemory.Loan results,
      RepairMemory.Loan sources)
      throws EggsException, IOException {
    Set<Integer> failed = new HashSet<>();
    for (int index : want) {
      failed.add(index);
    }
    boolean done = false;
    while (!done) {
      // Every failed pass leaves out one source more.
      int[] have = choose(copy, failed, knownBad);
      done = pass(copy, have, want, failed, knownBad, results, sources);
    }
    SpanLayout layout = copy.layout();
    int size = (int) layout.blockSize();
    for (int i = 0; i < want.length; i++) {
      StoredBlock block = copy.blocks().get(want[i]);
      if (Crc32c.sum(0, results.buffer().slice(i * size, size)) != block.crc()) {
        throw new IOException(
            "block "
                + want[i]
                + " of the span at "
                + block.spanOffset()
                + " cannot be rebuilt: the other blocks are what they should be and give another"
                + " CRC");
      }
    }
  }

  private record Candidate(int index, int rank) {}

  /** D sources, those first that most likely answer; among equals the load is spread. */
  private int[] choose(StoredSpan.Copy copy, Set<Integer> failed, Set<Long> knownBad)
      throws EggsException, IOException {
    List<Candidate> candidates = new ArrayList<>();
    for (StoredBlock block : copy.blocks()) {
      if (!failed.contains(block.index()) && !knownBad.contains(block.blockId())) {
        candidates.add(new Candidate(block.index(), rank(block)));
      }
    }
    int needed = copy.layout().dataBlocks();
    if (candidates.size() < needed) {
      StoredBlock any = copy.blocks().getFirst();
      throw new IOException(
          "the span at "
              + any.spanOffset()
              + " has only "
              + candidates.size()
              + " readable blocks and needs "
              + needed);
    }
    Collections.shuffle(candidates);
    candidates.sort(Comparator.comparingInt(Candidate::rank));
    return candidates.stream().limit(needed).mapToInt(Candidate::index).sorted().toArray();
  }

  /** What is officially unreadable comes last: it is tried before data is given up. */
  private int rank(StoredBlock block) throws EggsException, IOException {
    Disk disk = disks.get(block.service().id());
    int suspect = failedServices.contains(disk.id(), System.nanoTime()) ? 1 : 0;
    if (disk.isReadable()) {
      return suspect;
    }
    return disk.mayAnswer() ? 2 + suspect : 4 + suspect;
  }

  /** One try with these sources; false if some failed. */
  private boolean pass(
      StoredSpan.Copy copy,
      int[] have,
      int[] want,
      Set<Integer> failed,
      Set<Long> knownBad,
      RepairMemory.Loan results,
      RepairMemory.Loan sources)
      throws EggsException, IOException {
    SpanLayout layout = copy.layout();
    int size = (int) layout.blockSize();
    int window = windowBytes(layout);
    ReedSolomon code = ReedSolomon.get(layout.parity());
    int[][] crcs = new int[have.length][size / PAGE];
    for (int from = 0; from < size; from += window) {
      int length = Math.min(window, size - from);
      List<FetchOp> ops = new ArrayList<>();
      CountDownLatch done = new CountDownLatch(have.length);
      for (int k = 0; k < have.length; k++) {
        StoredBlock source = copy.blocks().get(have[k]);
        ops.add(fetch(source, from, length, sources, k * window, crcs[k], done));
      }
      run(ops, done);
      if (anyFailed(copy, have, ops, failed, knownBad)) {
        return false;
      }
      MemorySegment[] cells = new MemorySegment[have.length];
      for (int k = 0; k < cells.length; k++) {
        cells[k] = sources.segment().asSlice((long) k * window, length);
      }
      MemorySegment[] out = new MemorySegment[want.length];
      for (int i = 0; i < out.length; i++) {
        out[i] = results.segment().asSlice((long) i * size + from, length);
      }
      code.recover(have, cells, want, out, length);
    }
    boolean good = true;
    for (int k = 0; k < have.length; k++) {
      StoredBlock source = copy.blocks().get(have[k]);
      if (fold(crcs[k]) != source.crc()) {
        // Its pages are sound, but they are another block's.
        bad(source, failed, knownBad);
        good = false;
      }
    }
    return good;
  }

  private boolean anyFailed(
      StoredSpan.Copy copy,
      int[] have,
      List<FetchOp> ops,
      Set<Integer> failed,
      Set<Long> knownBad) {
    boolean any = false;
    for (int k = 0; k < have.length; k++) {
      Exception failure = ops.get(k).failure();
      if (failure == null) {
        continue;
      }
      any = true;
      StoredBlock source = copy.blocks().get(have[k]);
      if (isAboutTheBlock(failure)) {
        bad(source, failed, knownBad);
      } else {
        failed.add(source.index());
        failedServices.add(source.service().id(), System.nanoTime());
      }
    }
    return any;
  }

  private void bad(StoredBlock source, Set<Integer> failed, Set<Long> knownBad) {
    failed.add(source.index());
    if (knownBad.add(source.blockId())) {
      counters.foundBadBlocks.increment();
    }
  }

  /** Whether the answer says that this block is damaged or missing; else the disk is in trouble. */
  static boolean isAboutTheBlock(Exception failure) {
    return failure instanceof EggsException e
        && switch (e.code()) {
          case BAD_BLOCK_CRC, BLOCK_NOT_FOUND, BLOCK_IO_ERROR_FILE, BLOCK_FETCH_OUT_OF_BOUNDS ->
              true;
          default -> false;
        };
  }

  private FetchOp fetch(
      StoredBlock block,
      int from,
      int length,
      RepairMemory.Loan loan,
      int at,
      int[] pageCrcs,
      CountDownLatch done)
      throws EggsException, IOException {
    FetchOp.Target target =
        new FetchOp.Target(loan.buffer(), at - from, 0, block.size(), block.size(), pageCrcs);
    AddrsInfo addrs = disks.get(block.service().id()).addrs();
    return new FetchOp(
        addrs,
        block.service().id(),
        block.file(),
        block.blockId(),
        block.crc(),
        from,
        length,
        target,
        finished -> done.countDown());
  }

  /** Until all have ended; after an interruption none of them touches the memory any more. */
  private void run(List<FetchOp> ops, CountDownLatch done) throws InterruptedIOException {
    for (FetchOp op : ops) {
      counters.readBytes.add(op.count());
      channel.submit(op);
    }
    try {
      done.await();
    } catch (InterruptedException e) {
      ops.forEach(FetchOp::cancel);
      throw Interrupts.whileDoing("reading blocks", e);
    }
  }

  private static int fold(int[] pageCrcs) {
    int crc = 0;
    for (int page : pageCrcs) {
      crc = Crc32c.append(crc, page, PAGE);
    }
    return crc;
  }
}
