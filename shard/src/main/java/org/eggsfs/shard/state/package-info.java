/**
 * The metadata shard as a pure state machine (shard.md): tables over an ordered key/value view, one
 * class per request, a dispatcher, and a checker of the invariants.
 *
 * <p>Nothing here reads a clock, draws a random number, starts a thread, opens a socket or writes a
 * log line: what a request needs from outside comes in as an argument ({@link
 * org.eggsfs.shard.state.PrepareContext}) and what it decided goes into the {@link
 * org.eggsfs.shard.state.LogEntry}. Applying the same entries to the same state gives the same
 * bytes on every replica, whatever their block service caches say.
 *
 * <p>Keys start with the shard byte and the table byte, integers in them are unsigned big-endian;
 * values start with a version byte.
 */
package org.eggsfs.shard.state;
