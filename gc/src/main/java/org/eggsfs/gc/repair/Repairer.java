package org.eggsfs.gc.repair;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.blocks.BlockChannel;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.StatFileRequest;

/**
 * Replaces blocks of files (gc.md section 6): the core of scrub and migration. Thread-safe: many
 * files may be repaired at the same time, by as many threads; they share memory budget and scratch
 * files. Calls block and end when their thread is interrupted.
 *
 * <p>Files stay readable throughout, and other repairers, migrators and readers may work on the
 * same file: the shard exchanges a block only while it is the one that was seen, so whoever comes
 * second is told, reads the span again and finds nothing left to do. When a call returns, the new
 * blocks are durable and part of the file.
 */
public final class Repairer implements AutoCloseable {
  /** Per span; somebody else makes progress each time, except for a shard out of its mind. */
  private static final int CONFLICTS_MAX = 20;

  /**
   * Per span: more than thirty blocks one by one and all conflicts take. A judge that condemns
   * every replacement as well would otherwise never end.
   */
  private static final int ROUNDS_MAX = 80;

  private static final long CONFLICT_PAUSE_NANOS_MIN = TimeUnit.MILLISECONDS.toNanos(50);
  private static final long CONFLICT_PAUSE_NANOS_MAX = TimeUnit.SECONDS.toNanos(1);

  private final ShardCaller shards;
  private final RepairSettings settings;
  private final RepairCounters counters;
  private final Disks disks;
  private final RepairMemory memory;
  private final ScratchFiles scratchFiles;
  private final Rebuild rebuild;
  private final Placement placement;

  /**
   * A repairer over a client, which must outlive it.
   *
   * @param purpose for the notes of scratch files
   */
  public Repairer(
      EggsClient client, RepairSettings settings, RepairCounters counters, String purpose) {
    this(client, client.blocks(), new Disks(client.shuckle()::call), settings, counters, purpose);
  }

  /** A repairer over these. */
  public Repairer(
      ShardCaller shards,
      BlockChannel channel,
      Disks disks,
      RepairSettings settings,
      RepairCounters counters,
      String purpose) {
    this.shards = shards;
    this.settings = settings;
    this.counters = counters;
    this.disks = disks;
    this.memory = new RepairMemory(settings.memoryBytes());
    this.scratchFiles =
        new ScratchFiles(
            shards, counters.scratchFiles, purpose, settings.scratchLifetime().toNanos());
    this.rebuild = new Rebuild(channel, disks, counters);
    this.placement = new Placement(shards, channel, disks, counters);
  }

  /** What was done. */
  public RepairCounters counters() {
    return counters;
  }

  /** The block services. */
  public Disks disks() {
    return disks;
  }

  /** The scratch files that repairs use. */
  public ScratchFiles scratchFiles() {
    return scratchFiles;
  }

  /**
   * Replaces the blocks of a file that the judge condemns. A file that is not linked is skipped:
   * its last span may be half written.
   *
   * @throws EggsException the error of a shard
   * @throws IOException if a block can be neither copied nor rebuilt, or nobody takes it
   */
  public RepairResult replaceBadBlocks(long file, BlockJudge judge, ReplacedListener listener)
      throws EggsException, IOException {
    RepairResult result = RepairResult.NOTHING;
    try {
      shards.shard(InodeIds.shard(file), new StatFileRequest(file));
      SpanPages pages = new SpanPages(shards, file);
      for (List<StoredSpan> spans = pages.next(); !spans.isEmpty(); spans = pages.next()) {
        for (StoredSpan span : spans) {
          result = result.plus(repair(span, judge, listener));
        }
      }
    } catch (EggsException e) {
      if (e.code() != ErrorCode.FILE_NOT_FOUND) {
        throw e;
      }
      counters.skippedFiles.increment();
      return RepairResult.SKIPPED;
    }
    if (result.replacedBlocks() > 0) {
      counters.repairedFiles.increment();
    }
    return result;
  }

  /** The same for one span of a file that was linked when it was listed. */
  public RepairResult replaceBadBlocks(StoredSpan span, BlockJudge judge, ReplacedListener listener)
      throws EggsException, IOException {
    return repair(span, judge, listener);
  }

  private RepairResult repair(StoredSpan span, BlockJudge judge, ReplacedListener listener)
      throws EggsException, IOException {
    RepairResult result = RepairResult.NOTHING;
    for (StoredSpan.Copy copy : span.copies()) {
      result = result.plus(new CopyRepair(span, copy.locationId(), judge, listener).run());
    }
    return result;
  }

  /** Gives back memory and scraps the scratch files; no repair may be running any more. */
  @Override
  public void close() {
    scratchFiles.close();
    memory.close();
  }

  /** The repair of a span at one location. */
  private final class CopyRepair {
    private final long file;
    private final long offset;
    private final int locationId;
    private final BlockJudge judge;
    private final ReplacedListener listener;
    private final Set<Long> knownBad = new HashSet<>();
    private final Set<Long> unreadable = new HashSet<>();
    private StoredSpan span;
    private int replacedBlocks;
    private long replacedBytes;
    private int conflicts;

    CopyRepair(StoredSpan span, int locationId, BlockJudge judge, ReplacedListener listener) {
      this.span = span;
      this.file = span.file();
      this.offset = span.offset();
      this.locationId = locationId;
      this.judge = judge;
      this.listener = listener;
    }

