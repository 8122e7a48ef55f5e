package org.eggsfs.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.client.span.SpanUploader;
import org.eggsfs.client.span.SpanUploader.TransientFile;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddInlineSpanRequest;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;
import org.eggsfs.protocol.shard.CommitFileRequest;
import org.eggsfs.protocol.shard.CommitFileResponse;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LinkFileResponse;
import org.eggsfs.protocol.shard.SetTimeRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.struct.BlockProof;

/**
 * Writes one new file (client.md section 7). Bytes are collected into a span; a full span is
 * encoded and written by a task of its own while the next one fills. Nobody sees the file until
 * {@link #commit}; {@link #close} without commit throws everything away.
 *
 * <p>Several spans are in flight ({@link SpansInFlight}). Once a span has failed for good, every
 * later call fails likewise.
 *
 * <p>Memory: a span's buffers come from the client's pool, small ones first for small files. A
 * writer with spans in flight waits for one of them when the pool is empty; one without takes what
 * it gets and cuts spans shorter, so that many open writers share little memory without blocking
 * each other.
 *
 * <p>To be used by one thread at a time. What {@link #commit} returned is durable.
 */
public final class FileWriter extends OutputStream {
  private static final int PAGE = SpanLayout.PAGE;

  /** Bytes that a buffer is good for, step by step as a file grows. */
  private static final int[] STEPS = {64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20};

  /**
   * After this long a writer takes its smallest buffer even if the budget is spent: who holds the
   * memory may be waiting for this very writer. Overdraws by one smallest buffer per open writer.
   */
  private static final long FIRST_BUFFER_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(20);

  private static final long MEMORY_LOOK_MILLIS = 20;

  /**
   * Where a file becomes visible.
   *
   * @param mustBeNew whether it is an error if something has the name
   */
  record Place(long directory, byte[] name, boolean mustBeNew) {}

  /**
   * A file that has become visible.
   *
   * @param id the file
   * @param creationTime of its edge in nanoseconds since 1970; also the file's times
   */
  public record Committed(long id, long creationTime) {}

  private final EggsClient client;
  private final BufferPool pool;
  private final SpanUploader uploader;
  private final SpansInFlight spans;
  private final int shard;
  private final int type;
  private final Place place;
  private final ShardSupport support;
  private final SpanLayout.SpanPolicy spanPolicy;
  private final SpanLayout.BlockPolicy blockPolicy;
  private final long targetStripeSize;
  private final int spanSizeMax;

  // The filling side.
  private TransientFile file;
  private BufferPool.Lease buffer;
  private int bufferLimit;
  private int filled;
  private long spanOffset;
  private int spanIndex;
  private boolean committed;
  private Times times;
  private boolean closed;

  FileWriter(
      EggsClient client,
      BufferPool pool,
      SpanUploader uploader,
      DirectoryPolicies policies,
      int shard,
      int type,
      int spansInFlightMax,
      Place place,
      ShardSupport support) {
    this.client = client;
    this.pool = pool;
    this.uploader = uploader;
    this.shard = shard;
    this.type = type;
    this.place = place;
    this.support = support;
    this.spanPolicy = policies.spanChoice();
    this.blockPolicy = policies.blockChoice();
    this.targetStripeSize = policies.stripe().targetStripeSize();
    this.spanSizeMax = (int) spanPolicy.spanSizeMax();
    this.spans = new SpansInFlight(client, pool, uploader, policies, shard, spansInFlightMax);
  }

  /** Creates the transient file; a file that is never written to is created at commit. */
  private TransientFile file() throws EggsException, IOException {
    if (file == null) {
      ConstructFileResponse response =
          client.shard(shard, new ConstructFileRequest(type, place.name));
      file = new TransientFile(response.id(), response.cookie());
    }
    return file;
  }

  /**
   * Creates the file under construction if the first write or the commit has not done so yet.
   *
   * @return its id, which it keeps when it becomes visible
   */
  public long construct() throws EggsException, IOException {
    return file().id();
  }

  /** Uses a file that was constructed ahead, in the same shard; before anything was written. */
  void adopt(TransientFile constructed) {
    file = constructed;
  }

  /** Bytes written so far. */
  public long position() {
    return spanOffset + filled;
  }

