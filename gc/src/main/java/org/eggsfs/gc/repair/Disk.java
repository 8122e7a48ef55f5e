package org.eggsfs.gc.repair;

import java.nio.charset.StandardCharsets;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.FailureDomain;

/**
 * A block service as the shuckle last described it.
 *
 * @param id of the block service
 * @param domain the server it is in
 * @param storageClass HDD or FLASH
 * @param addrs where it listens
 * @param flags of {@link BlockServiceFlags}
 * @param flagsChangedTime when the flags changed last, in nanoseconds since 1970
 */
public record Disk(
    long id,
    FailureDomain domain,
    int storageClass,
    AddrsInfo addrs,
    int flags,
    long flagsChangedTime) {
  private static final int UNREADABLE =
      BlockServiceFlags.STALE | BlockServiceFlags.NO_READ | BlockServiceFlags.DECOMMISSIONED;
  private static final int UNWRITABLE =
      BlockServiceFlags.STALE | BlockServiceFlags.NO_WRITE | BlockServiceFlags.DECOMMISSIONED;

  /** Whether clients read from it. */
  public boolean isReadable() {
    return (flags & UNREADABLE) == 0 && Addresses.isPresent(addrs);
  }

  /** Whether new blocks may go there. */
  public boolean isWritable() {
    return (flags & UNWRITABLE) == 0 && Addresses.isPresent(addrs);
  }

  /** Whether it is retired for good. */
  public boolean isDecommissioned() {
    return (flags & BlockServiceFlags.DECOMMISSIONED) != 0;
  }

  /** Whether its blocks count as lost when redundancy is reckoned (gc.md section 11, item 15). */
  public boolean isLost() {
    return (flags & (BlockServiceFlags.DECOMMISSIONED | BlockServiceFlags.STALE)) != 0;
  }

  /**
   * Whether trying to read it can make sense at all: a retired disk whose server still holds it
   * answers, one that is silent or forbidden does not.
   */
  boolean mayAnswer() {
    return (flags & (BlockServiceFlags.STALE | BlockServiceFlags.NO_READ)) == 0
        && Addresses.isPresent(addrs);
  }

  /** The failure domain as text. */
  public String domainName() {
    return new String(domain.name(), StandardCharsets.ISO_8859_1).replace("\0", "");
  }
}
