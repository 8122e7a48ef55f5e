package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import org.eggsfs.core.InodeIds;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code meta}: one row with the counters (cdc.md section 2). Value: version u8, applied
 * index u64, largest time u64, last transaction u64, next directory id u64, last answer u64.
 */
final class MetaTable {
  private static final int VERSION = 1;
  private static final byte[] KEY = Keys.of(Keys.META, 0);

  /** Directory ids follow the root's one by one, so that they go round the shards. */
  private static final long FIRST_DIRECTORY = InodeIds.ROOT + 1;

  long appliedIndex;
  long time;
  long lastTransaction;
  long nextDirectory = FIRST_DIRECTORY;
  long lastAnswer;

  static boolean isPresent(View view) {
    return view.get(KEY) != null;
  }

  static MetaTable read(View view) {
    byte[] value = view.get(KEY);
    if (value == null) {
      throw new IllegalStateException("the CDC's state is not initialised");
    }
    ByteBuffer in = Keys.open(value, VERSION);
    MetaTable meta = new MetaTable();
    meta.appliedIndex = in.getLong();
    meta.time = in.getLong();
    meta.lastTransaction = in.getLong();
    meta.nextDirectory = in.getLong();
    meta.lastAnswer = in.getLong();
    return meta;
  }

  void write(WriteTarget target) {
    ByteBuffer out = Keys.value(VERSION, 40);
    out.putLong(appliedIndex).putLong(time).putLong(lastTransaction);
    out.putLong(nextDirectory).putLong(lastAnswer);
    target.put(KEY, out.array());
  }
}
