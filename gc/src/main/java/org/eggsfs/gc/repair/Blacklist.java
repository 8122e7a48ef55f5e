package org.eggsfs.gc.repair;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.eggsfs.protocol.struct.BlacklistEntry;
import org.eggsfs.protocol.struct.FailureDomain;

/**
 * Which block services a replacement must not come to, besides those of its span (gc.md section 6).
 * A request holds only some, so those come first that a shard would really choose: the disks that
 * refused it, then those where it would have to leave again. Of these the shards leave out by
 * themselves what is retired or full, once they have heard of it.
 */
final class Blacklist {
  /** So that a request fits a packet: 29 domains of the span, and these. */
  static final int ENTRIES_MAX = 20;

  /** Matches no failure domain. */
  static final FailureDomain NO_DOMAIN = new FailureDomain(new byte[16]);

  /** Matches no block service. */
  private static final long NO_SERVICE = 0;

  private static final Comparator<Disk> FIRST_CHOSEN =
      Comparator.comparing(Disk::isWritable)
          .thenComparingLong(Disk::flagsChangedTime)
          .reversed()
          .thenComparingLong(Disk::id);

  private Blacklist() {}

  /**
   * The entries, at most {@link #ENTRIES_MAX}.
   *
   * @param failed block services that did not take a block, the most certain first
   * @param avoided block services from which the block would be moved away again; where that is all
   *     of a failure domain that can be written, the domain is one entry
   * @param disks all block services
   */
  static List<BlacklistEntry> of(
      Collection<Long> failed, Collection<Long> avoided, Collection<Disk> disks) {
    List<BlacklistEntry> entries = new ArrayList<>();
    failed.forEach(service -> entries.add(new BlacklistEntry(NO_DOMAIN, service)));
    Set<Long> unwanted = Set.copyOf(avoided);
    Set<FailureDomain> usable = new HashSet<>();
    for (Disk disk : disks) {
      if (disk.isWritable() && !unwanted.contains(disk.id())) {
        usable.add(disk.domain());
      }
    }
    Set<FailureDomain> listed = new HashSet<>();
    disks.stream()
        .filter(disk -> unwanted.contains(disk.id()))
        .sorted(FIRST_CHOSEN)
        .forEach(
            disk -> {
              if (usable.contains(disk.domain())) {
                entries.add(new BlacklistEntry(NO_DOMAIN, disk.id()));
              } else if (listed.add(disk.domain())) {
                entries.add(new BlacklistEntry(disk.domain(), NO_SERVICE));
              }
            });
    return entries.subList(0, Math.min(entries.size(), ENTRIES_MAX));
  }
}
