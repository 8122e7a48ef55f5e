package org.eggsfs.shuckle.state;

import org.eggsfs.protocol.shuckle.ShuckleRequest;

/**
 * A decided change, with everything that is not a function of the state. Applying the same entries
 * to the same state gives the same state, so entries can be replicated or replayed.
 */
public sealed interface LogEntry {
  /** When the entry was made, nanoseconds since the epoch; never before an earlier entry's. */
  long time();

  /** A client's request for which {@link ShuckleState#isWrite} holds. */
  record ClientWrite(long time, Rules rules, ShuckleRequest request) implements LogEntry {}

  /** Marks block services as stale, which have been silent for long (shuckle.md section 5). */
  record MarkStale(long time, long[] ids) implements LogEntry {}

  /** Whether some shard has files on the block service (shuckle.md section 10). */
  record FilePresence(long time, long id, boolean hasFiles) implements LogEntry {}

  /** The new assignment of block services to shards (shuckle.md section 7). */
  record Assign(long time, Assignment assignment) implements LogEntry {}
}
