package org.eggsfs.store;

import java.util.Arrays;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** A sorted map as a view and target: what {@link MemoryStore} and tests of state machines use. */
public final class MapView implements View, WriteTarget {
  private final NavigableMap<byte[], byte[]> map;

  /** An empty map. */
  public MapView() {
    this(new TreeMap<>(Arrays::compareUnsigned));
  }

  /** A view of {@code map}, which must be ordered by unsigned bytes. */
  MapView(NavigableMap<byte[], byte[]> map) {
    this.map = map;
  }

  /** Another map with the same content. */
  public MapView copy() {
    MapView copy = new MapView();
    copy.map.putAll(map);
    return copy;
  }

  /** The map itself. */
  public NavigableMap<byte[], byte[]> map() {
    return map;
  }

  @Override
  public byte[] get(byte[] key) {
    return map.get(key);
  }

  @Override
  public void put(byte[] key, byte[] value) {
    map.put(key, value);
  }

  @Override
  public void delete(byte[] key) {
    map.remove(key);
  }

  @Override
  public Cursor cursor() {
    return new MapCursor();
  }

  private final class MapCursor implements Cursor {
    private Map.Entry<byte[], byte[]> entry;

    @Override
    public void seek(byte[] key) {
      entry = map.ceilingEntry(key);
    }

    @Override
    public void seekForPrev(byte[] key) {
      entry = map.floorEntry(key);
    }

    @Override
    public void next() {
      entry = map.higherEntry(entry.getKey());
    }

    @Override
    public void prev() {
      entry = map.lowerEntry(entry.getKey());
    }

    @Override
    public boolean isValid() {
      return entry != null;
    }

    @Override
    public byte[] key() {
      return entry.getKey();
    }

    @Override
    public byte[] value() {
      return entry.getValue();
    }

    @Override
    public void close() {
      entry = null;
    }
  }
}
