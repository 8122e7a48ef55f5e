package org.eggsfs.run.faults;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.DataDirectory;
import org.eggsfs.store.KeyValueStore;
import org.eggsfs.store.KeyValueStore.Change;
import org.eggsfs.store.RocksStore;
import org.eggsfs.store.StoreException;

/**
 * A database in a data directory. Batch i writes rows (i, 0), (i, 1), (i, 2) and removes (i - 2,
 * 1): after any number of batches the content is known, and so is that of any prefix of them.
 */
final class StoreSubject implements Subject {
  private static final int ROWS = 3;
  private static final int ROW_BYTES = 3000;

  /** Batches a time. */
  private static final int BATCHES = 4;

  private final boolean isSynced;
  private Path home;

  /** Batches that were written, and those that were tried. */
  private int acknowledged;

  private int tried;
  private int checkpoints;

  /** Without syncs it loses what it has acknowledged: the loop must find that. */
  StoreSubject(boolean isSynced) {
    this.isSynced = isSynced;
  }

  @Override
  public Path nextHome(Path parent, int life) throws IOException {
    if (home != null) {
      FaultLoop.deleteTree(home);
    }
    home = parent.resolve("store-" + life);
    acknowledged = tried = 0;
    return home;
  }

  private static byte[] key(int batch, int row) {
    return ByteBuffer.allocate(8).putInt(batch).putInt(row).array();
  }

  private static byte[] value(int batch, int row) {
    byte[] value = new byte[ROW_BYTES];
    new SplittableRandom(ROWS * (long) batch + row).nextBytes(value);
    return value;
  }

  private static List<Change> batch(int i) {
    List<Change> changes = new ArrayList<>();
    for (int row = 0; row < ROWS; row++) {
      changes.add(new Change(key(i, row), value(i, row)));
    }
    changes.add(new Change(key(i - 2, 1), null));
    return changes;
  }

  @Override
  public void work(Path directory) throws IOException {
    try (DataDirectory data = DataDirectory.open(directory, "test 1");
        RocksStore store = RocksStore.open(directory.resolve("db"))) {
      // What was tried and failed may be there after all; it decides where to go on.
      tried = found(store);
      for (int i = 0; i < BATCHES; i++) {
        tried++;
        store.write(batch(tried), isSynced);
        acknowledged = tried;
      }
      // Makes table files, too.
      data.checkpoint(store, checkpoints++);
      tried++;
      store.write(batch(tried), isSynced);
      acknowledged = tried;
      assertEquals(acknowledged, found(store));
    }
  }

  /** The number of batches in the store, all of them whole; not fewer than acknowledged. */
  private int found(KeyValueStore store) {
    int last = 0;
    try (KeyValueStore.Snapshot view = store.snapshot();
        Cursor cursor = view.cursor()) {
      for (cursor.seek(new byte[0]); cursor.isValid(); cursor.next()) {
        last = Math.max(last, ByteBuffer.wrap(cursor.key()).getInt());
      }
      assertTrue(
          last >= acknowledged && last <= Math.max(tried, acknowledged),
          last + " batches of " + acknowledged + " acknowledged and " + tried + " tried");
      for (int i = 1; i <= last; i++) {
        for (int row = 0; row < ROWS; row++) {
          byte[] value = view.get(key(i, row));
          if (row == 1 && i <= last - 2) {
            assertNull(value, "a removed row is back");
          } else {
            assertArrayEquals(value(i, row), value, "batch " + i + " row " + row);
          }
        }
      }
    }
    return last;
  }

  @Override
  public void settle(Path directory) throws IOException {
    work(directory);
    for (int id = 0; id < checkpoints; id++) {
      Path checkpoint = directory.resolve("snapshot-" + id);
      if (Files.isDirectory(checkpoint)) {
        // A checkpoint may be older than what was acknowledged, but not damaged.
        readWhole(checkpoint);
      }
    }
  }

  private static void readWhole(Path checkpoint) {
    try (RocksStore store = RocksStore.openReadOnly(checkpoint);
        KeyValueStore.Snapshot view = store.snapshot();
        Cursor cursor = view.cursor()) {
      for (cursor.seek(new byte[0]); cursor.isValid(); cursor.next()) {
        ByteBuffer key = ByteBuffer.wrap(cursor.key());
        assertArrayEquals(value(key.getInt(), key.getInt()), cursor.value());
      }
    } catch (StoreException e) {
      throw new AssertionError("a checkpoint is damaged: " + e.getMessage(), e);
    }
  }
}
