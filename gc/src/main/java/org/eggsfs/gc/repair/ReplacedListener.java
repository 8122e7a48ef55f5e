package org.eggsfs.gc.repair;

/** Told about every replaced block; called by any thread, must be short. */
public interface ReplacedListener {
  /** Nobody is told. */
  ReplacedListener NONE = block -> {};

  /** The file has the new block now, durably. */
  void replaced(ReplacedBlock block);
}
