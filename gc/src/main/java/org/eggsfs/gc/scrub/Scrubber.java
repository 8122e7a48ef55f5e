package org.eggsfs.gc.scrub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.repair.BlockJudge;
import org.eggsfs.gc.repair.Interrupts;
import org.eggsfs.gc.repair.RepairResult;
import org.eggsfs.gc.repair.Repairer;
import org.eggsfs.gc.repair.ReplacedBlock;
import org.eggsfs.gc.repair.SpanPages;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.gc.repair.TaskGroup;
import org.eggsfs.gc.repair.Verdict;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitFilesResponse;

/**
 * Looks at every block of every linked file, at the pace that was set, and replaces what is
 * missing, damaged, truncated or misplaced, in data and parity alike (gc.md section 7). All
 * locations of a span are checked.
 *
 * <p>A few shards are scanned at the same time, page by page; files share a bounded number of
 * threads. An error concerns its file only. How far a shard's scan has come is told after each page
 * of files, so a scan that is interrupted goes on there. Several scrubs and migrations may run at
 * the same time ({@link Repairer}).
 *
 * <p>The calls end when their thread is interrupted, and nothing of them runs on.
 */
public final class Scrubber implements AutoCloseable {
  /**
   * Shards whose listings are worked on at the same time, so that the end of a page costs little.
   */
  private static final int SHARDS_AT_ONCE = 8;

  private static final System.Logger LOG = System.getLogger(Scrubber.class.getName());

  private final EggsClient client;
  private final ScrubSettings settings;
  private final ScrubCounters counters;
  private final Repairer repairer;
  private final BlockChecks checks;

  /** A scrubber over a client, which must outlive it. */
  public Scrubber(EggsClient client, ScrubSettings settings, ScrubCounters counters) {
    this.client = client;
    this.settings = settings;
    this.counters = counters;
    this.repairer =
        new Repairer(client, settings.repair(), counters.repairs, "scrub: replaced blocks");
    this.checks = new BlockChecks(client.blocks(), repairer.disks(), settings, counters);
  }

  /** One scan of all shards. */
  public void runCycle(ScrubProgress progress, ScrubListener listener)
      throws InterruptedIOException {
    runCycle(
        IntStream.range(0, ProtocolConstants.SHARD_COUNT).boxed().toList(), progress, listener);
  }

  /**
   * One scan of some shards. A shard that cannot be listed is left out; its scan goes on where it
   * was in the next cycle.
   */
  public void runCycle(List<Integer> shards, ScrubProgress progress, ScrubListener listener)
      throws InterruptedIOException {
    try (TaskGroup files = new TaskGroup("scrub-file", settings.filesAtOnce());
        TaskGroup scans = new TaskGroup("scrub-shard", SHARDS_AT_ONCE)) {
      for (int shard : shards) {
        scans.submit(() -> scanIsolated(shard, progress, listener, files));
      }
      scans.join();
    }
    repairer.scratchFiles().scrapIdle(0);
    counters.cycles.increment();
  }

  private void scanIsolated(
      int shard, ScrubProgress progress, ScrubListener listener, TaskGroup files)
      throws InterruptedIOException {
    try {
      scan(shard, progress, listener, files);
    } catch (InterruptedIOException e) {
      throw e;
    } catch (EggsException | IOException | RuntimeException | Error e) {
      counters.failedShards.increment();
      LOG.log(System.Logger.Level.WARNING, "shard " + shard + " does not list its files", e);
    }
  }

