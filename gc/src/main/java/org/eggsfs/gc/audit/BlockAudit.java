package org.eggsfs.gc.audit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.repair.SpanPages;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesResponse;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.struct.BlockFile;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;

/**
 * The reverse audit of a block service (gc.md section 11, 17): are the block files on its disk
 * exactly the blocks that files have there? It lists the files, asks all shards which files have
 * blocks on the service, and reads their spans, transient files included.
 *
 * <p>All this takes time, in which files come, go and exchange blocks. So only blocks that are old
 * enough count, and whatever looks wrong is looked at a second time, from the beginning: a block is
 * unreferenced only if two passes over all files have not found it and it is still there. Nothing
 * is changed; {@link #quarantine} puts a block aside when somebody has decided so.
 */
public final class BlockAudit {
  /** Findings kept, and blocks looked at a second time; more are only counted. */
  public static final int FINDINGS_MAX = 10_000;

  private static final int THREADS = 8;

  /** What is wrong. */
  public enum Kind {
    /** No file has this block. */
    UNREFERENCED,
    /** A linked file has this block, and there is no such file on the disk. */
    MISSING,
    /** The file on the disk is longer or shorter than the block. */
    WRONG_SIZE,
    /** The file is in a directory where the block server does not look for it. */
    MISPLACED
  }

  /**
   * One thing that is wrong.
   *
   * @param fileSize bytes of the file on disk; 0 if it is missing
   * @param file the file that has the block, 0 if there is none
   */
  public record Finding(Kind kind, long blockId, long fileSize, long file) {}

  /**
   * What an audit found.
   *
   * @param listed block files on the disk that are old enough
   * @param referenced of these, the ones that files have
   * @param findings what is wrong, at most {@link #FINDINGS_MAX}
   * @param leftOut further findings, and blocks that looked wrong and were not looked at again
   */
  public record Report(long listed, long referenced, List<Finding> findings, long leftOut) {
    /** Whether disk and shards agree. */
    public boolean isClean() {
      return findings.isEmpty() && leftOut == 0;
    }
  }

  /** Findings up to the limit, and how many there were more. */
  private static final class Findings {
    final List<Finding> kept = new ArrayList<>();
    long leftOut;

    /** Whether another one would be kept. */
    boolean hasRoom() {
      return kept.size() < FINDINGS_MAX;
    }

    void add(Finding finding) {
      if (hasRoom()) {
        kept.add(finding);
      } else {
        leftOut++;
      }
    }
  }

  private interface Visitor {
    void block(StoredBlock block);
  }

  private final EggsClient client;

  /** Audits through a client. */
  public BlockAudit(EggsClient client) {
    this.client = client;
  }

  /**
   * Audits a service that is served.
   *
   * @param createdBefore blocks with later ids (they are times) are not looked at
   */
  public Report audit(BlockServiceDeprecatedInfo service, long createdBefore)
      throws EggsException, IOException, InterruptedException {
    BlockListing listing = BlockListing.read(client, service, createdBefore);
    Findings findings = new Findings();
    for (BlockFile file : listing.misplaced()) {
      findings.add(new Finding(Kind.MISPLACED, file.blockId(), file.fileSize(), 0));
    }
    BitSet referenced = new BitSet();
    List<StoredBlock> suspicious = new ArrayList<>();
    visit(
        service.id(),
        block -> {
          int number = listing.number(block.blockId());
          if (number >= 0) {
            referenced.set(number);
          }
          if (Long.compareUnsigned(block.blockId(), createdBefore) < 0
              && listing.size(block.blockId()) != fileSize(block)) {
            if (suspicious.size() < FINDINGS_MAX) {
              suspicious.add(block);
            } else {
              findings.leftOut++;
            }
          }
        });
    for (StoredBlock block : suspicious) {
      Finding finding = lookAgain(service, block);
      if (finding != null) {
        findings.add(finding);
      }
    }
    long count = referenced.cardinality();
    if (count < listing.count()) {
      // A block may have moved from a file not yet read to one that was read already.
      visit(
          service.id(),
          block -> {
            int number = listing.number(block.blockId());
            if (number >= 0) {
              referenced.set(number);
            }
          });
      for (int i = referenced.nextClearBit(0);
          i < listing.count();
          i = referenced.nextClearBit(i + 1)) {
        if (!findings.hasRoom()) {
          findings.leftOut++;
          continue;
        }
        long size = BlockListing.sizeNow(client, service, listing.block(i));
        if (size != BlockListing.NONE) {
          findings.add(new Finding(Kind.UNREFERENCED, listing.block(i), size, 0));
        }
      }
    }
    return new Report(
        listing.count(), referenced.cardinality(), List.copyOf(findings.kept), findings.leftOut);
  }

