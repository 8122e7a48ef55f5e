package org.eggsfs.gc.defrag;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicReference;
import org.eggsfs.client.DirectoryPolicies;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.ResolvedPath;
import org.eggsfs.client.TreeWalk;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.client.span.EncodedSpan;
import org.eggsfs.client.span.SpanUploader;
import org.eggsfs.client.span.SpanUploader.TransientFile;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.gc.Pace;
import org.eggsfs.gc.repair.Interrupts;
import org.eggsfs.gc.repair.TaskGroup;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddInlineSpanRequest;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;

/**
 * Copies files whose spans are not as large as the policy of their directory says (gc.md section
 * 9), and lets the copy take the file's place with its times. Where the name changes meanwhile -
 * removed, renamed, overwritten - the shard refuses the copy, which is thrown away: nothing is
 * brought back and nothing is hidden. The file that is replaced becomes a snapshot, which the
 * policies remove.
 *
 * <p>A file is read and written span by span; the copy's checksum, computed from what was written,
 * must be that of the file's own spans.
 *
 * <p>Thread-safe; calls block, and end when their thread is interrupted.
 */
public final class SpanSizeDefragmenter implements AutoCloseable {
  private static final byte[] NOTE = "defrag: copy in other spans".getBytes(StandardCharsets.UTF_8);

  private static final System.Logger LOG = System.getLogger(SpanSizeDefragmenter.class.getName());

  private final EggsClient client;
  private final DefragSettings settings;
  private final DefragCounters counters;
  private final SpanUploader uploader;
  private final BufferPool pool;
  private final Pace pace;
  private final LinkFileOverSupport support;

  /** A defragmenter over a client, which must outlive it. */
  public SpanSizeDefragmenter(EggsClient client, DefragSettings settings, DefragCounters counters) {
    this.client = client;
    this.settings = settings;
    this.counters = counters;
    this.uploader = new SpanUploader(client, client.blocks());
    this.pool = new BufferPool(settings.memoryBytes());
    this.pace = new Pace(settings.bytesPerSecond());
    this.support = new LinkFileOverSupport(client, LinkFileOverSupport.ANSWER_NANOS_MAX);
  }

  /** An edge to a file, as it was seen. */
  private record Name(String path, long directory, byte[] name, long file, long creationTime) {}

  private interface Work {
    void of(Name name) throws EggsException, IOException;
  }

  /**
   * Copies what does not fit below a path, or the one file there. An error concerns its file only.
   *
   * @throws IOException if directories could not be listed, if shards do not know the message for
   *     this, or on interruption
   */
  public void run(String path, DefragListener listener) throws EggsException, IOException {
    each(path, listener, name -> copyUnfit(name, listener));
    counters.cycles.increment();
  }

  /** Only tells the listener, with {@link DefragListener#unfit}, what {@link #run} would copy. */
  public void look(String path, DefragListener listener) throws EggsException, IOException {
    each(path, listener, name -> unfit(name, client.inodes().policies(name.directory), listener));
  }

  private void each(String path, DefragListener listener, Work work)
      throws EggsException, IOException {
    AtomicReference<IOException> end = new AtomicReference<>();
    ResolvedPath root = client.paths().resolve(path);
    if (!InodeIds.isDirectory(root.id())) {
      if (InodeIds.isFile(root.id())) {
        Name name = new Name(path, root.ownerId(), root.name(), root.id(), root.creationTime());
        isolated(name, listener, work, end);
      }
    } else {
      try (TaskGroup files = new TaskGroup("defrag-file", settings.filesAtOnce())) {
        TreeWalk.walk(
            client,
            root.id(),
            path,
            visit -> {
              if (end.get() != null) {
                return false;
              }
              if (InodeIds.isFile(visit.id())
                  && Long.compareUnsigned(visit.creationTime(), settings.fromTime()) >= 0) {
                Name name =
                    new Name(
                        visit.path(),
                        visit.parent(),
                        visit.name(),
                        visit.id(),
                        visit.creationTime());
                files.submit(() -> isolated(name, listener, work, end));
              }
              return true;
            });
        files.join();
      }
    }
    if (end.get() != null) {
      throw end.get();
    }
  }

  private void isolated(
      Name name, DefragListener listener, Work work, AtomicReference<IOException> end)
      throws InterruptedIOException {
    if (end.get() != null) {
      return;
    }
    try {
      work.of(name);
    } catch (InterruptedIOException e) {
      throw e;
    } catch (LinkFileOverSupport.UnknownMessageException e) {
      // It would be the same with every other file.
      end.compareAndSet(null, e);
    } catch (EggsException | IOException | RuntimeException e) {
      counters.failedFiles.increment();
      listener.failed(name.path, name.file, e);
      LOG.log(System.Logger.Level.WARNING, "defragmentation of " + name.path + " failed", e);
    }
  }

  /** How the file is cut if that is not as the policies say and can be changed, else null. */
  private SpanSizes unfit(Name name, DirectoryPolicies policies, DefragListener listener)
      throws EggsException, IOException {
    SpanSizes sizes;
    try {
      sizes = SpanSizes.of(client, name.file, policies);
    } catch (EggsException e) {
      if (e.code() == ErrorCode.FILE_NOT_FOUND) {
        return null;
      }
      throw e;
    }
    counters.analyzedFiles.increment();
    counters.analyzedLogicalSize.add(sizes.size());
    if (sizes.fits()) {
      return null;
    }
    if (sizes.hasOtherLocations()) {
      counters.skippedLocations.increment();
      return null;
    }
    if (sizes.hasGaps()) {
      counters.skippedSizes.increment();
      return null;
    }
    listener.unfit(
        new ResizedFile(
            name.path, name.file, sizes.size(), sizes.spans(), sizes.spansUnder(policies)));
    return sizes;
  }

