package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.concurrent.locks.ReentrantLock;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileReader;
import org.eggsfs.client.FileWriter;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.protocol.EggsException;

/**
 * A file being written through this mount: a transient file of the shard, not visible under its
 * name before it is committed. What was written can be read back, and changed as long as its span
 * is still being filled (mount.md section 5). A failure of a span sticks and surfaces at the next
 * write, fsync or close.
 *
 * <p>Thread-safe: one operation at a time, others wait, interruptibly.
 */
final class WriteFile {
  /** What becomes of it. */
  enum State {
    WRITING,
    COMMITTED,
    DISCARDED
  }

  private static final long SECOND_NANOS = 1_000_000_000L;
  private static final int ZEROS_SIZE = 1 << 20;
  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(ZEROS_SIZE).asReadOnlyBuffer();

  private final EggsClient client;
  private final FileWriter writer;
  private final long id;
  private final CloseJudge.Users users;
  private final ReentrantLock lock = new ReentrantLock();

  /** Null for a file without a name. Changed under the lock. */
  private volatile Node.Place place;

  /** Whether the commit fails when the name exists by then. */
  private boolean exclusive;

  private State state = State.WRITING;
  private int failedWith;
  private FileReader written;
  private long writtenTo;
  private boolean direct;
  private final Object handlesLock = new Object();
  private int handles;

  /** Handles of which no descriptor has been closed yet. */
  private int untouchedHandles;

  private CloseJudge.Verdict lastVerdict = CloseJudge.Verdict.UNDECIDED;
  private volatile long size;
  private volatile long mtime;
  private volatile long atime;
  private long mtimeToSet = -1;
  private long atimeToSet = -1;

  /**
   * Wraps a writer whose file has been constructed.
   *
   * @param place where it will appear; null for a file that gets a name later or never
   * @param exclusive whether the commit fails when the name exists by then
   */
  WriteFile(
      EggsClient client,
      FileWriter writer,
      long id,
      Node.Place place,
      CloseJudge.Users users,
      boolean exclusive) {
    this.client = client;
    this.writer = writer;
    this.id = id;
    this.place = place;
    this.users = users;
    this.exclusive = exclusive;
    this.mtime = now();
    this.atime = mtime;
  }

  /** The present, in nanoseconds since 1970. */
  static long now() {
    Instant now = Instant.now();
    return now.getEpochSecond() * SECOND_NANOS + now.getNano();
  }

  long id() {
    return id;
  }

  long size() {
    return size;
  }

  long mtime() {
    return mtime;
  }

  long atime() {
    return atime;
  }

  CloseJudge.Users users() {
    return users;
  }

  private void lock() throws InterruptedIOException {
    try {
      lock.lockInterruptibly();
    } catch (InterruptedException e) {
      throw (InterruptedIOException)
          new InterruptedIOException("interrupted while another operation wrote").initCause(e);
    }
  }

  /** Where it will appear or has appeared; null if it has no name. */
  Node.Place place() {
    return place;
  }

  /**
   * Gives it another place to appear at, or none; false if it has appeared already.
   *
   * @param to null for none
   * @param mustBeNew whether the commit fails when the name exists by then
   */
  boolean move(Node.Place to, boolean mustBeNew) throws InterruptedIOException {
    lock();
    try {
      if (state != State.WRITING) {
        return false;
      }
      place = to;
      exclusive = mustBeNew;
      return true;
    } finally {
      lock.unlock();
    }
  }

  // Handles have a lock of their own, which is never held for long: opening needs no waiting.

  /** One more handle, of which no descriptor has been closed. */
  void opened() {
    synchronized (handlesLock) {
      handles++;
      untouchedHandles++;
    }
  }

  /** A descriptor of a handle has been closed for the first time. */
  void touched() {
    synchronized (handlesLock) {
      untouchedHandles--;
    }
  }

  /**
   * Whether some handle is certainly open: nobody has closed any descriptor of it. The process that
   * opened it may not have it in its table yet.
   */
  boolean hasUntouchedHandle() {
    synchronized (handlesLock) {
      return untouchedHandles > 0;
    }
  }

