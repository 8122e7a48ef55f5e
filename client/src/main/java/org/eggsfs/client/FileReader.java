package org.eggsfs.client;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
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
 * sequence are served from the windows of {@link ReadAhead}.
 *
 * <p>When a range cannot be read from any combination of blocks, the list of spans is asked for
 * again (blocks move) and the read repeated with growing pauses until the deadline. A byte that did
 * not match its checksum is never returned.
 */
public final class FileReader implements AutoCloseable {
  private static final int CHUNK_BYTES = 1 << 20;
  private static final long PAUSE_MILLIS_MIN = 100;
  private static final long PAUSE_MILLIS_MAX = 5_000;

  private final SpanReader spanReader;
  private final BufferPool pool;
  private final long fileId;
  private final SpanList spans;
  private final long deadlineNanos;
  private final ReadAhead ahead;

  private FileReader(
      SpanReader spanReader, BufferPool pool, long fileId, SpanList spans, long deadlineNanos) {
    this.spanReader = spanReader;
    this.pool = pool;
    this.fileId = fileId;
    this.spans = spans;
    this.deadlineNanos = deadlineNanos;
    this.ahead = new ReadAhead(spanReader, pool, fileId, spans);
  }

  static FileReader open(
      SpanReader spanReader, BufferPool pool, ShardCaller shards, long fileId, long deadlineNanos)
      throws EggsException, IOException {
    SpanList spans = new SpanList(shards, fileId);
    spans.open();
    return new FileReader(spanReader, pool, fileId, spans, deadlineNanos);
  }

  /** A reader of a file whose size is known; it asks for nothing before it is read. */
  static FileReader open(
      SpanReader spanReader,
      BufferPool pool,
      ShardCaller shards,
      long fileId,
      long size,
      long deadlineNanos) {
    SpanList spans = new SpanList(shards, fileId);
    spans.assumeSize(size);
    return new FileReader(spanReader, pool, fileId, spans, deadlineNanos);
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
    ahead.hintSequential();
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
    boolean sequential = ahead.noteRead(offset, into.remaining());
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
    if (span == null || span.isInline() || offset + length > ReadAhead.windowEnd(span, offset)) {
      return 0;
    }
    return readFromBlocks(
        span,
        offset,
        length,
        (window, position) -> {
          if (!window.contains(position, length)) {
            return 0;
          }
          to.accept(window.slice(position, length));
          return length;
        },
        ahead.noteRead(offset, count));
  }

  /** Reads until the buffer is full; fails if the file ends before. */
  public void readFully(long offset, ByteBuffer into) throws EggsException, IOException {
    read(offset, into);
    if (into.hasRemaining()) {
      throw new EOFException("file " + InodeIds.format(fileId) + " ends before that");
    }
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

  private int readFromBlocks(Span span, long at, int length, ReadAhead.Use use, boolean sequential)
      throws IOException {
    int fromWindow = ahead.use(span, at, use, sequential);
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
        if (ahead.isClosed() || System.nanoTime() - startNanos > deadlineNanos) {
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

  private int readExactly(Span span, int position, int length, ReadAhead.Use use)
      throws IOException {
    // Large reads go window by window, so that memory stays bounded.
    long limit = ReadAhead.windowEnd(span, span.offset() + position) - span.offset();
    int to = (int) Math.min(limit, (long) position + length);
    // Not for ever: writers that wait for nothing may hold all memory.
    BufferPool.Lease lease = pool.acquireOrOverdraw(SpanReader.windowBytes(span, position, to));
    try (Window window = spanReader.read(fileId, span, position, to, lease)) {
      return use.of(window, position);
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

  /** Gives the windows back; reads in progress end as they would have. */
  @Override
  public void close() {
    ahead.close();
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
