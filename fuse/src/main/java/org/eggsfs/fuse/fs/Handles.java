package org.eggsfs.fuse.fs;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/** What is open, by the numbers that the kernel gives back to us. */
final class Handles {
  /** Something open. */
  sealed interface Handle permits Reading, Writing, DirectoryHandle {}

  /** A complete file, open for reading. */
  record Reading(ReadFiles.Shared file) implements Handle {}

  /**
   * A file being written.
   *
   * @param writable whether this handle may write
   * @param touched whether some descriptor of it has been closed
   */
  record Writing(WriteFile file, boolean writable, AtomicBoolean touched) implements Handle {
    Writing(WriteFile file, boolean writable) {
      this(file, writable, new AtomicBoolean());
    }

    /** A descriptor of it has been closed, or it is gone altogether. */
    void touch() {
      if (touched.compareAndSet(false, true)) {
        file.touched();
      }
    }
  }

  private final Map<Long, Handle> open = new ConcurrentHashMap<>();
  private final AtomicLong next = new AtomicLong(1);

  /** Opens; the number. */
  long add(Handle handle) {
    long number = next.getAndIncrement();
    open.put(number, handle);
    return number;
  }

  Handle get(long number) {
    return open.get(number);
  }

  Handle remove(long number) {
    return open.remove(number);
  }

  /** Everything that is open. */
  Iterable<Handle> all() {
    return open.values();
  }
}