  private void copyUnfit(Name name, DefragListener listener) throws EggsException, IOException {
    DirectoryPolicies policies = client.inodes().policies(name.directory);
    SpanSizes sizes = unfit(name, policies, listener);
    if (sizes == null) {
      return;
    }
    support.require(InodeIds.shard(name.directory));
    ConstructFileResponse made =
        client.shard(
            InodeIds.shard(name.directory), new ConstructFileRequest(InodeType.FILE, NOTE));
    TransientFile copy = new TransientFile(made.id(), made.cookie());
    boolean linked = false;
    try {
      int crc = copy(name.file, sizes.size(), copy, policies, listener);
      if (crc != sizes.crc()) {
        throw new IOException("the copy does not match the file's checksums");
      }
      listener.copied(name.path, name.file);
      linked = link(name, copy);
    } catch (EggsException e) {
      if (e.code() != ErrorCode.FILE_NOT_FOUND || exists(name.file)) {
        throw e;
      }
      // Removed and destroyed while it was copied.
      linked = false;
      counters.changedNames.increment();
    } finally {
      if (!linked) {
        client.files().scrap(copy);
      }
    }
    if (linked) {
      counters.resizedFiles.increment();
      counters.resizedBytes.add(sizes.size());
      counters.resizedSpansBefore.add(sizes.spans());
      counters.resizedSpansAfter.add(sizes.spansUnder(policies));
      listener.resized(
          new ResizedFile(
              name.path, name.file, sizes.size(), sizes.spans(), sizes.spansUnder(policies)),
          copy.id());
    } else {
      listener.nameChanged(name.path, name.file);
    }
  }

  private boolean exists(long file) throws EggsException, IOException {
    try {
      client.inodes().stat(file);
      return true;
    } catch (EggsException e) {
      if (e.code() == ErrorCode.FILE_NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /** False if the name does not lead to the file any more. */
  private boolean link(Name name, TransientFile copy) throws EggsException, IOException {
    try {
      client.inodes().linkOver(copy, name.directory, name.name, name.file, name.creationTime);
      return true;
    } catch (EggsException e) {
      boolean changed =
          switch (e.code()) {
            case EDGE_NOT_FOUND,
                MISMATCHING_TARGET,
                MISMATCHING_CREATION_TIME,
                DIRECTORY_NOT_FOUND ->
                true;
            default -> false;
          };
      if (!changed) {
        throw e;
      }
      counters.changedNames.increment();
      return false;
    }
  }

  /** Writes a file's bytes into spans as the policies say. Returns their CRC as it was written. */
  private int copy(
      long file, long size, TransientFile copy, DirectoryPolicies policies, DefragListener listener)
      throws EggsException, IOException {
    long spanSizeMax = SpanSizes.sizeMax(policies);
    int crc = 0;
    try (FileReader reader = client.files().open(file)) {
      reader.hintSequential();
      for (long offset = 0; offset < size; ) {
        int length = (int) Math.min(spanSizeMax, size - offset);
        try {
          pace.acquire(length);
        } catch (InterruptedException e) {
          throw Interrupts.whileDoing("waiting for the turn of a span", e);
        }
        int spanCrc =
            length <= SpanLayout.INLINE_MAX
                ? copyInline(reader, offset, length, copy)
                : copyBlocks(reader, offset, length, copy, policies);
        crc = Crc32c.append(crc, spanCrc, length);
        offset += length;
        listener.copiedBytes(length);
      }
    }
    return crc;
  }

  private int copyInline(FileReader reader, long offset, int length, TransientFile copy)
      throws EggsException, IOException {
    byte[] body = new byte[length];
    reader.readFully(offset, ByteBuffer.wrap(body));
    int crc = Crc32c.sum(0, body, 0, length);
    client.shard(
        InodeIds.shard(copy.id()),
        new AddInlineSpanRequest(
            copy.id(), copy.cookie(), StorageClass.INLINE, offset, length, crc, body));
    return crc;
  }

  private int copyBlocks(
      FileReader reader, long offset, int length, TransientFile copy, DirectoryPolicies policies)
      throws EggsException, IOException {
    SpanLayout layout = policies.layoutOf(length);
    long parity = layout.dataBlocks() == 1 ? 0 : layout.blockSize() * layout.parityBlocks();
    BufferPool.Lease lease = pool.acquire(layout.capacity(), parity, Long.MAX_VALUE);
    boolean read = false;
    try {
      reader.readFully(offset, lease.buffer().slice(0, length));
      read = true;
    } finally {
      if (!read) {
        lease.close();
      }
    }
    try (EncodedSpan encoded = EncodedSpan.encode(lease, length, layout)) {
      SpanUploader.Uploaded uploaded = uploader.upload(copy, offset, encoded, () -> {});
      uploader.certify(copy, offset, uploaded.proofs());
      return encoded.crc();
    }
  }

  /** Gives the memory back; no call may be running any more. */
  @Override
  public void close() {
    pool.close();
  }
}
