package org.eggsfs.shard.state;

import java.util.List;
import org.eggsfs.protocol.struct.BlacklistEntry;

/** Chooses the block services of a new span (shard.md section 11.1). Called at prepare only. */
@FunctionalInterface
public interface BlockPicker {
  /**
   * Picks {@code count} services in pairwise distinct failure domains.
   *
   * @param blacklist services and failure domains to avoid (either matches)
   * @param first services of the reference file's first span in block order, empty when there is
   *     none: block i goes to {@code first[i]} if that is a candidate
   * @param last the same for the reference file's last span, tried where {@code first} did not help
   * @return the service of each block in order, or null when there are too few candidates
   */
  long[] pick(
      int locationId,
      int storageClass,
      int count,
      List<BlacklistEntry> blacklist,
      long[] first,
      long[] last);
}
