package org.eggsfs.client;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.client.span.Span;
import org.eggsfs.client.span.SpanList;
import org.eggsfs.client.span.SpanReader;
import org.eggsfs.client.span.Window;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;

/**
 * Reads one file (client.md section 8). Thread-safe; positional reads by several threads run at the
 * same time.
 *
 * <p>A read that does not continue another one fetches exactly the pages it needs. Reads in
 * sequence are served from windows, groups of stripes that are fetched ahead: one, two, then
 * several, as long as memory allows. Windows are a cache that the buffer pool may take back at any
 * time.
 *
 * <p>When a range cannot be read from any combination of blocks, the list of spans is asked for
 * again (blocks move) and the read repeated with growing pauses until the deadline. A byte that did
 * not match its checksum is never returned.
 */
public final class FileReader implements AutoCloseable {
  private static final int WINDOW_BYTES = 4 << 20;
  private static final int WINDOWS_AHEAD_MAX = 5;

  /** Reads in sequence before windows are used. */
  private static final int SEQUENTIAL_READS = 2;

  /** Windows kept; with several readers of one file more than one place is read in sequence. */
  private static final int WINDOWS_MAX = 8;

  private static final int CHUNK_BYTES = 1 << 20;
  private static final long PAUSE_MILLIS_MIN = 100;
  private static final long PAUSE_MILLIS_MAX = 5_000;
  private static final Logger LOG = System.getLogger(FileReader.class.getName());

  private final SpanReader spanReader;
  private final BufferPool pool;
  private final long fileId;
  private final SpanList spans;
  private final long deadlineNanos;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, Slot> slots = new LinkedHashMap<>();
  private final Runnable reclaimer = this::dropIdle;
  private long lastOffset;
  private long expectedOffset;
  private int sequentialReads;
  private int windowsAhead = 1;
  private boolean readingAhead;
  private boolean closed;

  /** A window by its first byte in the file; pinned while somebody waits for or copies from it. */
  private static final class Slot {
    final long start;
    final long end;
    final CompletableFuture<Window> window = new CompletableFuture<>();
    int pins;
    boolean dropped;
    boolean released;

    Slot(long start, long end) {
      this.start = start;
      this.end = end;
    }
  }

  private FileReader(
      SpanReader spanReader, BufferPool pool, ShardCaller shards, long fileId, long deadlineNanos) {
    this.spanReader = spanReader;
    this.pool = pool;
    this.fileId = fileId;
    this.spans = new SpanList(shards, fileId);
    this.deadlineNanos = deadlineNanos;
  }

  static FileReader open(
      SpanReader spanReader, BufferPool pool, ShardCaller shards, long fileId, long deadlineNanos)
      throws EggsException, IOException {
    FileReader reader = new FileReader(spanReader, pool, shards, fileId, deadlineNanos);
    reader.spans.open();
    pool.addReclaimer(reader.reclaimer);
    return reader;
  }

  /** A reader of what there is of a file under construction, which no stat knows. */
  static FileReader openUnfinished(
      SpanReader spanReader,
      BufferPool pool,
      ShardCaller shards,
      long fileId,
      long size,
      long deadlineNanos) {
    FileReader reader = new FileReader(spanReader, pool, shards, fileId, deadlineNanos);
    reader.spans.assumeSize(size);
    pool.addReclaimer(reader.reclaimer);
    return reader;
  }

  /** The file. */
  public long fileId() {
    return fileId;
  }

  /** Its size; it never changes. */
  public long size() {
    return spans.size();
  }

