package org.eggsfs.client;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.ReentrantLock;
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
 * <p>A read that does not continue another one fetches exactly the pages it needs. Reads in sequence
 * are served from windows, groups of stripes that are fetched ahead: one, two, then several, as long
 * as memory allows. Windows are a cache that the buffer pool may take back at any time.
 *
 * <p>When a range cannot be read from any combination of blocks, the list of spans is asked for again
 * (blocks move) and the read repeated with growing pauses until the deadline. A byte that did not
 * match its checksum is never returned.
 */
public final class FileReader implements AutoCloseable {
  private static final int WINDOW_BYTES = 4 << 20;
  private static final int WINDOWS_AHEAD_MAX = 5;

  /** Reads in sequence before windows are used. */
  private static final int SEQUENTIAL_READS = 2;

  /** Windows kept; with several readers of one file more than one place is read in sequence. */
  private static final int WINDOWS_MAX = 8;

  private static final long PAUSE_MILLIS_MIN = 100;
  private static final long PAUSE_MILLIS_MAX = 5_000;

  private final SpanReader spanReader;
  private final BufferPool pool;
  private final long fileId;
  private final SpanList spans;
  private final long deadlineNanos;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, Slot> slots = new LinkedHashMap<>();
  private final Runnable reclaimer = this::dropIdle;
  private long expectedOffset;
  private int sequentialReads;
  private int windowsAhead = 1;
  private boolean closed;

  /** A window by its first byte in the file; pinned while somebody waits for or copies from it. */
  private static final class Slot {
    final long start;
    final long end;
    final CompletableFuture<Window> window = new CompletableFuture<>();
    int pins;
    boolean dropped;

    Slot(long start, long end) {
      this.start = start;
      this.end = end;
    }
  }

  private FileReader(
      SpanReader spanReader,
      BufferPool pool,
      ShardCaller shards,
      long fileId,
      long deadlineNanos) {
    this.spanReader = spanReader;
    this.pool = pool;
    this.fileId = fileId;
    this.spans = new SpanList(shards, fileId);
    this.deadlineNanos = deadlineNanos;
  }

  static FileReader open(
      SpanReader spanReader,
      BufferPool pool,
      ShardCaller shards,
      long fileId,
      long deadlineNanos)
      throws EggsException, IOException {
    FileReader reader = new FileReader(spanReader, pool, shards, fileId, deadlineNanos);
    reader.spans.open();
    pool.addReclaimer(reader.reclaimer);
    return reader;
  }

  /** The file. */
  public long fileId() {
    return fileId;
  }

  /** Its size; it never changes. */
  public long size() throws EggsException, IOException {
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
      } else {
        sequentialReads = Math.min(sequentialReads, 1) - 1;
        windowsAhead = 1;
      }
      expectedOffset = offset + count;
      return sequentialReads > SEQUENTIAL_READS;
    } finally {
      lock.unlock();
    }
  }

  /** Reads at most to the end of a window or span; -1 at the end of the file. */
  private int readSome(long at, ByteBuffer into, boolean sequential)
      throws EggsException, IOException {
    long startNanos = System.nanoTime();
    long pauseMillis = PAUSE_MILLIS_MIN;
    while (true) {
      try {
        Span span = spans.find(at);
        if (span == null) {
          return -1;
        }
        int position = (int) (at - span.offset());
        if (span.isInline() || position >= span.storedBytes()) {
          return span.copyUnstored(position, into);
        }
        int fromWindow = fromWindows(span, at, into, sequential);
        return fromWindow > 0 ? fromWindow : readExactly(span, position, into);
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

  private int readExactly(Span span, int position, ByteBuffer into) throws IOException {
    int stripeSize = span.stripeSize();
    // Large reads go window by window, so that memory stays bounded.
    int groupEnd = Math.max(WINDOW_BYTES / stripeSize, 1) * stripeSize;
    long limit = (long) position / stripeSize * stripeSize + groupEnd;
    int to =
        (int)
            Math.min(
                Math.min(limit, span.storedBytes()), (long) position + into.remaining());
    BufferPool.Lease lease = pool.acquire(SpanReader.windowBytes(span, position, to));
    try (Window window = spanReader.read(fileId, span, position, to, lease)) {
      return window.copy(position, into);
    }
  }

  /** Copies from the window that holds the byte; 0 when there is none. */
  private int fromWindows(Span span, long at, ByteBuffer into, boolean sequential)
      throws IOException {
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
    try {
      if (mine) {
        fetch(slot, span, true);
      }
      if (sequential) {
        fetchAhead(slot.end);
      }
      Window window = slot.window.get();
      int position = (int) (at - span.offset());
      // The list of spans may have been fetched anew; contents never change.
      return window.contains(position) ? window.copy(position, into) : 0;
    } catch (ExecutionException e) {
      // The exact read that follows has its own try, and reports.
      return 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (InterruptedIOException)
          new InterruptedIOException("interrupted while reading").initCause(e);
    } finally {
      unpin(slot, at + into.position());
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
    int stripeSize = span.stripeSize();
    long size = (long) Math.max(1, WINDOW_BYTES / stripeSize) * stripeSize;
    long position = at - span.offset();
    long start = position / size * size;
    long end = Math.min(start + size, span.storedBytes());
    Slot slot = new Slot(span.offset() + start, span.offset() + end);
    evict();
    slots.put(slot.start, slot);
    return slot;
  }

  /** Makes room for one more: the oldest that nobody uses goes. */
  private void evict() {
    if (slots.size() >= WINDOWS_MAX) {
      for (Slot slot : List.copyOf(slots.values())) {
        if (slot.pins == 0 && slot.window.isDone()) {
          drop(slot);
          return;
        }
      }
    }
  }

  private void fetch(Slot slot, Span span, boolean mayWait) {
    try {
      int from = (int) (slot.start - span.offset());
      int to = (int) (slot.end - span.offset());
      long bytes = SpanReader.windowBytes(span, from, to);
      BufferPool.Lease lease = mayWait ? pool.acquire(bytes) : pool.tryAcquire(bytes);
      if (lease == null) {
        throw new IOException("no memory for reading ahead");
      }
      Window window = spanReader.read(fileId, span, from, to, lease);
      if (!slot.window.complete(window)) {
        window.close();
      }
    } catch (IOException | RuntimeException e) {
      slot.window.completeExceptionally(e);
      forgetSlot(slot);
    }
    closeIfDropped(slot);
  }

  private void fetchAhead(long from) {
    List<Slot> fresh = new ArrayList<>();
    lock.lock();
    try {
      int ahead = 0;
      for (Slot slot : slots.values()) {
        if (slot.start >= from) {
          ahead++;
        }
      }
      if (ahead >= windowsAhead || closed) {
        return;
      }
      windowsAhead = Math.min(WINDOWS_AHEAD_MAX, windowsAhead + 1);
    } finally {
      lock.unlock();
    }
    // Finding spans may ask a shard; it happens on the reading-ahead thread.
    Thread.ofVirtual().name("eggs-client-read-ahead").start(() -> readAhead(from, fresh));
  }
