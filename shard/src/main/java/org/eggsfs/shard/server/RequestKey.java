package org.eggsfs.shard.server;

import java.net.InetSocketAddress;

/** What identifies a request among retries of others: its id and where it came from. */
record RequestKey(long requestId, InetSocketAddress source) {}
