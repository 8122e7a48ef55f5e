package org.eggsfs.shard.server;

import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.util.List;
import org.eggsfs.shard.state.BlockServices;
import org.eggsfs.shard.state.ShardState;

/** One hosted shard: its state machine, its sockets and what its loop keeps about it. */
final class HostedShard {
  final int number;
  final ShardState state;

  /** One or two sockets; an answer leaves through the one its request came in on. */
  final List<DatagramChannel> channels;

  final List<InetSocketAddress> addresses;

  /** Replaced by the maintenance thread, read by the loop. */
  volatile BlockServices blockServices = BlockServices.EMPTY;

  /** Index of the last applied entry; only its loop touches it. */
  long appliedIndex;

  /** Index of the last entry that is durable: the checkpoint of reads. Only its loop. */
  long durableIndex;

  /** Time of the last entry; only its loop touches it. */
  long lastIssuedTime;

  HostedShard(
      int number,
      ShardState state,
      List<DatagramChannel> channels,
      List<InetSocketAddress> addresses) {
    this.number = number;
    this.state = state;
    this.channels = channels;
    this.addresses = addresses;
  }
}