    RepairResult run() throws EggsException, IOException {
      for (int round = 0; round < ROUNDS_MAX; round++) {
        StoredSpan.Copy copy = span == null ? null : span.at(locationId);
        if (copy == null) {
          // Destroyed, or its copy at this location was given up.
          return new RepairResult(replacedBlocks, replacedBytes, true);
        }
        List<StoredBlock> moves = new ArrayList<>();
        List<StoredBlock> losses = new ArrayList<>();
        judge(copy, moves, losses);
        if (moves.isEmpty() && losses.isEmpty()) {
          return new RepairResult(replacedBlocks, replacedBytes, false);
        }
        try {
          if (moves.isEmpty()) {
            rebuild(copy, losses);
          } else {
            copy(copy, moves);
          }
        } catch (Placement.SpanChangedException e) {
          conflicts++;
          if (conflicts > CONFLICTS_MAX) {
            throw e;
          }
          counters.conflicts.increment();
          Interrupts.sleepNanos(
              Math.min(CONFLICT_PAUSE_NANOS_MAX, conflicts * CONFLICT_PAUSE_NANOS_MIN));
        }
        span = SpanPages.one(shards, file, offset);
      }
      throw new IOException("blocks of the span at " + offset + " are condemned again and again");
    }

    private void judge(StoredSpan.Copy copy, List<StoredBlock> moves, List<StoredBlock> losses)
        throws EggsException, IOException {
      for (StoredBlock block : copy.blocks()) {
        if (knownBad.contains(block.blockId())) {
          losses.add(block);
          continue;
        }
        switch (judge.judge(block)) {
          case KEEP -> {}
          case MOVE -> {
            boolean readable =
                !unreadable.contains(block.blockId()) && Repairer.this.rebuild.mayBeCopied(block);
            (readable ? moves : losses).add(block);
          }
          case REBUILD -> {
            knownBad.add(block.blockId());
            losses.add(block);
          }
        }
      }
    }

    /** As many blocks as half of the memory holds, so that two large repairs can overlap. */
    private List<StoredBlock> group(List<StoredBlock> blocks) {
      long room = settings.memoryBytes() / 2;
      int countMax = (int) Math.max(1, room / blocks.getFirst().size());
      return blocks.subList(0, Math.min(countMax, blocks.size()));
    }

    private void copy(StoredSpan.Copy copy, List<StoredBlock> moves)
        throws EggsException, IOException {
      List<StoredBlock> group = group(moves);
      long size = copy.layout().blockSize();
      try (RepairMemory.Loan loan = memory.acquire(size * group.size())) {
        boolean[] good = Repairer.this.rebuild.copy(group, loan);
        for (int i = 0; i < good.length; i++) {
          if (!good[i]) {
            unreadable.add(group.get(i).blockId());
          }
        }
        replace(copy, group, good, true, loan);
      }
    }

    private void rebuild(StoredSpan.Copy copy, List<StoredBlock> losses)
        throws EggsException, IOException {
      if (copy.layout().parityBlocks() == 0) {
        throw new IOException("the span at " + offset + " has no parity and lost a block");
      }
      List<StoredBlock> group = group(losses);
      long size = copy.layout().blockSize();
      long windows = (long) Rebuild.windowBytes(copy.layout()) * copy.layout().dataBlocks();
      int[] want = group.stream().mapToInt(StoredBlock::index).toArray();
      Set<Long> unusable = new HashSet<>(knownBad);
      losses.forEach(block -> unusable.add(block.blockId()));
      Set<Long> before = Set.copyOf(unusable);
      RepairMemory.Loans loans = memory.acquire(size * group.size(), windows);
      try (RepairMemory.Loan results = loans.kept()) {
        try (RepairMemory.Loan sources = loans.passing()) {
          Repairer.this.rebuild.rebuild(copy, want, unusable, results, sources);
        }
        // Writing waits for a disk; others use the memory of the sources meanwhile.
        unusable.removeAll(before);
        knownBad.addAll(unusable);
        boolean[] good = new boolean[want.length];
        Arrays.fill(good, true);
        replace(copy, group, good, false, results);
      }
    }

    private void replace(
        StoredSpan.Copy copy,
        List<StoredBlock> blocks,
        boolean[] good,
        boolean copied,
        RepairMemory.Loan loan)
        throws EggsException, IOException {
      long[] services = copy.blocks().stream().mapToLong(block -> block.service().id()).toArray();
      int size = (int) copy.layout().blockSize();
      ScratchFile scratch = scratchFiles.take(InodeIds.shard(file));
      try {
        for (int i = 0; i < good.length; i++) {
          if (!good[i]) {
            continue;
          }
          StoredBlock old = blocks.get(i);
          Placement.Placed placed =
              placement.replace(
                  scratch,
                  old,
                  copy.layout().storageClass(),
                  services,
                  !knownBad.contains(old.blockId()),
                  judge.avoidedServices(),
                  loan.buffer().slice(i * size, size));
          services[old.index()] = placed.serviceId();
          replacedBlocks++;
          replacedBytes += size;
          (copied ? counters.copiedBlocks : counters.rebuiltBlocks).increment();
          counters.replacedBytes.add(size);
          listener.replaced(new ReplacedBlock(old, placed.blockId(), placed.serviceId(), copied));
        }
      } finally {
        scratchFiles.give(scratch);
      }
    }
  }
}
