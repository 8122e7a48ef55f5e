package org.eggsfs.shard.server;

import java.net.InetSocketAddress;
import java.util.List;
import org.eggsfs.shard.state.BlockServices;
import org.eggsfs.shard.state.ShardState;
import org.eggsfs.store.View;

/** One hosted shard: its state machine, its addresses and what its engine keeps about it. */
public final class HostedShard {
  final int number;
  final ShardState state;

  /** One or two; an answer leaves through the socket its request came in on. */
  final List<InetSocketAddress> addresses;

  /** Replaced by the maintenance thread, read by the loop. */
  private volatile BlockServices blockServices = BlockServices.UNKNOWN;

  /** Index of the last applied entry; only its loop touches it. */
  long appliedIndex;

  /** Index of the last entry that is durable: the checkpoint of reads. Only its loop. */
  long durableIndex;

  /** Time of the last entry; only its loop touches it. */
  long lastIssuedTime;

  private HostedShard(int number, ShardState state, List<InetSocketAddress> addresses) {
    this.number = number;
    this.state = state;
    this.addresses = List.copyOf(addresses);
  }

  /**
   * A shard as the view holds it.
   *
   * @param deadlineInterval time a transient file lives after its writer's last request
   */
  public static HostedShard open(
      View view, int number, long deadlineInterval, List<InetSocketAddress> addresses) {
    ShardState state = ShardState.open(view, number, deadlineInterval);
    HostedShard shard = new HostedShard(number, state, addresses);
    ShardState.Applied applied = state.applied(view);
    shard.appliedIndex = applied.index();
    shard.durableIndex = applied.index();
    shard.lastIssuedTime = applied.time();
    return shard;
  }

  /** The cache of block services in use. */
  public BlockServices blockServices() {
    return blockServices;
  }

  /** Replaces the cache of block services. Any thread. */
  public void setBlockServices(BlockServices newer) {
    blockServices = newer;
  }
}