  /** Says that the file will be read from front to back: windows are used from the first byte. */
  public void hintSequential() {
    lock.lock();
    try {
      sequentialReads = SEQUENTIAL_READS;
      windowsAhead = 2;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Reads from a position on until the buffer is full or the file ends.
   *
   * @return bytes read, -1 when the position is at the end or behind it
   */
  public int read(long offset, ByteBuffer into) throws EggsException, IOException {
    if (offset < 0) {
      throw new IllegalArgumentException("negative offset");
    }
    boolean sequential = noteRead(offset, into.remaining());
    long at = offset;
    while (into.hasRemaining()) {
      int count = readSome(at, into, sequential);
      if (count < 0) {
        break;
      }
      at += count;
    }
    return at == offset && into.hasRemaining() ? -1 : (int) (at - offset);
  }

  /**
   * Shows a range where it lies in the client's memory, without a copy, if it lies in one piece:
   * within a span and a window. Otherwise nothing has been read.
   *
   * @param offset of the first byte
   * @param count how many bytes; fewer at the end of the file
   * @param to gets the bytes once; they are only there until it returns
   * @return whether {@code to} was called
   */
  public boolean show(long offset, int count, Consumer<ByteBuffer> to)
      throws EggsException, IOException {
    if (offset < 0) {
      throw new IllegalArgumentException("negative offset");
    }
    return untilDeadline(offset, () -> showOnce(offset, count, to)) > 0;
  }

  private int showOnce(long offset, int count, Consumer<ByteBuffer> to)
      throws EggsException, IOException {
    int length = (int) Math.min(count, size() - offset);
    Span span = length <= 0 ? null : spans.find(offset);
    if (span == null || span.isInline() || offset + length > windowEnd(span, offset)) {
      return 0;
    }
    return readFromBlocks(
        span,
        offset,
        length,
        (window, position) -> {
          to.accept(window.slice(position, length));
          return length;
        },
        noteRead(offset, count));
  }

  /** Where the window ends that holds a byte; that byte itself if it is behind all stored ones. */
  private static long windowEnd(Span span, long at) {
    long size = windowSize(span);
    long start = (at - span.offset()) / size * size;
    return span.offset() + Math.max(at - span.offset(), Math.min(start + size, span.stored()));
  }

  private static long windowSize(Span span) {
    return (long) Math.max(1, WINDOW_BYTES / span.stripeSize()) * span.stripeSize();
  }

  /** Reads until the buffer is full; fails if the file ends before. */
  public void readFully(long offset, ByteBuffer into) throws EggsException, IOException {
    read(offset, into);
    if (into.hasRemaining()) {
      throw new EOFException("file " + InodeIds.format(fileId) + " ends before that");
    }
  }

  private boolean noteRead(long offset, int count) {
    lock.lock();
    try {
      if (offset == expectedOffset) {
        sequentialReads++;
      } else if (offset != lastOffset || offset + count != expectedOffset) {
        // Another place; the same one again would be a repetition.
        sequentialReads = Math.min(sequentialReads, 1) - 1;
        windowsAhead = 1;
      }
      lastOffset = offset;
      expectedOffset = offset + count;
      return sequentialReads > SEQUENTIAL_READS;
    } finally {
      lock.unlock();
    }
  }

  /** What happens with the bytes of a window from a position on; returns how many it were. */
  private interface Use {
    int of(Window window, int position);
  }

  /** Reads at most to the end of a window or span; -1 at the end of the file. */
  private int readSome(long at, ByteBuffer into, boolean sequential)
      throws EggsException, IOException {
    return untilDeadline(
        at,
        () -> {
          Span span = spans.find(at);
          if (span == null) {
            return -1;
          }
          int position = (int) (at - span.offset());
          if (span.isInline() || position >= span.stored()) {
            return span.copyWithoutBlocks(position, into);
          }
          return readFromBlocks(
              span, at, into.remaining(), (window, from) -> window.copy(from, into), sequential);
        });
  }

  private int readFromBlocks(Span span, long at, int length, Use use, boolean sequential)
      throws IOException {
    int fromWindow = fromWindows(span, at, use, sequential);
    return fromWindow > 0 ? fromWindow : readExactly(span, (int) (at - span.offset()), length, use);
  }

  private interface Attempt {
    int run() throws EggsException, IOException;
  }

  private int untilDeadline(long at, Attempt attempt) throws EggsException, IOException {
    long startNanos = System.nanoTime();
    long pauseMillis = PAUSE_MILLIS_MIN;
    while (true) {
      try {
        return attempt.run();
      } catch (InterruptedIOException e) {
        throw e;
      } catch (IOException e) {
        if (isClosed() || System.nanoTime() - startNanos > deadlineNanos) {
          throw new IOException(
              "cannot read file " + InodeIds.format(fileId) + " at " + at + ": " + e.getMessage(),
              e);
        }
        spanReader.counters().countRepeatedRead();
        pause(pauseMillis);
        pauseMillis = Math.min(PAUSE_MILLIS_MAX, pauseMillis + pauseMillis / 2);
        spans.forget();
      }
    }
  }

  private static void pause(long millis) throws InterruptedIOException {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (InterruptedIOException)
          new InterruptedIOException("interrupted while reading").initCause(e);
    }
  }

  private int readExactly(Span span, int position, int length, Use use) throws IOException {
    // Large reads go window by window, so that memory stays bounded.
    long limit = windowEnd(span, span.offset() + position) - span.offset();
    int to = (int) Math.min(limit, (long) position + length);
    BufferPool.Lease lease = pool.acquire(SpanReader.windowBytes(span, position, to));
    try (Window window = spanReader.read(fileId, span, position, to, lease)) {
      return use.of(window, position);
    }
  }

  /** Uses the window that holds the byte; 0 when there is none. */
  private int fromWindows(Span span, long at, Use use, boolean sequential) throws IOException {
    Slot slot;
    boolean mine = false;
    lock.lock();
    try {
      slot = slotAt(at);
      if (slot == null) {
        if (!sequential || closed) {
          return 0;
        }
        slot = newSlot(span, at);
        mine = true;
      }
      slot.pins++;
    } finally {
      lock.unlock();
    }
    int used = 0;
    try {
      if (sequential) {
        readAhead(slot.end);
      }
      if (mine) {
        fetch(slot, span, true);
      }
      Window window = slot.window.get();
      used = use.of(window, (int) (at - span.offset()));
      return used;
    } catch (ExecutionException e) {
      // The exact read that follows has its own try, and reports.
      return 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (InterruptedIOException)
          new InterruptedIOException("interrupted while reading").initCause(e);
    } finally {
      unpin(slot, sequential && at + used == slot.end);
    }
  }

  private Slot slotAt(long at) {
    for (Slot slot : slots.values()) {
      if (slot.start <= at && at < slot.end) {
        return slot;
      }
    }
    return null;
  }

  /** Windows begin at multiples of their size in a span, so that two readers agree on them. */
  private Slot newSlot(Span span, long at) {
    long size = windowSize(span);
    long start = (at - span.offset()) / size * size;
    long end = Math.min(start + size, span.stored());
    Slot slot = new Slot(span.offset() + start, span.offset() + end);
    if (slots.size() >= WINDOWS_MAX) {
      evictOne();
    }
    slots.put(slot.start, slot);
    return slot;
  }

  private void evictOne() {
    for (Slot slot : slots.values()) {
      if (slot.pins == 0 && slot.window.isDone()) {
        drop(slot);
        return;
      }
    }
  }

  /** Takes a window out of the cache; its memory goes back when nobody uses it any more. */
  private void drop(Slot slot) {
    slots.remove(slot.start, slot);
    slot.dropped = true;
    releaseIfUnused(slot);
  }

  private void releaseIfUnused(Slot slot) {
    if (slot.dropped
        && slot.pins == 0
        && !slot.released
        && slot.window.state() == Future.State.SUCCESS) {
      slot.released = true;
      slot.window.resultNow().close();
    }
  }

  private void unpin(Slot slot, boolean consumed) {
    lock.lock();
    try {
      slot.pins--;
      if (consumed && !slot.dropped) {
        drop(slot);
      } else {
        releaseIfUnused(slot);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Gives memory back to the pool: every window that nobody is using. */
  private void dropIdle() {
    lock.lock();
    try {
      for (Slot slot : List.copyOf(slots.values())) {
        if (slot.pins == 0 && slot.window.isDone()) {
          drop(slot);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Fills a window that this thread has pinned. */
  private void fetch(Slot slot, Span span, boolean mayWait) {
    Throwable failure;
    try {
      int from = (int) (slot.start - span.offset());
      int to = (int) (slot.end - span.offset());
      long bytes = SpanReader.windowBytes(span, from, to);
      BufferPool.Lease lease = mayWait ? pool.acquire(bytes) : pool.tryAcquire(bytes);
      if (lease == null) {
        throw new IOException("no memory for reading ahead");
      }
      slot.window.complete(spanReader.read(fileId, span, from, to, lease));
      return;
    } catch (IOException | RuntimeException | Error e) {
      failure = e;
    }
    lock.lock();
    try {
      drop(slot);
    } finally {
      lock.unlock();
    }
    slot.window.completeExceptionally(failure);
  }

  /** Keeps some windows behind that offset on their way. */
  private void readAhead(long from) {
    lock.lock();
    try {
      if (countAhead(from) >= windowsAhead || readingAhead || closed || from >= spans.size()) {
        return;
      }
      readingAhead = true;
    } finally {
      lock.unlock();
    }
    // Finding spans may ask a shard, so it does not happen on the reader's thread.
    Thread.ofVirtual()
        .name("eggs-client-read-ahead")
        .start(
            () -> {
              try {
                fillAhead(from);
              } catch (EggsException | IOException | RuntimeException e) {
                // The reader itself will meet the same failure and report it.
                LOG.log(Level.DEBUG, "reading ahead stopped", e);
              } finally {
                endReadAhead();
              }
            });
  }

  private void endReadAhead() {
    lock.lock();
    try {
      readingAhead = false;
    } finally {
      lock.unlock();
    }
  }

  private int countAhead(long from) {
    int ahead = 0;
    for (Slot slot : slots.values()) {
      ahead += slot.start >= from ? 1 : 0;
    }
    return ahead;
  }

  private void fillAhead(long from) throws EggsException, IOException {
    long at = from;
    while (at < spans.size()) {
      Span span = spans.find(at);
      if (span == null) {
        return;
      }
      if (at - span.offset() >= span.stored() || span.isInline()) {
        at = span.end();
        continue;
      }
      Slot slot;
      boolean mine = false;
      lock.lock();
      try {
        slot = slotAt(at);
        if (slot == null) {
          if (closed || countAhead(from) >= windowsAhead) {
            windowsAhead = Math.min(WINDOWS_AHEAD_MAX, windowsAhead + 1);
            return;
          }
          slot = newSlot(span, at);
          slot.pins++;
          mine = true;
        }
      } finally {
        lock.unlock();
      }
      if (mine) {
        Slot mySlot = slot;
        Thread.ofVirtual()
            .name("eggs-client-window")
            .start(
                () -> {
                  try {
                    fetch(mySlot, span, false);
                  } finally {
                    unpin(mySlot, false);
                  }
                });
      }
      at = slot.end;
    }
  }

  /** The whole file as a stream, from the first byte. Closing the stream leaves the reader open. */
  public InputStream stream() {
    hintSequential();
    return new Stream();
  }

  /** Copies a range to a channel; returns how many bytes there were. */
  public long transferTo(long offset, long count, WritableByteChannel to)
      throws EggsException, IOException {
    ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES);
    long done = 0;
    while (done < count) {
      chunk.clear().limit((int) Math.min(chunk.capacity(), count - done));
      int n = read(offset + done, chunk);
      if (n < 0) {
        break;
      }
      chunk.flip();
      while (chunk.hasRemaining()) {
        to.write(chunk);
      }
      done += n;
    }
    return done;
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  /** Gives the windows back; reads in progress end as they would have. */
  @Override
  public void close() {
    pool.removeReclaimer(reclaimer);
    lock.lock();
    try {
      closed = true;
      for (Slot slot : List.copyOf(slots.values())) {
        drop(slot);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Errors of the protocol become the cause of an IOException, which is what streams throw. */
  private final class Stream extends InputStream {
    private long position;

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      try {
        int n = FileReader.this.read(position, ByteBuffer.wrap(bytes, offset, length));
        position += Math.max(0, n);
        return n;
      } catch (EggsException e) {
        throw new IOException(e.getMessage(), e);
      }
    }

    @Override
    public long skip(long count) {
      long skipped = Math.clamp(size() - position, 0, Math.max(0, count));
      position += skipped;
      return skipped;
    }

    @Override
    public int available() {
      return (int) Math.min(Integer.MAX_VALUE, Math.max(0, size() - position));
    }

    @Override
    public long transferTo(OutputStream to) throws IOException {
      byte[] chunk = new byte[CHUNK_BYTES];
      long done = 0;
      for (int n = read(chunk, 0, chunk.length); n >= 0; n = read(chunk, 0, chunk.length)) {
        to.write(chunk, 0, n);
        done += n;
      }
      return done;
    }
  }
}
