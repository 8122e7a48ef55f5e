package org.eggsfs.gc.migrate;

import org.eggsfs.gc.repair.ReplacedBlock;

/** Told what a migration does; called by any thread, must be short. */
public interface MigrateListener {
  /** Nobody is told. */
  MigrateListener NONE = new MigrateListener() {};

  /** A file with blocks to be moved was found. */
  default void found(long file) {}

  /** A block was moved. */
  default void moved(ReplacedBlock block) {}

  /** A file needs nothing any more. */
  default void done(long file) {}

  /** A file failed; it may be tried again. */
  default void failed(long file, Exception reason) {}

  /** All files of a shard have been found. */
  default void listed(int shard) {}
}
