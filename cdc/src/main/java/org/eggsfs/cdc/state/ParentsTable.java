package org.eggsfs.cdc.state;

import org.eggsfs.core.InodeIds;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code parents}: every directory but the root to its owner (cdc.md section 2). Key: the
 * directory. Value: version u8, owner u64. It is too large for memory; walks read it row by row.
 */
final class ParentsTable {
  private static final int VERSION = 1;

  private ParentsTable() {}

  /** The owner of a directory; {@link InodeIds#NULL} for the root and for unknown directories. */
  static long get(View view, long directory) {
    byte[] value = view.get(Keys.of(Keys.PARENTS, directory));
    return value == null ? InodeIds.NULL : Keys.open(value, VERSION).getLong();
  }

  static void put(WriteTarget target, long directory, long owner) {
    target.put(Keys.of(Keys.PARENTS, directory), Keys.value(VERSION, 8).putLong(owner).array());
  }

  static void delete(WriteTarget target, long directory) {
    target.delete(Keys.of(Keys.PARENTS, directory));
  }
}
