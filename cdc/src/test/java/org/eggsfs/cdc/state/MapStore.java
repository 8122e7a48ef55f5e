package org.eggsfs.cdc.state;

import java.util.Arrays;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/** A map as a store. */
final class MapStore implements View, WriteTarget {
  final NavigableMap<byte[], byte[]> map = new TreeMap<>(Arrays::compareUnsigned);

  MapStore copy() {
    MapStore copy = new MapStore();
    copy.map.putAll(map);
    return copy;
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
    return new Cursor() {
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
    };
  }
}
