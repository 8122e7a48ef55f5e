package org.eggsfs.shuckle.state;

import java.nio.ByteBuffer;
import java.util.function.BiConsumer;
import org.eggsfs.protocol.Frames;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.View;

/** What all tables of the store share: prefixes, the format byte, scanning. */
final class Tables {
  /** First byte of every value. */
  static final byte FORMAT = 1;

  static final byte LOCATION = 'L';
  static final byte SHARD = 'S';
  static final byte CDC = 'C';
  static final byte SHUCKLE = 'R';
  static final byte BLOCK_SERVICE = 'B';
  static final byte FLAG_WISHES = 'F';
  static final byte ASSIGNMENT = 'A';
  static final byte AUTO_DECOMMISSION = 'D';

  private Tables() {}

  /** A value under construction: the format byte and room for {@code size} more. */
  static ByteBuffer value(int size) {
    return Frames.buffer(1 + size).put(FORMAT);
  }

  /**
   * Visits all rows of a table.
   *
   * @param row gets the key and the value, positioned behind prefix and format byte
   */
  static void scan(View view, byte prefix, BiConsumer<ByteBuffer, ByteBuffer> row) {
    try (Cursor cursor = view.cursor()) {
      for (cursor.seek(new byte[] {prefix}); cursor.isValid(); cursor.next()) {
        byte[] keyBytes = cursor.key();
        if (keyBytes.length == 0 || keyBytes[0] != prefix) {
          return;
        }
        byte[] valueBytes = cursor.value();
        if (valueBytes.length == 0 || valueBytes[0] != FORMAT) {
          throw new IllegalStateException(
              "a row of table " + (char) prefix + " has an unknown format");
        }
        ByteBuffer key = Frames.buffer(keyBytes.length).put(keyBytes).position(1);
        ByteBuffer value = Frames.buffer(valueBytes.length).put(valueBytes).position(1);
        row.accept(key, value);
      }
    }
  }
}
