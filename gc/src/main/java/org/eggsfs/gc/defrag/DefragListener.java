package org.eggsfs.gc.defrag;

import org.eggsfs.core.SpanLayout;
import org.eggsfs.gc.repair.StoredSpan;

/** Told what defragmentation does; called by any thread, must be short. */
public interface DefragListener {
  /** Nobody is told. */
  DefragListener NONE = new DefragListener() {};

  /** A span was rewritten. */
  default void rewritten(StoredSpan before, SpanLayout after) {}

  /** A file was found whose span sizes are not as its policy says. */
  default void unfit(ResizedFile file) {}

  /** So many more bytes of such a file were copied. */
  default void copiedBytes(long bytes) {}

  /** The copy of such a file is complete and takes its place next, if the name is unchanged. */
  default void copied(String path, long file) {}

  /** The copy has taken the file's place. */
  default void resized(ResizedFile file, long copy) {}

  /** The name was removed, renamed or overwritten meanwhile; the copy was thrown away. */
  default void nameChanged(String path, long file) {}

  /** A file failed. */
  default void failed(String path, long file, Exception reason) {}
}
