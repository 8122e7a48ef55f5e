package org.eggsfs.store;

import java.nio.file.Path;
import java.util.List;

/**
 * An ordered key/value store with snapshots and atomic batches. Implementations: {@code RocksStore}
 * in production, {@code MemoryStore} for tests and simulation. Thread-safe.
 */
public interface KeyValueStore extends AutoCloseable {
  /** A change of one key; a null value deletes. */
  record Change(byte[] key, byte[] value) {}

  /** A consistent view of all batches written so far; must be closed. */
  Snapshot snapshot();

  /**
   * Writes all changes atomically, later ones winning. With {@code sync} the call returns only when
   * they, and all earlier batches, are durable.
   */
  void write(List<Change> changes, boolean sync);

  /** Makes a consistent copy of the store in the new directory {@code directory} (hard links). */
  void checkpoint(Path directory);

  @Override
  void close();

  /** A closable view. */
  interface Snapshot extends View, AutoCloseable {
    @Override
    void close();
  }
}
