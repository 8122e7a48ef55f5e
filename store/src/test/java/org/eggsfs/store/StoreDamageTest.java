package org.eggsfs.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.eggsfs.store.KeyValueStore.Change;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

/**
 * Goal: a damaged database gives an error that says so, or the right data; never other data, never
 * fewer. Method: a database with tables, a log and a manifest; its files are flipped, cut, removed
 * and emptied one at a time, values are changed behind its back, and everything is read.
 */
class StoreDamageTest {
  private static final int BATCHES = 24;
  private static final int ROWS = 40;
  private static final int VALUE_BYTES = 300;
  private static final int PLACES = 5;

  /** Only a hang reaches it. */
  private static final Duration LIMIT = Duration.ofMinutes(2);

  @TempDir Path directory;
  private Path original;
  private int copies;
  private int refusals;

  private static byte[] key(int batch, int row) {
    return ByteBuffer.allocate(8).putInt(batch).putInt(row).array();
  }

  private static byte[] value(int batch, int row) {
    byte[] value = new byte[VALUE_BYTES];
    new SplittableRandom(batch * 1000L + row).nextBytes(value);
    return value;
  }

  /** Two generations of tables, and a log with the last third. */
  @BeforeEach
  void fill() {
    original = directory.resolve("original");
    int batch = 0;
    for (int opening = 0; opening < 3; opening++) {
      try (RocksStore store = RocksStore.open(original)) {
        for (int i = 0; i < BATCHES / 3; i++) {
          List<Change> changes = new ArrayList<>();
          for (int row = 0; row < ROWS; row++) {
            changes.add(new Change(key(batch, row), value(batch, row)));
          }
          store.write(changes, true);
          batch++;
        }
      }
    }
  }

  private Path copy() throws IOException {
    Path copy = directory.resolve("copy" + copies++);
    Files.createDirectory(copy);
    for (Path file : files(original)) {
      Files.copy(file, copy.resolve(file.getFileName()));
    }
    return copy;
  }

  private static List<Path> files(Path tree) throws IOException {
    try (Stream<Path> list = Files.list(tree)) {
      return list.sorted().toList();
    }
  }

  /** How many whole batches there are, from the first; all reads agree, or the store refuses. */
  private int readAll(Path copy) {
    try (RocksStore store = RocksStore.open(copy);
        KeyValueStore.Snapshot view = store.snapshot();
        Cursor cursor = view.cursor()) {
      int rows = 0;
      for (cursor.seek(new byte[0]); cursor.isValid(); cursor.next()) {
        int batch = rows / ROWS;
        int row = rows % ROWS;
        assertArrayEquals(key(batch, row), cursor.key());
        assertArrayEquals(value(batch, row), cursor.value());
        assertArrayEquals(value(batch, row), view.get(key(batch, row)));
        rows++;
      }
      assertEquals(0, rows % ROWS, "a part of a batch");
      return rows / ROWS;
    }
  }

  /** The damage is noticed, or does not matter. */
  private void expectAllOrRefusal(Path copy, String what) {
    assertTimeoutPreemptively(
        LIMIT,
        () -> {
          try {
            assertEquals(BATCHES, readAll(copy), what);
          } catch (StoreException e) {
            refusals++;
            assertNotNull(e.getMessage(), what);
          } catch (AssertionError e) {
            throw new AssertionError(what + ": " + e.getMessage(), e);
          }
        });
  }

  private interface Damage {
    void on(RandomAccessFile file, long place) throws IOException;
  }

  private void damageEachFile(String what, Damage damage) throws IOException {
    for (Path file : files(original)) {
      long size = Files.size(file);
      for (int i = 0; i < PLACES && size > 0; i++) {
        long place = (size - 1) * i / (PLACES - 1);
        Path copy = copy();
        try (RandomAccessFile target =
            new RandomAccessFile(copy.resolve(file.getFileName()).toFile(), "rw")) {
          damage.on(target, place);
        }
        expectAllOrRefusal(copy, file.getFileName() + " " + what + " at " + place);
      }
    }
  }

