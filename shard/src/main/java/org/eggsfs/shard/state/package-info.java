/**
 * The metadata shard as a pure state machine (shard.md): what is decided here depends on nothing
 * but the arguments. Clock, randomness, network and storage belong to {@code
 * org.eggsfs.shard.server}.
 */
package org.eggsfs.shard.state;
