package org.eggsfs.fuse.kernel;

import java.lang.foreign.MemorySegment;

/** The way an answer takes to the kernel: the one its request came by. */
interface AnswerPath {
  /**
   * Sends a message, header first.
   *
   * @return 0 or a negated error number
   */
  int write(MemorySegment message, long size);

  /** The same for a message whose body lies elsewhere. */
  int write(MemorySegment header, MemorySegment body);

  /**
   * Room for one message, header first, from which {@link #write} takes it without another copy;
   * null if there is none.
   */
  default MemorySegment room() {
    return null;
  }
}