  /** Where the span begins that is still being filled: bytes from here on may be changed. */
  public long changeableFrom() {
    return spanOffset;
  }

  /** Changes bytes that were written, in the span that is still being filled. */
  public void overwrite(long offset, ByteBuffer from) throws IOException {
    requireOpen();
    int count = from.remaining();
    if (offset < spanOffset || offset + count > position()) {
      throw new IllegalArgumentException("not in the span that is being filled");
    }
    if (count > 0) {
      buffer.buffer().put((int) (offset - spanOffset), from, from.position(), count);
      from.position(from.limit());
    }
  }

  /** Drops bytes from the end, in the span that is still being filled. */
  public void shorten(long size) throws IOException {
    requireOpen();
    if (size < spanOffset || size > position()) {
      throw new IllegalArgumentException("not in the span that is being filled");
    }
    filled = Math.toIntExact(size - spanOffset);
  }

  /** Copies bytes of the span that is still being filled; fewer at its end. */
  public int readBack(long offset, ByteBuffer into) {
    if (offset < spanOffset) {
      throw new IllegalArgumentException("not in the span that is being filled");
    }
    int count = Math.clamp(position() - offset, 0, into.remaining());
    if (count > 0) {
      into.put(into.position(), buffer.buffer(), (int) (offset - spanOffset), count);
      into.position(into.position() + count);
    }
    return count;
  }

  /** Waits until every span that is complete has its place in the file; fails if one could not. */
  public void awaitSpans() throws EggsException, IOException {
    requireOpen();
    spans.awaitCertified(file());
  }

  /** Tells the shard that a file without news is still being written, or it would expire. */
  public void keepAlive() throws EggsException, IOException {
    TransientFile target = file();
    client.shard(
        shard,
        new AddInlineSpanRequest(
            target.id(), target.cookie(), StorageClass.EMPTY, 0, 0, 0, new byte[0]));
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    write(ByteBuffer.wrap(bytes, offset, length));
  }

