/**
 * An ordered key/value store with snapshots and atomic batches: {@link org.eggsfs.store.RocksStore}
 * in production, {@link org.eggsfs.store.MemoryStore} in tests and simulation, and {@link
 * org.eggsfs.store.Overlay} for changes that are decided but not yet durable.
 */
package org.eggsfs.store;
