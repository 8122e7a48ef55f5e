package org.eggsfs.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.eggsfs.store.KeyValueStore.Change;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: an overlay over either store reads like one sorted map. Method: random changes, rebases and
 * walks in both directions, compared with a TreeMap.
 */
class OverlayTest {
  @TempDir Path directory;

  @Test
  void overMemory() {
    compareWithMap(new MemoryStore(), 1);
  }

  @Test
  void overRocks() {
    try (RocksStore store = RocksStore.open(directory)) {
      compareWithMap(store, 2);
    }
  }

  private static void compareWithMap(KeyValueStore store, long seed) {
    Random random = new Random(seed);
    TreeMap<byte[], byte[]> expected = new TreeMap<>(Arrays::compareUnsigned);
    KeyValueStore.Snapshot base = store.snapshot();
    Overlay overlay = new Overlay(base);
    List<Change> unwritten = new ArrayList<>();
    for (int batch = 1; batch < 200; batch++) {
      overlay.beginBatch(batch);
      for (int i = random.nextInt(6); i >= 0; i--) {
        byte[] key = key(random);
        if (random.nextInt(3) == 0) {
          expected.remove(key);
          overlay.delete(key);
          unwritten.add(new Change(key, null));
        } else {
          byte[] value = {(byte) random.nextInt()};
          expected.put(key, value);
          overlay.put(key, value);
          unwritten.add(new Change(key, value));
        }
      }
      if (random.nextInt(4) == 0) {
        store.write(unwritten, random.nextBoolean());
        unwritten.clear();
        KeyValueStore.Snapshot newer = store.snapshot();
        overlay.rebase(newer, batch);
        base.close();
        base = newer;
        assertEquals(0, overlay.pendingCount());
      }
      byte[] probe = key(random);
      assertArrayEquals(expected.get(probe), overlay.get(probe));
      walk(expected, overlay, random);
    }
    base.close();
  }

  private static void walk(NavigableMap<byte[], byte[]> expected, Overlay overlay, Random random) {
    byte[] start = key(random);
    try (Cursor cursor = overlay.cursor()) {
      byte[] at;
      if (random.nextBoolean()) {
        cursor.seek(start);
        at = expected.ceilingKey(start);
      } else {
        cursor.seekForPrev(start);
        at = expected.floorKey(start);
      }
      for (int step = 0; step < 20; step++) {
        assertEquals(at != null, cursor.isValid());
        if (at == null) {
          return;
        }
        assertArrayEquals(at, cursor.key());
        assertArrayEquals(expected.get(at), cursor.value());
        if (random.nextInt(3) > 0) {
          cursor.next();
          at = expected.higherKey(at);
        } else {
          cursor.prev();
          at = expected.lowerKey(at);
        }
      }
    }
  }

  private static byte[] key(Random random) {
    byte[] key = new byte[1 + random.nextInt(2)];
    key[0] = (byte) (random.nextInt(4) * 80);
    if (key.length > 1) {
      key[1] = (byte) (random.nextInt(10) * 25);
    }
    return key;
  }

  /** All keys that begin so, from both ends, whatever lies around them. */
  @Test
  void aCursorOfAPrefixHasAllOfIt() {
    Random random = new Random(3);
    NavigableMap<byte[], byte[]> expected = new TreeMap<>(Arrays::compareUnsigned);
    try (RocksStore store = RocksStore.open(directory)) {
      for (int i = 0; i < 300; i++) {
        byte[] key = {(byte) random.nextInt(253, 257), (byte) random.nextInt(250, 260), (byte) i};
        byte[] value = random.nextInt(3) == 0 ? null : new byte[] {(byte) i};
        store.write(List.of(new Change(key, value)), false);
        if (value == null) {
          expected.remove(key);
        } else {
          expected.put(key, value);
        }
      }
      for (int first = 253; first < 257; first++) {
        for (int second = 250; second < 260; second++) {
          check(expected, store, new byte[] {(byte) first, (byte) second});
        }
        check(expected, store, new byte[] {(byte) first});
      }
      check(expected, store, new byte[0]);
    }
  }

  private static void check(
      NavigableMap<byte[], byte[]> expected, RocksStore store, byte[] prefix) {
    List<String> keys =
        expected.keySet().stream()
            .filter(key -> Arrays.equals(Arrays.copyOf(key, prefix.length), prefix))
            .map(Arrays::toString)
            .toList();
    byte[] last = Arrays.copyOf(prefix, 4);
    Arrays.fill(last, prefix.length, 4, (byte) 0xff);
    try (KeyValueStore.Snapshot snapshot = store.snapshot();
        Cursor cursor = snapshot.cursor(prefix)) {
      List<String> found = new ArrayList<>();
      for (cursor.seek(prefix); begins(cursor, prefix); cursor.next()) {
        found.add(Arrays.toString(cursor.key()));
      }
      assertEquals(keys, found);
      found.clear();
      for (cursor.seekForPrev(last); begins(cursor, prefix); cursor.prev()) {
        found.add(0, Arrays.toString(cursor.key()));
      }
      assertEquals(keys, found);
    }
  }

  private static boolean begins(Cursor cursor, byte[] prefix) {
    return cursor.isValid() && Arrays.equals(Arrays.copyOf(cursor.key(), prefix.length), prefix);
  }

  @Test
  void rocksKeepsWhatWasSynced() {
    byte[] key = {1};
    try (RocksStore store = RocksStore.open(directory)) {
      store.write(List.of(new Change(key, new byte[] {2})), true);
      assertThrows(StoreException.class, () -> RocksStore.open(directory));
    }
    try (RocksStore store = RocksStore.open(directory);
        KeyValueStore.Snapshot snapshot = store.snapshot()) {
      assertArrayEquals(new byte[] {2}, snapshot.get(key));
    }
  }

  @Test
  void aSnapshotMayBeClosedTwice() {
    try (RocksStore store = RocksStore.open(directory)) {
      KeyValueStore.Snapshot snapshot = store.snapshot();
      snapshot.close();
      snapshot.close();
      store.snapshot().close();
    }
  }

  @Test
  void memoryLosesWhatWasNotSynced() {
    MemoryStore store = new MemoryStore();
    byte[] kept = {1};
    byte[] lost = {2};
    store.write(List.of(new Change(kept, kept)), true);
    store.write(List.of(new Change(lost, lost)), false);
    store.loseUnsynced();
    try (KeyValueStore.Snapshot snapshot = store.snapshot()) {
      assertArrayEquals(kept, snapshot.get(kept));
      assertEquals(null, snapshot.get(lost));
    }
  }
}
