package org.eggsfs.shard.state;

import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code blockServiceFiles}: which files have blocks where. Key: block service id, file id.
 * Value: version u8, number of blocks i64. A row goes away when its number reaches 0.
 */
final class BlockServiceFilesTable {
  private static final int VERSION = 1;

  private BlockServiceFilesTable() {}

  static byte[] key(int shard, long service, long file) {
    return Keys.of(shard, Keys.BLOCK_SERVICE_FILES, service, file);
  }

  static long service(byte[] key) {
    return Keys.first(key);
  }

  static long file(byte[] key) {
    return Keys.second(key);
  }

  /** The number of blocks, 0 without a row. */
  static long get(View view, int shard, long service, long file) {
    byte[] value = view.get(key(shard, service, file));
    return value == null ? 0 : decode(value);
  }

  static long decode(byte[] value) {
    Bytes.requireVersion(value, VERSION);
    return Bytes.getLong(value, 1);
  }

  static void put(WriteTarget target, int shard, long service, long file, long count) {
    byte[] key = key(shard, service, file);
    if (count == 0) {
      target.delete(key);
      return;
    }
    byte[] value = new byte[9];
    value[0] = VERSION;
    Bytes.putLong(value, 1, count);
    target.put(key, value);
  }
}
