package org.eggsfs.client;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.client.span.Span;
import org.eggsfs.client.span.SpanList;
import org.eggsfs.client.span.SpanReader;
import org.eggsfs.client.span.Window;
import org.eggsfs.protocol.EggsException;

/**
 * The windows of one open file: groups of stripes that are fetched ahead of reads in sequence. One,
 * two, then several are kept on their way, as long as memory allows. Thread-safe.
 *
 * <p>A window is a cache that the buffer pool may take back at any time unless somebody has it
 * pinned. What cannot be fetched here is no error: the caller reads the range itself, and reports.
 */
final class ReadAhead {
  private static final int WINDOW_BYTES = 4 << 20;
  private static final int WINDOWS_AHEAD_MAX = 5;

  /** Reads in sequence before windows are used. */
  private static final int SEQUENTIAL_READS = 2;

  /** Windows kept; with several readers of one file more than one place is read in sequence. */
  private static final int WINDOWS_MAX = 8;

  /** A reader waits so long for a window's memory; then it reads what it needs and no more. */
  private static final long MEMORY_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(20);

  private static final Logger LOG = System.getLogger(ReadAhead.class.getName());

  private final SpanReader spanReader;
  private final BufferPool pool;
  private final long fileId;
  private final SpanList spans;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, Slot> slots = new LinkedHashMap<>();
  private final Runnable reclaimer = this::dropIdle;
  private long lastOffset;
  private long expectedOffset;
  private int sequentialReads;
  private int windowsAhead = 1;
  private boolean readingAhead;
  private boolean closed;

  /**
   * A window by its first byte in the file; pinned while somebody waits for or copies from it. The
   * span it was made of may have been exchanged for others since: offsets in the window are of that
   * one.
   */
  private static final class Slot {
    final long spanOffset;
    final long start;
    final long end;
    final CompletableFuture<Window> window = new CompletableFuture<>();
    int pins;
    boolean dropped;
    boolean released;

    Slot(long spanOffset, long start, long end) {
      this.spanOffset = spanOffset;
      this.start = start;
      this.end = end;
    }
  }

  /**
   * What happens with the bytes of a window from a position on; returns how many it were, 0 if they
   * are no use.
   */
  interface Use {
    int of(Window window, int position);
  }

  /** No windows yet; the pool may ask for memory until {@link #close}. */
  ReadAhead(SpanReader spanReader, BufferPool pool, long fileId, SpanList spans) {
    this.spanReader = spanReader;
    this.pool = pool;
    this.fileId = fileId;
    this.spans = spans;
    pool.addReclaimer(reclaimer);
  }

  /** The file will be read from front to back: windows are used from the first byte. */
  void hintSequential() {
    lock.lock();
    try {
      sequentialReads = SEQUENTIAL_READS;
      windowsAhead = 2;
    } finally {
      lock.unlock();
    }
  }

  /** Notes where a read is; returns whether it continues others, so that windows are worth it. */
  boolean noteRead(long offset, int count) {
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

  /** Where the window ends that holds a byte; that byte itself if it is behind all stored ones. */
  static long windowEnd(Span span, long at) {
    long size = windowSize(span);
    long start = (at - span.offset()) / size * size;
    return span.offset() + Math.max(at - span.offset(), Math.min(start + size, span.stored()));
  }

  private static long windowSize(Span span) {
    return (long) Math.max(1, WINDOW_BYTES / span.stripeSize()) * span.stripeSize();
  }

  /** Uses the window that holds the byte; 0 when there is none. */
  int use(Span span, long at, Use use, boolean sequential) throws IOException {
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
      used = use.of(window, (int) (at - slot.spanOffset));
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
    Slot slot = new Slot(span.offset(), span.offset() + start, span.offset() + end);
    if (slots.size() >= WINDOWS_MAX) {
      evictOne();
    }
    Slot shorter = slots.put(slot.start, slot);
    if (shorter != null) {
      // Of a span that has been exchanged.
      drop(shorter);
    }
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
      int from = (int) (slot.start - slot.spanOffset);
      int to = (int) (slot.end - slot.spanOffset);
      long bytes = SpanReader.windowBytes(span, from, to);
      BufferPool.Lease lease =
          mayWait ? pool.acquire(bytes, 0, MEMORY_NANOS_MAX) : pool.tryAcquire(bytes);
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

  boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  /** Gives the windows back; reads in progress end as they would have. */
  void close() {
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
}
