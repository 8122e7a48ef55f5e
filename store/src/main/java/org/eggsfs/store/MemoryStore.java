package org.eggsfs.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * The in-memory twin of {@link RocksStore}. It remembers which batches were synced, so that a test
 * can crash it: {@link #loseUnsynced} goes back to what a disk would have kept.
 */
public final class MemoryStore implements KeyValueStore {
  private NavigableMap<byte[], byte[]> current = new TreeMap<>(Arrays::compareUnsigned);
  private NavigableMap<byte[], byte[]> synced = current;

  /** Whether a snapshot or {@link #synced} still refers to {@link #current}. */
  private boolean shared = true;

  @Override
  public synchronized Snapshot snapshot() {
    shared = true;
    return new MapSnapshot(new MapView(current));
  }

  @Override
  public synchronized void write(List<Change> changes, boolean sync) {
    if (shared) {
      NavigableMap<byte[], byte[]> copy = new TreeMap<>(Arrays::compareUnsigned);
      copy.putAll(current);
      current = copy;
      shared = false;
    }
    for (Change change : changes) {
      if (change.value() == null) {
        current.remove(change.key());
      } else {
        current.put(change.key(), change.value());
      }
    }
    if (sync) {
      synced = current;
      shared = true;
    }
  }

  /** Drops every batch that neither was synced nor precedes a synced one. */
  public synchronized void loseUnsynced() {
    current = synced;
    shared = true;
  }

  @Override
  public synchronized void checkpoint(Path directory) {
    List<String> lines = new ArrayList<>();
    current.forEach(
        (key, value) ->
            lines.add(
                java.util.HexFormat.of().formatHex(key)
                    + " "
                    + java.util.HexFormat.of().formatHex(value)));
    try {
      Files.createDirectory(directory);
      Files.write(directory.resolve("data"), lines);
    } catch (IOException e) {
      throw new UncheckedIOException("checkpoint into " + directory, e);
    }
  }

  @Override
  public void close() {
    // Nothing is held outside the heap.
  }

  private record MapSnapshot(MapView view) implements Snapshot {
    @Override
    public byte[] get(byte[] key) {
      return view.get(key);
    }

    @Override
    public Cursor cursor() {
      return view.cursor();
    }

    @Override
    public void close() {
      // The map is dropped with the snapshot.
    }
  }
}
