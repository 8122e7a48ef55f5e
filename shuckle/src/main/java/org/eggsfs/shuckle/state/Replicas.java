package org.eggsfs.shuckle.state;

import java.util.Arrays;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.IpPort;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table of replicas (shuckle.md sections 4.2, 4.3): groups of five, of which at most one is the
 * leader. A shard is a group, the CDC of a location is one, the shuckle is one. Rows exist for
 * every group of every location; those never registered are not stored.
 */
final class Replicas {
  static final int PER_GROUP = ProtocolConstants.REPLICA_COUNT;

  private final byte prefix;
  private final int groups;
  private final NavigableMap<Integer, ReplicaRow[]> locations = new TreeMap<>();

  /** A table with {@code groups} groups per location. */
  Replicas(byte prefix, int groups) {
    this.prefix = prefix;
    this.groups = groups;
  }

  void addLocation(int location) {
    ReplicaRow[] rows = new ReplicaRow[groups * PER_GROUP];
    Arrays.fill(rows, ReplicaRow.EMPTY);
    locations.putIfAbsent(location, rows);
  }

  void load(View view) {
    Tables.scan(
        view,
        prefix,
        (key, value) -> {
          ReplicaRow[] rows = locations.get(key.get() & 0xff);
          int index = (key.get() & 0xff) * PER_GROUP + key.get();
          rows[index] = ReplicaRow.decode(value);
        });
  }

  Set<Integer> locations() {
    return locations.keySet();
  }

  /** The row, or null if there is none. */
  ReplicaRow row(int location, int group, int replica) {
    ReplicaRow[] rows = locations.get(location);
    return rows == null || group >= groups || replica >= PER_GROUP
        ? null
        : rows[group * PER_GROUP + replica];
  }

  /** The leader of the group, or an empty row. */
  ReplicaRow leader(int location, int group) {
    int replica = leaderOf(location, group);
    return replica < 0 ? ReplicaRow.EMPTY : row(location, group, replica);
  }

  /** The replica that leads the group, or -1; also -1 for an unknown location. */
  private int leaderOf(int location, int group) {
    for (int replica = 0; replica < PER_GROUP; replica++) {
      ReplicaRow row = row(location, group, replica);
      if (row != null && row.isLeader()) {
        return replica;
      }
    }
    return -1;
  }

  private ReplicaRow existing(int location, int group, int replica) throws EggsException {
    ReplicaRow row = row(location, group, replica);
    if (row == null) {
      throw new EggsException(ErrorCode.INVALID_REPLICA);
    }
    return row;
  }

  /** A replica says where it is and whether it leads. */
  void register(
      int location,
      int group,
      int replica,
      boolean claim,
      AddrsInfo addrs,
      long time,
      Rules rules,
      WriteTarget out)
      throws EggsException {
    ReplicaRow row = existing(location, group, replica);
    requireReachable(addrs);
    if (rules.enforceStableIp() && !row.isEmpty() && !shareIp(row.addrs(), addrs)) {
      throw new EggsException(ErrorCode.DIFFERENT_ADDRS_INFO);
    }
    int leader = leaderOf(location, group);
    if (rules.enforceStableLeader()) {
      // Without any leader yet, the first claim founds one; else no claim could ever succeed.
      if (claim != row.isLeader() && !(claim && leader < 0)) {
        throw new EggsException(ErrorCode.LEADER_PREEMPTED);
      }
    } else if (claim && leader >= 0 && leader != replica) {
      ReplicaRow other = row(location, group, leader);
      if (!other.isEmpty() && isNear(other.lastSeen(), time, rules.stalenessDelayNanos())) {
        throw new EggsException(ErrorCode.LEADER_PREEMPTED);
      }
      put(location, group, leader, other.withLeader(false), out);
    }
    put(location, group, replica, new ReplicaRow(claim, time, addrs), out);
  }

  /**
   * Whether less than the duration lies between the two times. What happened long after {@code now}
   * did so by a clock that was wrong, and is over like what happened long before.
   */
  static boolean isNear(long then, long now, long durationNanos) {
    return Math.abs(now - then) < durationNanos;
  }

  /** Exactly this replica becomes the leader. */
  void move(int location, int group, int replica, WriteTarget out) throws EggsException {
    existing(location, group, replica);
    for (int i = 0; i < PER_GROUP; i++) {
      ReplicaRow row = row(location, group, i);
      boolean leads = i == replica;
      if (row.isLeader() != leads) {
        put(location, group, i, row.withLeader(leads), out);
      }
    }
  }

  /** Forgets where a replica is, so that it may register from anywhere. */
  void clear(int location, int group, int replica, WriteTarget out) throws EggsException {
    ReplicaRow row = existing(location, group, replica);
    if (row.isLeader()) {
      throw new EggsException(ErrorCode.LEADER_PREEMPTED);
    }
    put(location, group, replica, ReplicaRow.EMPTY, out);
  }

  private void put(int location, int group, int replica, ReplicaRow row, WriteTarget out) {
    locations.get(location)[group * PER_GROUP + replica] = row;
    byte[] key = {prefix, (byte) location, (byte) group, (byte) replica};
    if (row.equals(ReplicaRow.EMPTY)) {
      out.delete(key);
    } else {
      out.put(key, row.encode());
    }
  }

  /** Refuses addresses that no client could use (shuckle.md section 4.2, check 2). */
  static void requireReachable(AddrsInfo addrs) throws EggsException {
    if (!Addresses.isPresent(addrs.addr1()) || addrs.addr1().equals(addrs.addr2())) {
      throw new EggsException(ErrorCode.MALFORMED_REQUEST);
    }
  }

  private static boolean shareIp(AddrsInfo a, AddrsInfo b) {
    return hasIp(a.addr1(), b) || hasIp(a.addr2(), b);
  }

  private static boolean hasIp(IpPort endpoint, AddrsInfo addrs) {
    return endpoint.ip() != 0
        && (endpoint.ip() == addrs.addr1().ip() || endpoint.ip() == addrs.addr2().ip());
  }
}