  private static long fileSize(StoredBlock block) {
    return (long) block.size() / ProtocolConstants.PAGE_SIZE * ProtocolConstants.PAGE_WITH_CRC_SIZE;
  }

  /** Null if all is well by now, or if the block's file is not linked, when it need not exist. */
  private Finding lookAgain(BlockServiceDeprecatedInfo service, StoredBlock block)
      throws EggsException, IOException {
    long size = BlockListing.sizeNow(client, service, block.blockId());
    if (size == fileSize(block)) {
      return null;
    }
    try {
      client.shard(InodeIds.shard(block.file()), new StatFileRequest(block.file()));
      StoredSpan span = SpanPages.one(client, block.file(), block.spanOffset());
      StoredSpan.Copy copy = span == null ? null : span.at(block.locationId());
      // Not at its number: the span may have fewer blocks by now.
      if (copy == null
          || copy.blocks().stream().noneMatch(now -> now.blockId() == block.blockId())) {
        return null;
      }
    } catch (EggsException e) {
      if (e.code() == ErrorCode.FILE_NOT_FOUND) {
        return null;
      }
      throw e;
    }
    return size == BlockListing.NONE
        ? new Finding(Kind.MISSING, block.blockId(), 0, block.file())
        : new Finding(Kind.WRONG_SIZE, block.blockId(), size, block.file());
  }

  /** Visits all blocks on a service, one at a time. */
  private void visit(long service, Visitor visitor)
      throws EggsException, IOException, InterruptedException {
    AtomicInteger shards = new AtomicInteger();
    Object lock = new Object();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        running.add(
            threads.submit(
                () -> {
                  int shard = shards.getAndIncrement();
                  while (shard < ProtocolConstants.SHARD_COUNT) {
                    visitShard(
                        shard,
                        service,
                        block -> {
                          synchronized (lock) {
                            visitor.block(block);
                          }
                        });
                    shard = shards.getAndIncrement();
                  }
                  return null;
                }));
      }
      try {
        for (Future<?> part : running) {
          part.get();
        }
      } catch (ExecutionException e) {
        switch (e.getCause()) {
          case EggsException eggs -> throw eggs;
          case IOException io -> throw io;
          case RuntimeException bug -> throw bug;
          default -> throw new IllegalStateException(e.getCause());
        }
      } finally {
        running.forEach(part -> part.cancel(true));
      }
    }
  }

  private void visitShard(int shard, long service, Visitor visitor)
      throws EggsException, IOException {
    long next = 0;
    while (true) {
      BlockServiceFilesResponse page =
          client.shard(shard, new BlockServiceFilesRequest(service, next));
      if (page.fileIds().length == 0) {
        return;
      }
      for (long file : page.fileIds()) {
        visitFile(file, service, visitor);
        next = file + 1;
      }
    }
  }

  private void visitFile(long file, long service, Visitor visitor)
      throws EggsException, IOException {
    SpanPages pages = new SpanPages(client, file);
    try {
      for (List<StoredSpan> spans = pages.next(); !spans.isEmpty(); spans = pages.next()) {
        for (StoredSpan span : spans) {
          for (StoredSpan.Copy copy : span.copies()) {
            for (StoredBlock block : copy.blocks()) {
              if (block.service().id() == service) {
                visitor.block(block);
              }
            }
          }
        }
      }
    } catch (EggsException e) {
      // Removed since the shard named it.
      if (e.code() != ErrorCode.FILE_NOT_FOUND) {
        throw e;
      }
    }
  }

  /** Puts an unreferenced block's file aside on its disk; it can be moved back by hand. */
  public void quarantine(BlockServiceDeprecatedInfo service, Finding finding)
      throws EggsException, IOException {
    if (finding.kind() != Kind.UNREFERENCED) {
      throw new IllegalArgumentException("only unreferenced blocks are put aside");
    }
    long certificate =
        Certificates.quarantineCertificate(
            new CbcMac(service.secretKey()), service.id(), finding.blockId());
    client.blocks().quarantine(service.addrs(), service.id(), finding.blockId(), certificate);
  }
}
