package org.eggsfs.shard.state;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.struct.DirectoryInfo;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code directories}. Key: directory id. Value: version u8, owner u64, mtime u64, hash mode
 * u8, info in its wire form.
 */
final class DirectoriesTable {
  /** The only hash mode (shard.md section 1). */
  static final int HASH_MODE = 1;

  private static final int VERSION = 1;
  private static final int OWNER = 1;
  private static final int MTIME = 9;
  private static final int MODE = 17;
  private static final int INFO = 18;

  private DirectoriesTable() {}

  /** A row over its stored bytes: a touch must not decode the policies. */
  static final class Row {
    final long id;
    private final byte[] value;

    Row(long id, byte[] value) {
      Bytes.requireVersion(value, VERSION);
      this.id = id;
      this.value = value;
    }

    Row(long id, long owner, long mtime, DirectoryInfo info) {
      this.id = id;
      ByteBuffer out = Frames.buffer(INFO + info.encodedSize());
      this.value = out.array();
      value[0] = VERSION;
      Bytes.putLong(value, OWNER, owner);
      Bytes.putLong(value, MTIME, mtime);
      value[MODE] = HASH_MODE;
      info.encode(out.position(INFO));
    }

    long owner() {
      return Bytes.getLong(value, OWNER);
    }

    long mtime() {
      return Bytes.getLong(value, MTIME);
    }

    int hashMode() {
      return value[MODE];
    }

    DirectoryInfo info() {
      return DirectoryInfo.decode(
          ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).position(INFO));
    }

    /** Removed but not yet collected; the root is never one. */
    boolean isSnapshot() {
      return owner() == InodeIds.NULL && id != InodeIds.ROOT;
    }

    Row withMtime(long mtime) {
      byte[] copy = value.clone();
      Bytes.putLong(copy, MTIME, mtime);
      return new Row(id, copy);
    }

    Row withOwner(long owner) {
      byte[] copy = value.clone();
      Bytes.putLong(copy, OWNER, owner);
      return new Row(id, copy);
    }

    Row withInfo(DirectoryInfo info) {
      return new Row(id, owner(), mtime(), info);
    }
  }

  static byte[] key(int shard, long id) {
    return Keys.of(shard, Keys.DIRECTORIES, id);
  }

  /** The row, or null. */
  static Row get(View view, int shard, long id) {
    byte[] value = view.get(key(shard, id));
    return value == null ? null : new Row(id, value);
  }

  static void put(WriteTarget target, int shard, Row row) {
    target.put(key(shard, row.id), row.value);
  }
}
