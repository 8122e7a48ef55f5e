package org.eggsfs.gc.scrub;

import org.eggsfs.gc.repair.ReplacedBlock;
import org.eggsfs.gc.repair.StoredBlock;
import org.eggsfs.gc.repair.StoredSpan;
import org.eggsfs.protocol.ErrorCode;

/** Told what a scrub finds and does; called by any thread, must be short. */
public interface ScrubListener {
  /** Nobody is told. */
  ScrubListener NONE = new ScrubListener() {};

  /** The blocks of this span are about to be checked. */
  default void visited(StoredSpan span) {}

  /** A block was read and compared, whatever came of it. */
  default void checked(StoredBlock block) {}

  /**
   * A bad block.
   *
   * @param verdict of its block service: BLOCK_NOT_FOUND, BAD_BLOCK_CRC or BLOCK_IO_ERROR_FILE
   */
  default void found(StoredBlock block, ErrorCode verdict) {}

  /** A block that could not be checked now. */
  default void unchecked(StoredBlock block, String reason) {}

  /** A span whose bytes do not match its CRC although its blocks match theirs. */
  default void wrongSpan(StoredSpan span) {}

  /** A bad block was replaced. */
  default void repaired(ReplacedBlock block) {}

  /** A file could not be looked at or repaired. */
  default void failed(long file, Exception reason) {}
}