  /** Appends what remains in the buffer. */
  public void write(ByteBuffer from) throws IOException {
    try {
      while (from.hasRemaining()) {
        int room = room();
        int count = Math.min(room, from.remaining());
        buffer.buffer().put(filled, from, from.position(), count);
        from.position(from.position() + count);
        filled += count;
      }
    } catch (EggsException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /** Appends everything that the channel gives, read directly into the span. */
  public long transferFrom(ReadableByteChannel from) throws IOException {
    long done = 0;
    try {
      while (true) {
        int room = room();
        ByteBuffer window = buffer.buffer().duplicate().limit(filled + room).position(filled);
        int n = from.read(window);
        if (n < 0) {
          return done;
        }
        filled += n;
        done += n;
      }
    } catch (EggsException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /** Appends everything that the stream gives. */
  public long transferFrom(InputStream from) throws IOException {
    return transferFrom(Channels.newChannel(from));
  }

  /** Makes room in the span buffer and says how much, at least one byte. */
  private int room() throws EggsException, IOException {
    requireOpen();
    if (buffer == null) {
      takeBuffer();
    }
    if (filled == bufferLimit && (filled == spanSizeMax || !grow())) {
      // More bytes follow, so this is not the last span; sizes of all but the last are whole pages,
      // as all limits are.
      submit(false);
      takeBuffer();
    }
    return bufferLimit - filled;
  }

  private void requireOpen() throws IOException {
    if (closed || committed) {
      throw new IOException("writer is closed");
    }
    spans.requireGood();
  }

  /** A buffer for the next span: a full one for a file that is known to be long. */
  private void takeBuffer() throws IOException {
    filled = 0;
    if (spanIndex > 0) {
      while (true) {
        if (tryBuffer(spanSizeMax)) {
          return;
        }
        if (!spans.awaitOne(MEMORY_LOOK_MILLIS)) {
          break;
        }
      }
    }
    int limit = Math.min(STEPS[0], spanSizeMax);
    buffer = pool.acquire(bufferBytes(limit), parityBytes(limit), FIRST_BUFFER_NANOS_MAX);
    if (buffer == null) {
      buffer = pool.acquireOverdraft(bufferBytes(limit));
    }
    bufferLimit = limit;
  }

  private boolean tryBuffer(int limit) {
    buffer = pool.tryAcquire(bufferBytes(limit), parityBytes(limit));
    bufferLimit = limit;
    return buffer != null;
  }

  /** Goes on in a larger buffer; false when there is none to be had now. */
  private boolean grow() {
    int next = spanSizeMax;
    for (int step : STEPS) {
      if (step > bufferLimit && step < spanSizeMax) {
        next = step;
        break;
      }
    }
    BufferPool.Lease old = buffer;
    int oldLimit = bufferLimit;
    if (!tryBuffer(next)) {
      buffer = old;
      bufferLimit = oldLimit;
      return false;
    }
    buffer.buffer().put(0, old.buffer(), 0, filled);
    old.close();
    return true;
  }

  /** Room for that many bytes and their padding to whole cells. */
  private long bufferBytes(int limit) {
    long stripes = Math.clamp(limit / targetStripeSize, 1, SpanLayout.STRIPES_MAX);
    return limit + stripes * Parity.DATA_MAX * PAGE;
  }

  /** Parity of a span of at most that size: the worst of the sizes at which the policy changes. */
  private long parityBytes(int limit) {
    long bytes = parityOf(limit);
    for (long size : spanPolicy.maxSizes()) {
      if (size < limit) {
        bytes = Math.max(bytes, parityOf(size));
      }
    }
    return bytes;
  }

  private long parityOf(long size) {
    SpanLayout layout = SpanLayout.choose(size, spanPolicy, blockPolicy, targetStripeSize);
    return layout.dataBlocks() == 1 ? 0 : layout.blockSize() * Parity.parity(layout.parity());
  }

  /** Hands the filled span to a task. */
  private void submit(boolean last) throws EggsException, IOException {
    TransientFile target = file();
    spans.awaitTurn();
    spans.start(target, takeFilled(), last);
  }

  /** What has been filled; the next span begins behind it. */
  private SpansInFlight.Filled takeFilled() {
    SpansInFlight.Filled span = new SpansInFlight.Filled(buffer, filled, spanOffset, spanIndex);
    buffer = null;
    spanOffset += filled;
    filled = 0;
    spanIndex++;
    return span;
  }

  /**
   * Writes what is left and makes the file visible, in place of a file that may have had the name.
   *
   * @return the file's id
   */
  public long commit() throws EggsException, IOException {
    return commit(place).id();
  }

  /**
   * Makes the file visible under a name other than the one it was begun with, in the same shard.
   *
   * @param mustBeNew whether it is an error if something has the name. With shards of TernFS it is
   *     looked up first, which leaves a moment for others
   * @throws EggsException CANNOT_OVERRIDE_NAME if the name is not new, or leads to a directory
   */
  public Committed commitAs(long directory, byte[] name, boolean mustBeNew)
      throws EggsException, IOException {
    if (InodeIds.shard(directory) != shard) {
      throw new IllegalArgumentException("the directory is in another shard than the file");
    }
    return commit(new Place(directory, name, mustBeNew));
  }

  private Committed commit(Place where) throws EggsException, IOException {
    requireOpen();
    TransientFile target = file();
    boolean inOneStep = where.mustBeNew ? support.isKnown(shard) : support.isKnownYet(shard);
    long creationTime;
    if (filled > SpanLayout.INLINE_MAX && spanIndex <= 1) {
      creationTime = commitLastSpan(target, where, inOneStep);
    } else {
      if (filled > 0) {
        submit(true);
      }
      spans.awaitCertified(target);
      if (inOneStep) {
        creationTime = commitInOneStep(target, where, 0, List.of());
      } else {
        requireFree(where);
        creationTime = linkThenSetTimes(target, where);
      }
    }
    return new Committed(target.id(), creationTime);
  }

  /** Times that the file gets when it is visible. */
  private record Times(long mtime, long atime) {
    SetTimeRequest request(TransientFile file) {
      return InodeOperations.setTimeRequest(file.id(), mtime, atime);
    }
  }

  /**
   * Makes the file get these times when it is committed, which sets both to the time of day.
   *
   * @param mtime in nanoseconds since 1970; -1 leaves it
   * @param atime likewise
   */
  public void timesAtCommit(long mtime, long atime) {
    times = mtime < 0 && atime < 0 ? null : new Times(mtime, atime);
  }

  /** Certificate, name and times by our own message: all of it or nothing, and one wait. */
  private long commitInOneStep(
      TransientFile target, Place where, long lastOffset, List<BlockProof> proofs)
      throws EggsException, IOException {
    SetTimeRequest set = times == null ? null : times.request(target);
    CommitFileRequest request =
        new CommitFileRequest(
            target.id(),
            target.cookie(),
            where.directory,
            where.name,
            where.mustBeNew,
            set == null ? 0 : set.mtime(),
            set == null ? 0 : set.atime(),
            lastOffset,
            proofs);
    CommitFileResponse response =
        Patience.patiently(() -> support.use(shard, () -> client.shard(shard, request)));
    committed = true;
    return response.creationTime();
  }

  /** For shards that do not look themselves, as late as possible. */
  private void requireFree(Place where) throws EggsException, IOException {
    if (where.mustBeNew) {
      client.newNames().requireFree(where.directory, where.name);
    }
  }

  private static LinkFileRequest linkRequest(TransientFile target, Place where) {
    return new LinkFileRequest(target.id(), target.cookie(), where.directory, where.name);
  }

  private long linkThenSetTimes(TransientFile target, Place where)
      throws EggsException, IOException {
    LinkFileResponse linked =
        Patience.patiently(() -> client.shard(shard, linkRequest(target, where)));
    committed = true;
    setTimes(target, null);
    return linked.creationTime();
  }

  /**
   * Waits for times that were sent ahead, or sends them; a request that was too early does not
   * count.
   */
  private void setTimes(TransientFile target, CompletableFuture<ShardResponse> sent)
      throws EggsException, IOException {
    if (times == null) {
      return;
    }
    if (sent != null) {
      try {
        answer(sent);
        return;
      } catch (EggsException e) {
        if (e.code() != ErrorCode.FILE_NOT_FOUND) {
          throw e;
        }
      }
    }
    client.inodes().setTimes(target.id(), times.mtime, times.atime);
  }

  /** The end of a file of one or two spans, on the caller's thread. */
  private long commitLastSpan(TransientFile target, Place where, boolean inOneStep)
      throws EggsException, IOException {
    try {
      AddSpanCertifyRequest last = spans.writeLast(target, takeFilled());
      if (inOneStep) {
        return commitInOneStep(target, where, last.byteOffset(), last.proofs());
      }
      requireFree(where);
      return certifyAndLink(target, where, last);
    } catch (EggsException | IOException | RuntimeException e) {
      spans.fail(e);
      throw e;
    }
  }

  /**
   * For shards that do not know our message: the span's last request and the one that makes the
   * file visible are sent at the same time. The shard takes them in this order and makes them
   * durable together; if they arrive in the other one, the file is refused, because its last span
   * is known but not certified, and linked once more. That is why this is not for spans in the
   * metadata: a shard that has not heard of one would link the file without it.
   */
  private long certifyAndLink(TransientFile target, Place where, AddSpanCertifyRequest last)
      throws EggsException, IOException {
    CompletableFuture<ShardResponse> certifying = client.shardAsync(shard, last);
    CompletableFuture<ShardResponse> linking = client.shardAsync(shard, linkRequest(target, where));
    CompletableFuture<ShardResponse> timing =
        times == null ? null : client.shardAsync(shard, times.request(target));
    long creationTime;
    try {
      // Only a certified file can be linked, so this answers for both.
      creationTime = ((LinkFileResponse) answer(linking)).creationTime();
    } catch (EggsException e) {
      answer(certifying);
      return linkThenSetTimes(target, where);
    }
    committed = true;
    setTimes(target, timing);
    return creationTime;
  }

  private static ShardResponse answer(CompletableFuture<ShardResponse> future)
      throws EggsException, IOException {
    try {
      return future.get();
    } catch (InterruptedException e) {
      throw SpansInFlight.interrupted(e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case EggsException eggs -> throw eggs;
        case IOException io -> throw io;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** Ends the writer. A file that was not committed is gone. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (buffer != null) {
      buffer.close();
      buffer = null;
    }
    List<TransientFile> leftovers = spans.end();
    if (!committed && file != null && type == InodeType.FILE) {
      leftovers.add(file);
    }
    if (!leftovers.isEmpty()) {
      // The collector would find them hours later; nobody has to wait for this.
      client.inBackground("eggs-client-scrap", () -> leftovers.forEach(uploader::scrap));
    }
  }
}
