package org.eggsfs.cdc.server;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.struct.ShardInfo;

/** Where the shards are. Written by the maintenance thread, read by the loop. */
final class ShardAddresses {
  private final AtomicReferenceArray<List<InetSocketAddress>> table =
      new AtomicReferenceArray<>(ProtocolConstants.SHARD_COUNT);

  /** Takes over what is known; a shard that has never registered keeps its former addresses. */
  void install(List<ShardInfo> shards) {
    for (int i = 0; i < Math.min(shards.size(), table.length()); i++) {
      List<InetSocketAddress> addresses = Addresses.list(shards.get(i).addrs());
      if (!addresses.isEmpty()) {
        table.set(i, addresses);
      }
    }
  }

  /** The address to use for an attempt, or null while the shard is unknown. */
  InetSocketAddress get(int shard, int attempt) {
    List<InetSocketAddress> addresses = table.get(shard);
    return addresses == null ? null : addresses.get(attempt % addresses.size());
  }

  boolean isComplete() {
    for (int i = 0; i < table.length(); i++) {
      if (table.get(i) == null) {
        return false;
      }
    }
    return true;
  }
}
