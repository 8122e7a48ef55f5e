package org.eggsfs.shard.state;

import java.util.Arrays;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.NameHash;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code edges}: the names of directories (shard.md section 2.1). Key: directory id, section
 * u8 (0 snapshot, 1 current), name hash u64, name length u8, name, and in the snapshot section the
 * creation time u64. Value: version u8, target id with the flag (locked or owned) in bit 63, and
 * for a current edge its creation time. A condemned edge's value has one byte more, {@link
 * #CONDEMNED}; all others are what they were before there were condemned ones.
 *
 * <p>So a directory's snapshot edges precede its current ones, and those of one name are adjacent
 * in ascending time.
 */
final class EdgesTable {
  static final int SNAPSHOT = 0;
  static final int CURRENT = 1;

  private static final int VERSION = 1;
  private static final int SNAPSHOT_SIZE = 9;
  private static final byte CONDEMNED = 1;
  private static final int SECTION = Keys.PREFIX + 8;
  private static final int HASH = SECTION + 1;
  private static final int LENGTH = HASH + 8;
  private static final int NAME = LENGTH + 1;

  private EdgesTable() {}

  /** A current edge's value. */
  record Current(long target, boolean locked, long creationTime) {}

  /**
   * A snapshot edge's value. A null target marks a deletion.
   *
   * @param condemned whether the CDC is about to destroy the file, which the edge owns until then
   *     ({@link CondemnEdge})
   */
  record Snapshot(long target, boolean owned, boolean condemned) {
    Snapshot(long target, boolean owned) {
      this(target, owned, false);
    }

    Snapshot asCondemned() {
      return new Snapshot(target, owned, true);
    }
  }

  /** The part of a key that all edges of one name in one section share. */
  static byte[] nameKey(int shard, long directory, int section, byte[] name) {
    return nameKey(shard, directory, section, name, 0);
  }

  private static byte[] nameKey(int shard, long directory, int section, byte[] name, int spare) {
    byte[] key = Keys.start(shard, Keys.EDGES, NAME + name.length + spare);
    Bytes.putLong(key, Keys.PREFIX, directory);
    key[SECTION] = (byte) section;
    Bytes.putLong(key, HASH, NameHash.hash(name));
    key[LENGTH] = (byte) name.length;
    System.arraycopy(name, 0, key, NAME, name.length);
    return key;
  }

  static byte[] currentKey(int shard, long directory, byte[] name) {
    return nameKey(shard, directory, CURRENT, name, 0);
  }

  static byte[] snapshotKey(int shard, long directory, byte[] name, long creationTime) {
    byte[] key = nameKey(shard, directory, SNAPSHOT, name, 8);
    Bytes.putLong(key, key.length - 8, creationTime);
    return key;
  }

  /** Before all edges of a section from that hash on. */
  static byte[] hashKey(int shard, long directory, int section, long hash) {
    byte[] key = Keys.start(shard, Keys.EDGES, LENGTH);
    Bytes.putLong(key, Keys.PREFIX, directory);
    key[SECTION] = (byte) section;
    Bytes.putLong(key, HASH, hash);
    return key;
  }

  /** Before all edges of a directory. */
  static byte[] directoryKey(int shard, long directory) {
    return Keys.of(shard, Keys.EDGES, directory);
  }

  /** Whether a key of the store is an edge of that directory, in any section. */
  static boolean isOf(byte[] key, byte[] directoryKey) {
    return Bytes.hasPrefix(key, directoryKey, directoryKey.length);
  }

  static long directory(byte[] key) {
    return Keys.first(key);
  }

  static boolean isCurrent(byte[] key) {
    return key[SECTION] == CURRENT;
  }

  static long hash(byte[] key) {
    return Bytes.getLong(key, HASH);
  }

  static int nameLength(byte[] key) {
    return Bytes.getU8(key, LENGTH);
  }

  static byte[] name(byte[] key) {
    return Arrays.copyOfRange(key, NAME, NAME + nameLength(key));
  }

  /** The creation time in the key of a snapshot edge. */
  static long snapshotTime(byte[] key) {
    return Bytes.getLong(key, key.length - 8);
  }

  /** The target with the flag in bit 63. */
  static long targetExtra(byte[] value) {
    return Bytes.getLong(value, 1);
  }

  /** The creation time of an edge of either section. */
  static long creationTime(byte[] key, byte[] value) {
    return isCurrent(key) ? Bytes.getLong(value, 9) : snapshotTime(key);
  }

  /** Whether a snapshot edge is condemned. */
  static boolean isCondemned(byte[] value) {
    return value.length > SNAPSHOT_SIZE && value[SNAPSHOT_SIZE] == CONDEMNED;
  }

  static Current decodeCurrent(byte[] value) {
    Bytes.requireVersion(value, VERSION);
    long target = targetExtra(value);
    return new Current(
        InodeIds.withoutExtra(target), InodeIds.extra(target), Bytes.getLong(value, 9));
  }

  static Snapshot decodeSnapshot(byte[] value) {
    Bytes.requireVersion(value, VERSION);
    long target = targetExtra(value);
    return new Snapshot(InodeIds.withoutExtra(target), InodeIds.extra(target), isCondemned(value));
  }

  /** The current edge, or null. */
  static Current current(View view, int shard, long directory, byte[] name) {
    byte[] value = view.get(currentKey(shard, directory, name));
    return value == null ? null : decodeCurrent(value);
  }

  /** The snapshot edge, or null. */
  static Snapshot snapshot(View view, int shard, long directory, byte[] name, long creationTime) {
    byte[] value = view.get(snapshotKey(shard, directory, name, creationTime));
    return value == null ? null : decodeSnapshot(value);
  }

  static void putCurrent(
      WriteTarget target, int shard, long directory, byte[] name, Current current) {
    byte[] value = new byte[17];
    value[0] = VERSION;
    Bytes.putLong(value, 1, InodeIds.withExtra(current.target, current.locked));
    Bytes.putLong(value, 9, current.creationTime);
    target.put(currentKey(shard, directory, name), value);
  }

  static void putSnapshot(
      WriteTarget target,
      int shard,
      long directory,
      byte[] name,
      long creationTime,
      Snapshot snapshot) {
    byte[] value = new byte[SNAPSHOT_SIZE + (snapshot.condemned ? 1 : 0)];
    value[0] = VERSION;
    Bytes.putLong(value, 1, InodeIds.withExtra(snapshot.target, snapshot.owned));
    if (snapshot.condemned) {
      value[SNAPSHOT_SIZE] = CONDEMNED;
    }
    target.put(snapshotKey(shard, directory, name, creationTime), value);
  }
}