  @Test
  void aFlippedBitIsNoticed() throws IOException {
    damageEachFile(
        "flipped",
        (file, place) -> {
          file.seek(place);
          int old = file.read();
          file.seek(place);
          file.write(old ^ 0x10);
        });
    assertTrue(refusals > 3 * PLACES, "only " + refusals + " refusals: was the data read at all?");
  }

  @Test
  void aHoleIsNoticed() throws IOException {
    damageEachFile(
        "zeroed",
        (file, place) -> {
          file.seek(place);
          file.write(new byte[(int) Math.min(512, file.length() - place)]);
        });
    assertTrue(refusals > 2 * PLACES, "only " + refusals + " refusals: was the data read at all?");
  }

  @Test
  void aCutFileIsNoticedUnlessItIsTheEndOfTheLog() throws IOException {
    for (Path file : files(original)) {
      long size = Files.size(file);
      for (int i = 0; i < PLACES && size > 0; i++) {
        Path copy = copy();
        try (RandomAccessFile target =
            new RandomAccessFile(copy.resolve(file.getFileName()).toFile(), "rw")) {
          target.setLength((size - 1) * i / (PLACES - 1));
        }
        if (file.getFileName().toString().endsWith(".log")) {
          // It looks as after a crash: what was before it is there, whole batches only.
          assertTrue(readAll(copy) >= BATCHES * 2 / 3);
        } else {
          expectAllOrRefusal(copy, file.getFileName() + " cut");
        }
      }
    }
    assertTrue(refusals > PLACES, "only " + refusals + " refusals: was the data read at all?");
  }

  @Test
  void aMissingFileIsNoticed() throws IOException {
    for (Path file : files(original)) {
      Path copy = copy();
      Files.delete(copy.resolve(file.getFileName()));
      expectAllOrRefusal(copy, file.getFileName() + " missing");
    }
    assertTrue(refusals >= 4, "only " + refusals + " refusals");
  }

  @Test
  void aChangedValueIsNoticedAndNamed() throws IOException, RocksDBException {
    SplittableRandom random = new SplittableRandom(1);
    for (int kind = 0; kind < 5; kind++) {
      byte[] key = key(kind * 3, 5);
      Path copy = copy();
      try (Options options = new Options();
          RocksDB raw = RocksDB.open(options, copy.toString())) {
        byte[] old = raw.get(key);
        byte[] changed =
            switch (kind) {
              case 0 -> flipped(old, random.nextInt(old.length));
              case 1 -> Arrays.copyOf(old, old.length - 1);
              case 2 -> Arrays.copyOf(old, old.length + 1);
              case 3 -> new byte[0];
              // A good value, but of another key.
              default -> raw.get(key(1, 1));
            };
        raw.put(key, changed);
      }
      try (RocksStore store = RocksStore.open(copy);
          KeyValueStore.Snapshot view = store.snapshot();
          Cursor cursor = view.cursor()) {
        StoreException error = assertThrows(StoreException.class, () -> view.get(key));
        assertTrue(error.getMessage().contains(HexFormat.of().formatHex(key)), error.getMessage());
        cursor.seek(key);
        assertThrows(StoreException.class, cursor::value);
        cursor.next();
        assertArrayEquals(value(kind * 3, 6), cursor.value());
      }
    }
  }

  private static byte[] flipped(byte[] old, int place) {
    byte[] changed = old.clone();
    changed[place] ^= 0x40;
    return changed;
  }

  /** What is written, byte by byte, so that later versions can be held against it. */
  @Test
  void aValueIsFollowedByItsChecksum() throws RocksDBException {
    try (RocksStore store = RocksStore.open(directory.resolve("small"))) {
      store.write(
          List.of(
              new Change(
                  "1234".getBytes(StandardCharsets.US_ASCII),
                  "56789".getBytes(StandardCharsets.US_ASCII))),
          true);
    }
    try (Options options = new Options();
        RocksDB raw = RocksDB.open(options, directory.resolve("small").toString());
        RocksIterator all = raw.newIterator()) {
      all.seekToFirst();
      // The check value of CRC-32C is that of 123456789: e3069283.
      assertEquals(
          HexFormat.of().formatHex("56789".getBytes(StandardCharsets.US_ASCII)) + "839206e3",
          HexFormat.of().formatHex(all.value()));
    }
  }
}
