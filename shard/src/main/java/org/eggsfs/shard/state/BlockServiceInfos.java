package org.eggsfs.shard.state;

/** The block services a shard has heard of. Implementations must be safe for concurrent readers. */
@FunctionalInterface
public interface BlockServiceInfos {
  /** The block service with that id, or null when it is unknown. */
  BlockServiceInfo find(long id);
}
