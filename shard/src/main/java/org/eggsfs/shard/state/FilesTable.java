package org.eggsfs.shard.state;

import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code files}: linked files and symlinks. Key: file id. Value: version u8, size u64, mtime
 * u64, atime u64.
 */
final class FilesTable {
  private static final int VERSION = 1;

  private FilesTable() {}

  record Row(long size, long mtime, long atime) {}

  static byte[] key(int shard, long id) {
    return Keys.of(shard, Keys.FILES, id);
  }

  /** The row, or null. */
  static Row get(View view, int shard, long id) {
    byte[] value = view.get(key(shard, id));
    return value == null ? null : decode(value);
  }

  static Row decode(byte[] value) {
    Bytes.requireVersion(value, VERSION);
    return new Row(Bytes.getLong(value, 1), Bytes.getLong(value, 9), Bytes.getLong(value, 17));
  }

  static void put(WriteTarget target, int shard, long id, Row row) {
    byte[] value = new byte[25];
    value[0] = VERSION;
    Bytes.putLong(value, 1, row.size);
    Bytes.putLong(value, 9, row.mtime);
    Bytes.putLong(value, 17, row.atime);
    target.put(key(shard, id), value);
  }
}
