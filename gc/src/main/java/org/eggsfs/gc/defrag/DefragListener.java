package org.eggsfs.gc.defrag;

import org.eggsfs.core.SpanLayout;
import org.eggsfs.gc.repair.StoredSpan;

/** Told what defragmentation does; called by any thread, must be short. */
public interface DefragListener {
  /** Nobody is told. */
  DefragListener NONE = new DefragListener() {};

  /** A span was rewritten. */
  default void rewritten(StoredSpan before, SpanLayout after) {}

  /** A file failed. */
  default void failed(String path, long file, Exception reason) {}
}
