package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import org.eggsfs.protocol.Frames;
import org.eggsfs.store.Cursor;
import org.eggsfs.store.View;

/**
 * Keys of the CDC's tables: table u8, then the table's own key, a u64 in big-endian order. Values
 * start with a version byte and are little-endian.
 */
final class Keys {
  static final int META = 1;
  static final int PARENTS = 2;
  static final int ENQUEUED = 3;
  static final int EXECUTING = 4;
  static final int ANSWERS = 5;
  static final int OLD_SHARDS = 6;

  private static final int SIZE = 9;

  private Keys() {}

  static byte[] of(int table, long key) {
    return ByteBuffer.allocate(SIZE).put((byte) table).putLong(key).array();
  }

  /** Called for each row of a table. */
  interface RowVisitor {
    void visit(long key, byte[] value);
  }

  /** Visits the rows of a table by ascending key. */
  static void forEach(View view, int table, RowVisitor visitor) {
    try (Cursor cursor = view.cursor()) {
      cursor.seek(new byte[] {(byte) table});
      while (cursor.isValid() && cursor.key()[0] == table) {
        visitor.visit(ByteBuffer.wrap(cursor.key()).getLong(1), cursor.value());
        cursor.next();
      }
    }
  }

  /** Opens a stored value behind its version byte. */
  static ByteBuffer open(byte[] value, int version) {
    ByteBuffer in = ByteBuffer.wrap(value).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    if (!in.hasRemaining() || in.get() != version) {
      throw new IllegalStateException("a stored value has another version than " + version);
    }
    return in;
  }

  /** A buffer for a value of at most that many bytes, with its version byte. */
  static ByteBuffer value(int version, int sizeMax) {
    return Frames.buffer(1 + sizeMax).put((byte) version);
  }

  /** What was put into the buffer. */
  static byte[] bytes(ByteBuffer value) {
    byte[] bytes = new byte[value.position()];
    value.flip().get(bytes);
    return bytes;
  }
}
