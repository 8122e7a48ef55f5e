/**
 * The process around the shard state machine: sockets, event loops, group commit, registration, the
 * block service cache. {@link org.eggsfs.shard.server.ShardHost} wires it.
 */
package org.eggsfs.shard.server;
