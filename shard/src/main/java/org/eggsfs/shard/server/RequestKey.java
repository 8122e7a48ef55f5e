package org.eggsfs.shard.server;

import java.net.InetSocketAddress;

/** What identifies a request among retries of others: its shard, its id, where it came from. */
record RequestKey(int shard, long requestId, InetSocketAddress source) {}
