package org.eggsfs.shard.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code meta} (shard.md section 2): single values. Key: item u8. Values: version u8, then
 *
 * <pre>
 * INFO          shard u8, secret 16 bytes
 * APPLIED       index u64, largest time u64
 * LAST_FILE     last file id given out
 * LAST_SYMLINK  last symlink id given out
 * LAST_BLOCK    last block id given out
 * LAST_ORDER    the last place of an ordered request; absent before the first
 * </pre>
 */
final class MetaTable {
  private static final int VERSION = 1;
  private static final int INFO = 1;
  private static final int APPLIED = 2;
  private static final int LAST_FILE = 3;
  private static final int LAST_SYMLINK = 4;
  private static final int LAST_BLOCK = 5;
  private static final int LAST_ORDER = 6;
  private static final int SECRET_SIZE = 16;

  private MetaTable() {}

  private static byte[] key(int shard, int item) {
    byte[] key = Keys.start(shard, Keys.META, Keys.PREFIX + 1);
    key[Keys.PREFIX] = (byte) item;
    return key;
  }

  /** The cookie secret, or null before initialisation. */
  static byte[] secret(View view, int shard) {
    byte[] value = view.get(key(shard, INFO));
    if (value == null) {
      return null;
    }
    Bytes.requireVersion(value, VERSION);
    if (Bytes.getU8(value, 1) != shard) {
      throw new IllegalStateException(
          "the state of shard " + Bytes.getU8(value, 1) + " under the key of shard " + shard);
    }
    byte[] secret = new byte[SECRET_SIZE];
    System.arraycopy(value, 2, secret, 0, SECRET_SIZE);
    return secret;
  }

  static void putInfo(WriteTarget target, int shard, byte[] secret) {
    if (secret.length != SECRET_SIZE) {
      throw new IllegalArgumentException("a secret of " + secret.length + " bytes instead of 16");
    }
    byte[] value = new byte[2 + SECRET_SIZE];
    value[0] = VERSION;
    value[1] = (byte) shard;
    System.arraycopy(secret, 0, value, 2, SECRET_SIZE);
    target.put(key(shard, INFO), value);
  }

  static ShardState.Applied applied(View view, int shard) {
    byte[] value = view.get(key(shard, APPLIED));
    Bytes.requireVersion(value, VERSION);
    return new ShardState.Applied(Bytes.getLong(value, 1), Bytes.getLong(value, 9));
  }

  static void putApplied(WriteTarget target, int shard, ShardState.Applied applied) {
    byte[] value = new byte[17];
    value[0] = VERSION;
    Bytes.putLong(value, 1, applied.index());
    Bytes.putLong(value, 9, applied.time());
    target.put(key(shard, APPLIED), value);
  }

  /** The last id given out of {@link InodeIds#FILE} or {@link InodeIds#SYMLINK}. */
  static long lastInode(View view, int shard, int type) {
    return getLong(view, key(shard, itemOf(type)));
  }

  static void putLastInode(WriteTarget target, int shard, int type, long id) {
    target.put(key(shard, itemOf(type)), longValue(id));
  }

  private static int itemOf(int type) {
    return type == InodeIds.FILE ? LAST_FILE : LAST_SYMLINK;
  }

  static long lastBlock(View view, int shard) {
    return getLong(view, key(shard, LAST_BLOCK));
  }

  static void putLastBlock(WriteTarget target, int shard, long id) {
    target.put(key(shard, LAST_BLOCK), longValue(id));
  }

  /** The largest place of any entry, {@link RequestOrder#NONE} before the first. */
  static long lastOrder(View view, int shard) {
    byte[] key = key(shard, LAST_ORDER);
    return view.get(key) == null ? RequestOrder.NONE : getLong(view, key);
  }

  static void putLastOrder(WriteTarget target, int shard, long order) {
    target.put(key(shard, LAST_ORDER), longValue(order));
  }

  private static long getLong(View view, byte[] key) {
    byte[] value = view.get(key);
    Bytes.requireVersion(value, VERSION);
    return Bytes.getLong(value, 1);
  }

  private static byte[] longValue(long number) {
    byte[] value = new byte[9];
    value[0] = VERSION;
    Bytes.putLong(value, 1, number);
    return value;
  }
}
