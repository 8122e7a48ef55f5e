package org.eggsfs.gc.defrag;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.eggsfs.client.DirectoryPolicies;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.ResolvedPath;
import org.eggsfs.client.TreeWalk;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.client.span.EncodedSpan;
import org.eggsfs.client.span.SpanUploader;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.gc.Pace;
import org.eggsfs.gc.repair.Interrupts;
import org.eggsfs.gc.repair.ScratchFile;
import org.eggsfs.gc.repair.ScratchFiles;
import org.eggsfs.gc.repair.SpanPages;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.gc.repair.TaskGroup;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.SwapSpansRequest;
import org.eggsfs.protocol.struct.BlockProof;

/**
 * Brings the spans of files to the layout that their directory's policies ask for today (gc.md
 * section 9): read and compared with its CRC, written anew into a scratch file, exchanged by the
 * shard as a whole. Files stay readable; who reads by the old list of spans finds the old blocks
 * until the scratch file is destroyed, and asks again.
 *
 * <p>Thread-safe; calls block, and end when their thread is interrupted.
 */
public final class Defragmenter implements AutoCloseable {
  /** Each time a migrator or a scrub has replaced a block of the span meanwhile. */
  private static final int CONFLICTS_MAX = 10;

  private static final System.Logger LOG = System.getLogger(Defragmenter.class.getName());

  private final EggsClient client;
  private final DefragSettings settings;
  private final DefragCounters counters;
  private final SpanUploader uploader;
  private final BufferPool pool;
  private final ScratchFiles scratchFiles;
  private final Pace pace;

  /** A defragmenter over a client, which must outlive it. */
  public Defragmenter(EggsClient client, DefragSettings settings, DefragCounters counters) {
    this.client = client;
    this.settings = settings;
    this.counters = counters;
    this.uploader = new SpanUploader(client, client.blocks());
    this.pool = new BufferPool(settings.memoryBytes());
    this.scratchFiles =
        new ScratchFiles(
            client,
            counters.scratchFiles,
            "defrag: replaced spans",
            settings.scratchLifetime().toNanos());
    this.pace = new Pace(settings.bytesPerSecond());
  }

  /**
   * Goes once through a tree, or one file. An error concerns its file only.
   *
   * @throws IOException if directories could not be listed, or on interruption
   */
  public void run(String path, DefragListener listener) throws EggsException, IOException {
    ResolvedPath root = client.paths().resolve(path);
    if (!InodeIds.isDirectory(root.id())) {
      isolated(path, root.ownerId(), root.id(), listener);
      return;
    }
    try (TaskGroup files = new TaskGroup("defrag-file", settings.filesAtOnce())) {
      TreeWalk.walk(
          client,
          root.id(),
          path,
          visit -> {
            if (InodeIds.isFile(visit.id())
                && Long.compareUnsigned(visit.creationTime(), settings.fromTime()) >= 0) {
              files.submit(() -> isolated(visit.path(), visit.parent(), visit.id(), listener));
            }
            return true;
          });
      files.join();
    }
    scratchFiles.scrapIdle(0);
    counters.cycles.increment();
  }

  private void isolated(String path, long parent, long file, DefragListener listener)
      throws InterruptedIOException {
    try {
      rewriteFile(parent, file, listener);
    } catch (InterruptedIOException e) {
      throw e;
    } catch (EggsException | IOException | RuntimeException e) {
      counters.failedFiles.increment();
      listener.failed(path, file, e);
      LOG.log(System.Logger.Level.WARNING, "defragmentation of " + path + " failed", e);
    }
  }

  /**
   * Rewrites the spans of one file that are not laid out as the policies of a directory say.
   *
   * @return how many were rewritten; none of a file that is gone
   */
  public int rewriteFile(long directory, long file, DefragListener listener)
      throws EggsException, IOException {
    int rewritten = 0;
    DirectoryPolicies policies = client.inodes().policies(directory);
    try (Source source = new Source(file)) {
      SpanPages pages = new SpanPages(client, file);
      for (List<StoredSpan> spans = pages.next(); !spans.isEmpty(); spans = pages.next()) {
        for (StoredSpan span : spans) {
          SpanLayout wanted = wanted(span, policies);
          if (wanted != null) {
            rewritten += rewrite(span, wanted, source, listener) ? 1 : 0;
          }
        }
      }
    } catch (EggsException e) {
      if (e.code() != ErrorCode.FILE_NOT_FOUND) {
        throw e;
      }
    }
    counters.analyzedFiles.increment();
    return rewritten;
  }