  private void scan(int shard, ScrubProgress progress, ScrubListener listener, TaskGroup files)
      throws EggsException, IOException {
    long next = progress.nextFile(shard);
    do {
      VisitFilesResponse page = client.shard(shard, new VisitFilesRequest(next, 0));
      CountDownLatch pageDone = new CountDownLatch(page.ids().length);
      for (long file : page.ids()) {
        files.submit(
            () -> {
              try {
                scrubIsolated(file, listener);
              } finally {
                pageDone.countDown();
              }
            });
      }
      await(pageDone);
      if (page.nextId() != 0 && Long.compareUnsigned(page.nextId(), next) <= 0) {
        throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "list of files goes backwards");
      }
      next = page.nextId();
      progress.passed(shard, next);
    } while (next != 0);
  }

  private static void await(CountDownLatch latch) throws InterruptedIOException {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw Interrupts.whileDoing("scrubbing", e);
    }
  }

  private void scrubIsolated(long file, ScrubListener listener) throws InterruptedIOException {
    try {
      scrub(file, listener);
    } catch (InterruptedIOException e) {
      throw e;
    } catch (EggsException | IOException | RuntimeException | Error e) {
      counters.failedFiles.increment();
      // An error too, or the file would be passed over without a word.
      listener.failed(file, e instanceof Exception one ? one : new IllegalStateException(e));
      LOG.log(System.Logger.Level.WARNING, "scrub of file " + InodeIds.format(file) + " failed", e);
    }
  }

  private void scrub(long file, ScrubListener listener) throws EggsException, IOException {
    long replaced = 0;
    IOException unrepaired = null;
    try (SpanReads reads = new SpanReads(client, file)) {
      SpanPages pages = new SpanPages(client, file);
      for (List<StoredSpan> spans = pages.next(); !spans.isEmpty(); spans = pages.next()) {
        for (StoredSpan span : spans) {
          Map<StoredBlock, ErrorCode> bad = check(span, listener);
          if (!bad.isEmpty()) {
            try {
              replaced += repair(span, bad, listener).replacedBlocks();
            } catch (InterruptedIOException e) {
              throw e;
            } catch (EggsException | IOException e) {
              if (isGone(e)) {
                throw e;
              }
              // The other spans can still be saved.
              unrepaired = new IOException("span at " + span.offset(), e);
              LOG.log(
                  System.Logger.Level.WARNING,
                  "file " + InodeIds.format(file) + " cannot be repaired",
                  unrepaired);
            }
          } else if (isSampled(span)) {
            counters.sampledSpans.increment();
            compare(span, reads, listener);
          }
        }
      }
    } catch (EggsException e) {
      if (!isGone(e)) {
        throw e;
      }
      unrepaired = null;
    }
    counters.visitedFiles.increment();
    if (replaced > 0) {
      counters.scrubbedFiles.increment();
      LOG.log(
          System.Logger.Level.INFO,
          "file {0}: {1} bad blocks were replaced",
          InodeIds.format(file),
          replaced);
    }
    if (unrepaired != null) {
      throw unrepaired;
    }
  }

  /** Whether the file was removed while it was looked at, which is no failure. */
  private static boolean isGone(Exception failure) {
    return failure instanceof EggsException e && e.code() == ErrorCode.FILE_NOT_FOUND;
  }

  private boolean isSampled(StoredSpan span) {
    return settings.spanSample() > 0
        && !span.isInline()
        && ThreadLocalRandom.current().nextDouble() < settings.spanSample();
  }

  private void compare(StoredSpan span, SpanReads reads, ScrubListener listener)
      throws EggsException, IOException {
    if (!reads.matches(span)) {
      counters.wrongSpans.increment();
      listener.wrongSpan(span);
      LOG.log(
          System.Logger.Level.ERROR,
          "the bytes of file {0} at {1} do not match their CRC, although all blocks do",
          InodeIds.format(span.file()),
          span.offset());
    }
  }

  /** The bad blocks that the span still has: one that has been moved meanwhile may be gone. */
  private Map<StoredBlock, ErrorCode> check(StoredSpan span, ScrubListener listener)
      throws EggsException, IOException {
    listener.visited(span);
    Map<StoredBlock, ErrorCode> bad = checks.check(span, listener);
    if (!bad.isEmpty()) {
      Set<Long> present = new HashSet<>();
      StoredSpan now = SpanPages.one(client, span.file(), span.offset());
      if (now != null) {
        now.copies().forEach(copy -> copy.blocks().forEach(b -> present.add(b.blockId())));
      }
      bad.keySet().removeIf(block -> !present.contains(block.blockId()));
      bad.forEach((block, verdict) -> found(block, verdict, listener));
    }
    return bad;
  }

  private void found(StoredBlock block, ErrorCode verdict, ScrubListener listener) {
    switch (verdict) {
      case BLOCK_NOT_FOUND -> counters.missingBlocks.increment();
      case BLOCK_IO_ERROR_FILE -> counters.unreadableBlocks.increment();
      default -> counters.wrongBlocks.increment();
    }
    LOG.log(
        System.Logger.Level.DEBUG,
        "block {0} of block service {1}, number {2} of file {3} at {4}: {5}",
        Long.toHexString(block.blockId()),
        Long.toHexString(block.service().id()),
        block.index(),
        InodeIds.format(block.file()),
        block.spanOffset(),
        verdict);
    listener.found(block, verdict);
  }

  private RepairResult repair(
      StoredSpan span, Map<StoredBlock, ErrorCode> bad, ScrubListener listener)
      throws EggsException, IOException {
    Set<Long> ids = new HashSet<>();
    bad.keySet().forEach(block -> ids.add(block.blockId()));
    BlockJudge judge = block -> ids.contains(block.blockId()) ? Verdict.REBUILD : Verdict.KEEP;
    RepairResult result = repairer.replaceBadBlocks(span, judge, listener::repaired);
    counters.scrubbedBlocks.add(result.replacedBlocks());
    counters.scrubbedBytes.add(result.replacedBytes());
    return result;
  }

  /**
   * Checks and repairs one file.
   *
   * @throws EggsException FILE_NOT_FOUND if there is no such linked file
   * @throws IOException if something could not be repaired
   */
  public FileHealth scrubFile(long file) throws EggsException, IOException {
    client.shard(InodeIds.shard(file), new StatFileRequest(file));
    Collector collector = new Collector();
    scrub(file, collector);
    repairer.scratchFiles().scrapIdle(0);
    return collector.result();
  }

  /**
   * Checks all blocks of one file and reads it, comparing every span with its CRC. Changes nothing.
   *
   * @throws EggsException FILE_NOT_FOUND if there is no such linked file
   * @throws IOException if it cannot be read
   */
  public FileHealth verifyFile(long file) throws EggsException, IOException {
    client.shard(InodeIds.shard(file), new StatFileRequest(file));
    Collector collector = new Collector();
    try (SpanReads reads = new SpanReads(client, file)) {
      SpanPages pages = new SpanPages(client, file);
      for (List<StoredSpan> spans = pages.next(); !spans.isEmpty(); spans = pages.next()) {
        for (StoredSpan span : spans) {
          check(span, collector);
          compare(span, reads, collector);
        }
      }
    }
    return collector.result();
  }

  /** Remembers what happens to one file. */
  private static final class Collector implements ScrubListener {
    private final List<FileHealth.BadBlock> bad = Collections.synchronizedList(new ArrayList<>());
    private final List<FileHealth.UncheckedBlock> unchecked =
        Collections.synchronizedList(new ArrayList<>());
    private final List<StoredSpan> wrongSpans = Collections.synchronizedList(new ArrayList<>());
    private final List<ReplacedBlock> repaired = Collections.synchronizedList(new ArrayList<>());

    private final LongAdder spans = new LongAdder();
    private final LongAdder checkedBlocks = new LongAdder();
    private final LongAdder checkedBytes = new LongAdder();

    @Override
    public void visited(StoredSpan span) {
      spans.increment();
    }

    @Override
    public void checked(StoredBlock block) {
      checkedBlocks.increment();
      checkedBytes.add(block.size());
    }

    @Override
    public void found(StoredBlock block, ErrorCode verdict) {
      bad.add(new FileHealth.BadBlock(block, verdict));
    }

    @Override
    public void unchecked(StoredBlock block, String reason) {
      unchecked.add(new FileHealth.UncheckedBlock(block, reason));
    }

    @Override
    public void wrongSpan(StoredSpan span) {
      wrongSpans.add(span);
    }

    @Override
    public void repaired(ReplacedBlock block) {
      repaired.add(block);
    }

    FileHealth result() {
      return new FileHealth(
          spans.sum(),
          checkedBlocks.sum(),
          checkedBytes.sum(),
          List.copyOf(bad),
          List.copyOf(unchecked),
          List.copyOf(wrongSpans),
          List.copyOf(repaired));
    }
  }

  /** Scraps scratch files; no call may be running any more. */
  @Override
  public void close() {
    repairer.close();
  }
}
