package org.eggsfs.shuckle.state;

import java.nio.ByteBuffer;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.struct.AddrsInfo;

/**
 * One replica of a shard, the CDC or the shuckle.
 *
 * @param isLeader whether clients are sent to it
 * @param lastSeen its last registration, 0 for never
 * @param addrs where it is, absent when never registered or cleared
 */
record ReplicaRow(boolean isLeader, long lastSeen, AddrsInfo addrs) {
  private static final int BYTES = 21;

  /** Never registered. */
  static final ReplicaRow EMPTY = new ReplicaRow(false, 0, Addresses.NONE);

  boolean isEmpty() {
    return !Addresses.isPresent(addrs);
  }

  ReplicaRow withLeader(boolean leader) {
    return new ReplicaRow(leader, lastSeen, addrs);
  }

  byte[] encode() {
    ByteBuffer value = Tables.value(BYTES);
    value.put((byte) (isLeader ? 1 : 0)).putLong(lastSeen);
    addrs.encode(value);
    return value.array();
  }

  static ReplicaRow decode(ByteBuffer in) {
    return new ReplicaRow(in.get() != 0, in.getLong(), AddrsInfo.decode(in));
  }
}