  /** What the span should be, or null if it is, or has to stay as it is. */
  private SpanLayout wanted(StoredSpan span, DirectoryPolicies policies) {
    counters.analyzedLogicalSize.add(span.size());
    if (span.isInline()) {
      return null;
    }
    span.copies().forEach(copy -> counters.analyzedBlocks.add(copy.blocks().size()));
    StoredSpan.Copy copy = span.copies().getFirst();
    SpanLayout now = copy.layout();
    boolean chosen =
        span.size() >= settings.spanSizeMin()
            && span.size() > SpanLayout.INLINE_MAX
            && (settings.storageClass() == 0 || settings.storageClass() == now.storageClass());
    if (!chosen) {
      return null;
    }
    if (span.copies().size() > 1 || copy.locationId() != ProtocolConstants.DEFAULT_LOCATION) {
      counters.skippedLocations.increment();
      return null;
    }
    SpanLayout wanted;
    try {
      wanted = policies.layoutOf(span.size());
    } catch (IllegalArgumentException e) {
      counters.skippedSizes.increment();
      return null;
    }
    if (wanted.equals(now)) {
      return null;
    }
    if (span.size() > now.capacity()) {
      // Zeros that no block holds would become stored ones.
      counters.skippedSizes.increment();
      return null;
    }
    return wanted;
  }

  /** Where the bytes of a file come from; opened when they are needed. */
  private final class Source implements AutoCloseable {
    private final long file;
    private FileReader reader;

    Source(long file) {
      this.file = file;
    }

    void read(long offset, ByteBuffer into) throws EggsException, IOException {
      if (reader == null) {
        reader = client.files().open(file);
      }
      reader.readFully(offset, into);
    }

    @Override
    public void close() {
      if (reader != null) {
        reader.close();
      }
    }
  }

  private boolean rewrite(
      StoredSpan span, SpanLayout wanted, Source source, DefragListener listener)
      throws EggsException, IOException {
    try {
      pace.acquire(span.size());
    } catch (InterruptedException e) {
      throw Interrupts.whileDoing("waiting for the turn of a span", e);
    }
    try (EncodedSpan encoded = encode(span, wanted, source)) {
      if (encoded.crc() != span.crc()) {
        throw new IOException("the span at " + span.offset() + " does not match its CRC");
      }
      ScratchFile scratch = scratchFiles.take(InodeIds.shard(span.file()));
      boolean exchanged = false;
      try {
        scratch.open();
        long offset = scratch.size();
        SpanUploader.TransientFile holder =
            new SpanUploader.TransientFile(scratch.id(), scratch.cookie());
        SpanUploader.Uploaded uploaded =
            uploader.upload(holder, offset, span.file(), encoded, () -> {});
        uploader.certify(holder, offset, uploaded.proofs());
        scratch.appended(span.size());
        exchanged = exchange(span, scratch, offset, uploaded.proofs());
      } finally {
        if (!exchanged) {
          scratch.scrap();
        }
        scratchFiles.give(scratch);
      }
      if (exchanged) {
        count(span, wanted);
        listener.rewritten(span, wanted);
      }
      return exchanged;
    }
  }

  private EncodedSpan encode(StoredSpan span, SpanLayout wanted, Source source)
      throws EggsException, IOException {
    long parity = wanted.dataBlocks() == 1 ? 0 : wanted.blockSize() * wanted.parityBlocks();
    BufferPool.Lease lease = pool.acquire(wanted.capacity(), parity, Long.MAX_VALUE);
    boolean read = false;
    try {
      source.read(span.offset(), lease.buffer().slice(0, (int) span.size()));
      read = true;
    } finally {
      if (!read) {
        lease.close();
      }
    }
    return EncodedSpan.encode(lease, (int) span.size(), wanted);
  }

  /** False if the file is gone. */
  private boolean exchange(
      StoredSpan span, ScratchFile scratch, long offset, List<BlockProof> proofs)
      throws EggsException, IOException {
    long[] fresh = proofs.stream().mapToLong(BlockProof::blockId).toArray();
    StoredSpan now = span;
    for (int conflicts = 0; ; conflicts++) {
      try {
        client.shard(
            InodeIds.shard(span.file()),
            new SwapSpansRequest(
                span.file(), span.offset(), blocks(now), scratch.id(), offset, fresh));
        return true;
      } catch (EggsException e) {
        boolean changed =
            e.code() == ErrorCode.SWAP_SPANS_MISMATCHING_BLOCKS
                || e.code() == ErrorCode.SPAN_NOT_FOUND;
        if (!changed || conflicts == CONFLICTS_MAX) {
          throw e;
        }
      }
      // Blocks of it were replaced; its bytes are what they were.
      now = SpanPages.one(client, span.file(), span.offset());
      if (now == null) {
        return false;
      }
      if (now.copies().size() != 1) {
        throw new IOException("the span at " + span.offset() + " has got another location");
      }
    }
  }

  private static long[] blocks(StoredSpan span) {
    return span.copies().getFirst().blocks().stream().mapToLong(StoredBlock::blockId).toArray();
  }

  private void count(StoredSpan span, SpanLayout after) {
    SpanLayout before = span.copies().getFirst().layout();
    counters.spans.increment();
    counters.logicalBytes.add(span.size());
    counters.blocksBefore.add(before.blocks());
    counters.physicalBytesBefore.add(before.blocks() * before.blockSize());
    counters.blocksAfter.add(after.blocks());
    counters.physicalBytesAfter.add(after.blocks() * after.blockSize());
  }

  /** Scraps scratch files; no call may be running any more. */
  @Override
  public void close() {
    scratchFiles.close();
    pool.close();
  }
}
