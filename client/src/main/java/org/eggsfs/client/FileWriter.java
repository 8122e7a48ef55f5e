package org.eggsfs.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.client.span.EncodedSpan;
import org.eggsfs.client.span.SpanUploader;
import org.eggsfs.client.span.SpanUploader.TransientFile;
import org.eggsfs.client.span.SpanUploader.Uploaded;
import org.eggsfs.core.Crc32c;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.core.SpanLayout;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddInlineSpanRequest;
import org.eggsfs.protocol.shard.AddSpanCertifyRequest;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LinkFileResponse;
import org.eggsfs.protocol.shard.SetTimeRequest;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;

/**
 * Writes one new file (client.md section 7). Bytes are collected into a span; a full span is
 * encoded and written by a task of its own while the next one fills. Nobody sees the file until
 * {@link #commit}; {@link #close} without commit throws everything away.
 *
 * <p>Several spans are in flight: the first is written into the file itself, a later one into an
 * idle helper file, from where it is moved to its place when all before it are certified. A file of
 * two spans needs no helper. Once a span has failed for good, every later call fails likewise.
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

  /** Makes the file visible and may choose how often to try; returns the edge's creation time. */
  interface Linker {
    LinkFileRequest request(TransientFile file);

    long link(TransientFile file) throws EggsException, IOException;
  }

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
  private final int shard;
  private final int type;
  private final byte[] note;
  private final Linker linker;
  private final SpanLayout.SpanPolicy spanPolicy;
  private final SpanLayout.BlockPolicy blockPolicy;
  private final long targetStripeSize;
  private final int spanSizeMax;
  private final int spansInFlightMax;

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

  // Shared with the span tasks.
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition taskEnded = lock.newCondition();
  private final ArrayDeque<TransientFile> idleHelpers = new ArrayDeque<>();
  private final CompletableFuture<Void> firstInitiated = new CompletableFuture<>();
  private int tasks;
  private Throwable failure;

  /** The last span's place in the file: certified, or failed. Only the filling side replaces it. */
  private CompletableFuture<Void> certified = CompletableFuture.completedFuture(null);

  FileWriter(
      EggsClient client,
      BufferPool pool,
      SpanUploader uploader,
      DirectoryPolicies policies,
      int shard,
      int type,
      byte[] note,
      int spansInFlightMax,
      Linker linker) {
    this.client = client;
    this.pool = pool;
    this.uploader = uploader;
    this.shard = shard;
    this.type = type;
    this.note = note;
    this.linker = linker;
    this.spanPolicy = policies.spanChoice();
    this.blockPolicy = policies.blockChoice();
    this.targetStripeSize = policies.stripe().targetStripeSize();
    this.spanSizeMax = (int) spanPolicy.spanSizeMax();
    this.spansInFlightMax = spansInFlightMax;
  }

  /** Creates the transient file; a file that is never written to is created at commit. */
  private TransientFile file() throws EggsException, IOException {
    if (file == null) {
      ConstructFileResponse response = client.shard(shard, new ConstructFileRequest(type, note));
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
    awaitCertified(file());
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
    Throwable failed = failure();
    if (failed != null) {
      throw failed(failed);
    }
  }

  private Throwable failure() {
    lock.lock();
    try {
      return failure;
    } finally {
      lock.unlock();
    }
  }

  private static IOException failed(Throwable cause) {
    return new IOException("file cannot be written: " + cause.getMessage(), cause);
  }

  /** A buffer for the next span: a full one for a file that is known to be long. */
  private void takeBuffer() throws IOException {
    filled = 0;
    if (spanIndex > 0) {
      while (true) {
        if (tryBuffer(spanSizeMax)) {
          return;
        }
        if (!awaitTask()) {
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

  /** Waits a little for a span in flight to end; false if there is none. Callers look again. */
  @SuppressWarnings("WaitNotInLoop")
  private boolean awaitTask() throws InterruptedIOException {
    lock.lock();
    try {
      if (tasks == 0) {
        return false;
      }
      taskEnded.await(MEMORY_LOOK_MILLIS, TimeUnit.MILLISECONDS);
      return true;
    } catch (InterruptedException e) {
      throw interrupted(e);
    } finally {
      lock.unlock();
    }
  }

  private static InterruptedIOException interrupted(InterruptedException cause) {
    Thread.currentThread().interrupt();
    return (InterruptedIOException)
        new InterruptedIOException("interrupted while writing").initCause(cause);
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
    awaitTurn();
    BufferPool.Lease lease = buffer;
    int size = filled;
    long offset = spanOffset;
    int index = spanIndex;
    CompletableFuture<Void> before = certified;
    CompletableFuture<Void> mine = new CompletableFuture<>();
    buffer = null;
    filled = 0;
    spanOffset += size;
    spanIndex++;
    certified = mine;
    lock.lock();
    try {
      tasks++;
    } finally {
      lock.unlock();
    }
    boolean viaHelper = index >= 2 || (index == 1 && !last);
    Thread.ofVirtual()
        .name("eggs-client-span")
        .start(() -> runSpan(target, lease, size, offset, index, viaHelper, before, mine));
  }

  private void awaitTurn() throws IOException {
    lock.lock();
    try {
      while (tasks >= spansInFlightMax) {
        taskEnded.await();
      }
    } catch (InterruptedException e) {
      throw interrupted(e);
    } finally {
      lock.unlock();
    }
    requireOpen();
  }

  private void runSpan(
      TransientFile target,
      BufferPool.Lease lease,
      int size,
      long offset,
      int index,
      boolean viaHelper,
      CompletableFuture<Void> before,
      CompletableFuture<Void> mine) {
    Throwable failed = null;
    try {
      writeSpan(target, lease, size, offset, index, viaHelper, before);
    } catch (EggsException | IOException | RuntimeException | Error e) {
      failed = e;
    }
    lock.lock();
    try {
      tasks--;
      if (failed != null && failure == null) {
        failure = failed;
      }
      taskEnded.signalAll();
    } finally {
      lock.unlock();
    }
    if (failed == null) {
      mine.complete(null);
    } else {
      firstInitiated.completeExceptionally(failed);
      mine.completeExceptionally(failed);
    }
  }

  private void writeSpan(
      TransientFile target,
      BufferPool.Lease lease,
      int size,
      long offset,
      int index,
      boolean viaHelper,
      CompletableFuture<Void> before)
      throws EggsException, IOException {
    if (size <= SpanLayout.INLINE_MAX) {
      writeInline(target, lease, size, offset, before);
      return;
    }
    SpanLayout layout = SpanLayout.choose(size, spanPolicy, blockPolicy, targetStripeSize);
    try (EncodedSpan span = encode(lease, size, layout)) {
      if (!viaHelper) {
        await(before);
        Uploaded uploaded =
            uploader.upload(
                target,
                offset,
                span,
                () -> {
                  if (index == 0) {
                    firstInitiated.complete(null);
                  }
                });
        uploader.certify(target, offset, uploaded.proofs());
        return;
      }
      // A reference without spans would scatter the file (client.md section 7).
      await(firstInitiated);
      Uploaded uploaded = uploader.uploadToHelper(target, takeHelper(), span);
      boolean moved = false;
      try {
        await(before);
        uploader.move(size, uploaded.holder(), 0, target, offset);
        moved = true;
      } finally {
        if (!moved) {
          uploader.scrap(uploaded.holder());
        }
      }
      uploader.certify(target, offset, uploaded.proofs());
      giveHelper(uploaded.holder());
    }
  }

  /** Moves to a larger buffer in the rare case that padding does not fit. */
  private EncodedSpan encode(BufferPool.Lease lease, int size, SpanLayout layout) {
    if (layout.capacity() <= lease.capacity()) {
      return EncodedSpan.encode(lease, size, layout);
    }
    try (lease) {
      BufferPool.Lease larger = pool.acquireOverdraft(layout.capacity());
      larger.buffer().put(0, lease.buffer(), 0, size);
      return EncodedSpan.encode(larger, size, layout);
    }
  }

  private void writeInline(
      TransientFile target,
      BufferPool.Lease lease,
      int size,
      long offset,
      CompletableFuture<Void> before)
      throws EggsException, IOException {
    ShardRequest request = inline(target, lease, size, offset);
    await(before);
    client.shard(shard, request);
    firstInitiated.complete(null);
  }

  private static ShardRequest inline(
      TransientFile target, BufferPool.Lease lease, int size, long offset) {
    byte[] body = new byte[size];
    try (lease) {
      lease.buffer().get(0, body);
    }
    return new AddInlineSpanRequest(
        target.id(),
        target.cookie(),
        StorageClass.INLINE,
        offset,
        size,
        Crc32c.sum(0, body, 0, size),
        body);
  }

  private static void await(CompletableFuture<Void> event) throws EggsException, IOException {
    try {
      event.get();
    } catch (InterruptedException e) {
      throw interrupted(e);
    } catch (ExecutionException e) {
      throw new IOException("an earlier span failed: " + e.getCause().getMessage(), e.getCause());
    }
  }

  private TransientFile takeHelper() {
    lock.lock();
    try {
      return idleHelpers.poll();
    } finally {
      lock.unlock();
    }
  }

  private void giveHelper(TransientFile helper) {
    lock.lock();
    try {
      idleHelpers.push(helper);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Writes what is left and makes the file visible, in place of a file that may have had the name.
   *
   * @return the file's id
   */
  public long commit() throws EggsException, IOException {
    return commit(linker).id();
  }

  /** Does the same and tells more. */
  public Committed commitAndTell() throws EggsException, IOException {
    return commit(linker);
  }

  /**
   * Makes the file visible under a name other than the one it was begun with, in the same shard.
   */
  public Committed commitAs(long directory, byte[] name) throws EggsException, IOException {
    if (InodeIds.shard(directory) != shard) {
      throw new IllegalArgumentException("the directory is in another shard than the file");
    }
    return commit(client.linker(directory, name));
  }

  private Committed commit(Linker how) throws EggsException, IOException {
    requireOpen();
    TransientFile target = file();
    long creationTime;
    if (filled > SpanLayout.INLINE_MAX && spanIndex <= 1) {
      creationTime = writeLastSpanAndLink(target, how);
    } else {
      if (filled > 0) {
        submit(true);
      }
      awaitCertified(target);
      creationTime = how.link(target);
      committed = true;
      setTimes(target, null);
    }
    return new Committed(target.id(), creationTime);
  }

  /** Times that the file gets when it is visible. */
  private record Times(long mtime, long atime) {
    SetTimeRequest request(TransientFile file) {
      return EggsClient.setTimeRequest(file.id(), mtime, atime);
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
    client.setTimes(target.id(), times.mtime, times.atime);
  }

  /**
   * The end of a file of one or two spans, on the caller's thread: the span's last request and the
   * one that makes the file visible are sent at the same time. The shard takes them in this order
   * and makes them durable together; if they arrive in the other one, the file is refused, because
   * its last span is known but not certified, and linked once more. That is why this is not for
   * spans in the metadata: a shard that has not heard of one would link the file without it.
   */
  private long writeLastSpanAndLink(TransientFile target, Linker how)
      throws EggsException, IOException {
    BufferPool.Lease lease = buffer;
    int size = filled;
    long offset = spanOffset;
    CompletableFuture<Void> before = certified;
    buffer = null;
    filled = 0;
    spanOffset += size;
    spanIndex++;
    boolean good = false;
    try {
      ShardRequest last = lastRequest(target, lease, size, offset, before);
      CompletableFuture<ShardResponse> certifying = client.shardAsync(shard, last);
      CompletableFuture<ShardResponse> linking = client.shardAsync(shard, how.request(target));
      CompletableFuture<ShardResponse> timing =
          times == null ? null : client.shardAsync(shard, times.request(target));
      long creationTime;
      try {
        // Only a certified file can be linked, so this answers for both.
        creationTime = ((LinkFileResponse) answer(linking)).creationTime();
      } catch (EggsException e) {
        answer(certifying);
        creationTime = how.link(target);
        timing = null;
      }
      good = true;
      committed = true;
      setTimes(target, timing);
      return creationTime;
    } catch (EggsException | IOException e) {
      fail(e);
      throw e;
    } finally {
      if (!good) {
        certified = CompletableFuture.failedFuture(new IOException("the last span failed"));
      }
    }
  }

  /** Brings the span to the disks; what is left is this request. */
  private ShardRequest lastRequest(
      TransientFile target,
      BufferPool.Lease lease,
      int size,
      long offset,
      CompletableFuture<Void> before)
      throws EggsException, IOException {
    SpanLayout layout = SpanLayout.choose(size, spanPolicy, blockPolicy, targetStripeSize);
    try (EncodedSpan span = encode(lease, size, layout)) {
      await(before);
      Uploaded uploaded = uploader.upload(target, offset, span, () -> {});
      return new AddSpanCertifyRequest(target.id(), target.cookie(), offset, uploaded.proofs());
    }
  }

  private void fail(Throwable cause) {
    lock.lock();
    try {
      if (failure == null) {
        failure = cause;
      }
    } finally {
      lock.unlock();
    }
  }

  private static ShardResponse answer(CompletableFuture<ShardResponse> future)
      throws EggsException, IOException {
    try {
      return future.get();
    } catch (InterruptedException e) {
      throw interrupted(e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case EggsException eggs -> throw eggs;
        case IOException io -> throw io;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  private void awaitCertified(TransientFile target) throws EggsException, IOException {
    try {
      certified.get();
    } catch (InterruptedException e) {
      throw interrupted(e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof EggsException eggs) {
        throw new EggsException(eggs.code(), "writing " + InodeIds.format(target.id()));
      }
      throw failed(e.getCause());
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
    awaitAllTasks();
    List<TransientFile> leftovers = new ArrayList<>(idleHelpers);
    idleHelpers.clear();
    if (!committed && file != null && type == InodeType.FILE) {
      leftovers.add(file);
    }
    if (!leftovers.isEmpty()) {
      // The collector would find them hours later; nobody has to wait for this.
      client.inBackground("eggs-client-scrap", () -> leftovers.forEach(uploader::scrap));
    }
  }

  /** Span tasks have deadlines of their own; their memory is not ours before they end. */
  private void awaitAllTasks() {
    boolean interrupted = false;
    lock.lock();
    try {
      while (tasks > 0) {
        try {
          taskEnded.await();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      lock.unlock();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