  /** Counts a handle down; true for the last one. */
  boolean released() {
    synchronized (handlesLock) {
      return --handles == 0;
    }
  }

  /**
   * Whether a new handle must go past the kernel's page cache. One that may read and write must,
   * since a shared mapping of it would be written to behind the last close, and so must all that
   * come after it, which would read old pages.
   */
  boolean isDirect(boolean readsAndWrites) {
    synchronized (handlesLock) {
      direct |= readsAndWrites;
      return direct;
    }
  }

  private interface Change {
    void make() throws EggsException, IOException;
  }

  /**
   * A failure sticks, except that of a caller who did not want to wait any longer: others may have
   * the file open, too.
   */
  private void change(Change change) throws IOException {
    lock();
    try {
      requireWriting();
      try {
        change.make();
      } catch (ErrnoException | InterruptedIOException e) {
        throw e;
      } catch (EggsException | IOException e) {
        failedWith = Errnos.of(e);
        throw Errnos.asIo(e);
      } finally {
        size = writer.position();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Data is lost of which nobody else is told: the file must not appear without it. */
  void fail() {
    lock.lock();
    try {
      if (failedWith == 0) {
        failedWith = Errno.EIO;
      }
    } finally {
      lock.unlock();
    }
  }

  private void requireWriting() throws ErrnoException {
    if (failedWith != 0) {
      throw new ErrnoException(failedWith, "the file could not be written");
    }
    if (state != State.WRITING) {
      throw new ErrnoException(Errno.EPERM, "the file is complete");
    }
  }

  /** Writes at an offset; a gap before it reads as zeros. */
  void write(long offset, ByteBuffer data) throws IOException {
    if (offset > Long.MAX_VALUE - data.remaining()) {
      throw new ErrnoException(Errno.EFBIG, "beyond the largest file");
    }
    change(
        () -> {
          long end = writer.position();
          if (offset > end) {
            appendZeros(offset - end);
          } else if (offset < end) {
            if (offset < writer.changeableFrom()) {
              throw new ErrnoException(Errno.EINVAL, "the span is already written");
            }
            int inside = (int) Math.min(data.remaining(), end - offset);
            writer.overwrite(offset, data.slice(data.position(), inside));
            data.position(data.position() + inside);
          }
          if (data.hasRemaining()) {
            writer.write(data);
          }
          mtime = now();
        });
  }

  private void appendZeros(long count) throws IOException {
    for (long left = count; left > 0; ) {
      if (Thread.currentThread().isInterrupted()) {
        throw new InterruptedIOException("interrupted while writing zeros");
      }
      ByteBuffer some = ZEROS.duplicate().limit((int) Math.min(left, ZEROS_SIZE));
      left -= some.remaining();
      writer.write(some);
      size = writer.position();
    }
  }

  /** Changes the size: longer by zeros, shorter as far as the last span is still being filled. */
  void resize(long wanted) throws IOException {
    change(
        () -> {
          long end = writer.position();
          if (wanted > end) {
            appendZeros(wanted - end);
          } else if (wanted < end) {
            if (wanted < writer.changeableFrom()) {
              throw new ErrnoException(Errno.EINVAL, "the span is already written");
            }
            writer.shorten(wanted);
          }
          mtime = now();
        });
  }

  /** Reads what was written; the number of bytes. */
  int read(long offset, ByteBuffer into) throws EggsException, IOException {
    lock();
    try {
      if (failedWith != 0) {
        throw new ErrnoException(failedWith, "the file could not be written");
      }
      if (state == State.DISCARDED) {
        throw new ErrnoException(Errno.EIO, "the file was thrown away");
      }
      int count = 0;
      long changeable = state == State.COMMITTED ? size : writer.changeableFrom();
      if (offset < changeable) {
        int limit = into.limit();
        into.limit((int) Math.min(limit, into.position() + (changeable - offset)));
        count = Math.max(0, spans(changeable).read(offset, into));
        into.limit(limit);
      }
      if (state == State.WRITING && into.hasRemaining()) {
        count += writer.readBack(Math.max(offset + count, changeable), into);
      }
      return count;
    } finally {
      lock.unlock();
    }
  }

  private FileReader spans(long upTo) throws EggsException, IOException {
    if (written == null || writtenTo != upTo) {
      if (written != null) {
        written.close();
        written = null;
      }
      if (state == State.WRITING) {
        writer.awaitSpans();
      }
      written = client.files().open(id, upTo);
      writtenTo = upTo;
    }
    return written;
  }

  /**
   * Times to be set when the file is committed, since committing sets them too; -1 for neither.
   *
   * @return false if it is committed already
   */
  boolean setTimes(long newMtime, long newAtime) throws IOException {
    lock();
    try {
      if (state == State.COMMITTED) {
        return false;
      }
      requireWriting();
      putTimes(newMtime, newAtime);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** The same if that needs no waiting and nothing is wrong with the file; false if not done. */
  boolean setTimesAtOnce(long newMtime, long newAtime) {
    if (!lock.tryLock()) {
      return false;
    }
    try {
      if (state != State.WRITING || failedWith != 0) {
        return false;
      }
      putTimes(newMtime, newAtime);
      return true;
    } finally {
      lock.unlock();
    }
  }

  private void putTimes(long newMtime, long newAtime) {
    if (newMtime >= 0) {
      mtimeToSet = newMtime;
      mtime = newMtime;
    }
    if (newAtime >= 0) {
      atimeToSet = newAtime;
      atime = newAtime;
    }
  }

  /** Waits until all complete spans are durable, and reports what went wrong. */
  void sync() throws EggsException, IOException {
    lock();
    try {
      if (failedWith != 0) {
        throw new ErrnoException(failedWith, "the file could not be written");
      }
      if (state == State.WRITING) {
        writer.awaitSpans();
      }
    } finally {
      lock.unlock();
    }
  }

  /** What the last close looked like, for the case that the kernel has no more to say. */
  CloseJudge.Verdict lastVerdict() {
    lock.lock();
    try {
      return lastVerdict;
    } finally {
      lock.unlock();
    }
  }

  void lastVerdict(CloseJudge.Verdict verdict) {
    lock.lock();
    try {
      lastVerdict = verdict;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Makes the file visible. Does nothing to one that is committed or thrown away already.
   *
   * @return false if there was nothing to do
   */
  boolean commit() throws EggsException, IOException {
    return commit(null);
  }

  /** The same under a name that a file without one gets only now. */
  boolean commitAs(Node.Place as) throws EggsException, IOException {
    return commit(as);
  }

  private boolean commit(Node.Place as) throws EggsException, IOException {
    lock();
    try {
      if (failedWith != 0) {
        throw new ErrnoException(failedWith, "the file could not be written");
      }
      if (state != State.WRITING || (as == null && place == null)) {
        return false;
      }
      try {
        Node.Place where = as == null ? place : as;
        writer.timesAtCommit(mtimeToSet, atimeToSet);
        // Not where it was begun: it may have been renamed since.
        FileWriter.Committed committed =
            writer.commitAs(where.directory(), where.name(), exclusive || as != null);
        place = where;
        state = State.COMMITTED;
        mtime = mtimeToSet < 0 ? committed.creationTime() : mtimeToSet;
        atime = atimeToSet < 0 ? committed.creationTime() : atimeToSet;
      } catch (EggsException | IOException e) {
        failedWith = Errnos.of(e);
        throw e;
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Throws the file away if it is not committed, and gives its memory back. */
  void end() {
    lock.lock();
    try {
      if (state == State.WRITING) {
        state = State.DISCARDED;
      }
      if (written != null) {
        written.close();
        written = null;
      }
      writer.close();
    } finally {
      lock.unlock();
    }
  }

  /** Throws the file away unless it is committed; its handles may still be open. */
  void discard() {
    lock.lock();
    try {
      if (state == State.WRITING) {
        state = State.DISCARDED;
        writer.close();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Keeps the shard from taking a slow writer for a dead one. */
  void keepAlive() throws EggsException, IOException {
    if (!lock.tryLock()) {
      // It is being written, which the shard sees.
      return;
    }
    try {
      if (state == State.WRITING && failedWith == 0) {
        writer.keepAlive();
      }
    } finally {
      lock.unlock();
    }
  }
}
