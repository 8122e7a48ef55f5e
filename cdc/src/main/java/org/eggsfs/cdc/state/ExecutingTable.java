package org.eggsfs.cdc.state;

import java.nio.ByteBuffer;
import org.eggsfs.store.WriteTarget;

/**
 * Table {@code executing}: how far each started transaction has come (cdc.md section 2). Key: its
 * id. Value: version u8, step u8, the kind's own variables.
 */
final class ExecutingTable {
  private static final int VERSION = 1;

  private ExecutingTable() {}

  static byte[] value(Transaction transaction) {
    ByteBuffer out = Keys.value(VERSION, Transaction.STATE_SIZE_MAX);
    transaction.encodeState(out);
    return Keys.bytes(out);
  }

  static void put(WriteTarget target, long id, byte[] value) {
    target.put(Keys.of(Keys.EXECUTING, id), value);
  }

  static void restore(Transaction transaction, byte[] value) {
    transaction.decodeState(Keys.open(value, VERSION));
  }

  static void delete(WriteTarget target, long id) {
    target.delete(Keys.of(Keys.EXECUTING, id));
  }
}
