package org.eggsfs.shard.state;

import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code transient}: files being written or destroyed. Key: file id. Value: version u8, size
 * u64, mtime u64, deadline u64, state of the last span u8, note.
 */
final class TransientTable {
  private static final int VERSION = 1;
  private static final int FIXED = 26;

  private TransientTable() {}

  /** A row, changed by its owner and then put back. */
  static final class Row {
    final long id;
    long size;
    long mtime;
    long deadline;
    SpanState lastSpanState;
    final byte[] note;

    Row(long id, long size, long mtime, long deadline, SpanState lastSpanState, byte[] note) {
      this.id = id;
      this.size = size;
      this.mtime = mtime;
      this.deadline = deadline;
      this.lastSpanState = lastSpanState;
      this.note = note;
    }
  }

  static byte[] key(int shard, long id) {
    return Keys.of(shard, Keys.TRANSIENT, id);
  }

  /** The row, or null. */
  static Row get(View view, int shard, long id) {
    byte[] value = view.get(key(shard, id));
    return value == null ? null : decode(id, value);
  }

  static Row decode(long id, byte[] value) {
    Bytes.requireVersion(value, VERSION);
    byte[] note = new byte[value.length - FIXED];
    System.arraycopy(value, FIXED, note, 0, note.length);
    return new Row(
        id,
        Bytes.getLong(value, 1),
        Bytes.getLong(value, 9),
        Bytes.getLong(value, 17),
        SpanState.of(value[25]),
        note);
  }

  static void put(WriteTarget target, int shard, Row row) {
    byte[] value = new byte[FIXED + row.note.length];
    value[0] = VERSION;
    Bytes.putLong(value, 1, row.size);
    Bytes.putLong(value, 9, row.mtime);
    Bytes.putLong(value, 17, row.deadline);
    value[25] = (byte) row.lastSpanState.number();
    System.arraycopy(row.note, 0, value, FIXED, row.note.length);
    target.put(key(shard, row.id), value);
  }
}
