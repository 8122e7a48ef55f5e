package org.eggsfs.sim.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.MapView;
import org.junit.jupiter.api.Test;

/** Goal: the tree is the map that state machines are tested with, and old versions stay. */
class SortedTreeTest {
  private final SimRandom random = new SimRandom(1);

  private byte[] key() {
    byte[] key = new byte[1 + random.nextInt(2)];
    for (int i = 0; i < key.length; i++) {
      key[i] = (byte) (random.nextInt(12) * 25);
    }
    return key;
  }

  @Test
  void itIsAMap() {
    MapView map = new MapView();
    SortedTree tree = SortedTree.EMPTY;
    List<SortedTree> versions = new ArrayList<>();
    List<MapView> copies = new ArrayList<>();
    for (int i = 0; i < 4000; i++) {
      byte[] key = key();
      if (random.nextInt(3) == 0) {
        map.delete(key);
        tree = tree.with(key, null);
      } else {
        byte[] value = {(byte) i, (byte) (i >> 8)};
        map.put(key, value);
        tree = tree.with(key, value);
      }
      assertArrayEquals(map.get(key), tree.get(key));
      walk(map, tree, key());
      if (i % 500 == 0) {
        versions.add(tree);
        copies.add(map.copy());
      }
    }
    for (int i = 0; i < versions.size(); i++) {
      walk(copies.get(i), versions.get(i), new byte[0]);
    }
  }

  private void walk(MapView map, SortedTree tree, byte[] from) {
    try (Cursor expected = map.cursor();
        Cursor found = tree.cursor()) {
      boolean forward = random.nextInt(2) == 0;
      if (forward) {
        expected.seek(from);
        found.seek(from);
      } else {
        expected.seekForPrev(from);
        found.seekForPrev(from);
      }
      while (expected.isValid()) {
        assertArrayEquals(expected.key(), found.key());
        assertArrayEquals(expected.value(), found.value());
        if (forward) {
          expected.next();
          found.next();
        } else {
          expected.prev();
          found.prev();
        }
      }
      assertEquals(false, found.isValid());
    }
  }
}
