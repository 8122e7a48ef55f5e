package org.eggsfs.shard.state;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eggsfs.core.CbcMac;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.FailureDomain;

/**
 * What a shard knows about block services (shard.md section 2, "blockServices" and
 * "currentBlockServices"): a cache of the shuckle's answers, not replicated, immutable. Known
 * services are shared by all shards of a process; the list to write to is each shard's own.
 */
public final class BlockServices {
  /** There are none: reads give placeholders, writes find no candidates. */
  public static final BlockServices EMPTY = new BlockServices(Map.of(), List.of());

  /**
   * Nobody has told yet which there are (shard.md section 4.1). Every question is answered with
   * {@link UnknownException}: right proofs would look forged, and files without a disk.
   */
  public static final BlockServices UNKNOWN = new BlockServices(null, null);

  /** A request cannot be answered before block services are known; its client asks again. */
  public static final class UnknownException extends RuntimeException {
    private static final long serialVersionUID = 1;

    UnknownException() {
      super("block services are not known yet", null, false, false);
    }
  }

  private static final int UNREADABLE =
      BlockServiceFlags.STALE | BlockServiceFlags.NO_READ | BlockServiceFlags.DECOMMISSIONED;
  private static final int UNWRITABLE =
      BlockServiceFlags.STALE | BlockServiceFlags.NO_WRITE | BlockServiceFlags.DECOMMISSIONED;

  /**
   * One block service.
   *
   * @param key MAC under its secret, for certificates and proofs
   * @param availableBytes free space, the weight of random choice
   */
  public record Service(
      long id,
      AddrsInfo addrs,
      int locationId,
      int storageClass,
      FailureDomain failureDomain,
      CbcMac key,
      int flags,
      long availableBytes) {
    /** Whether new blocks may go there. */
    public boolean isWritable() {
      return (flags & UNWRITABLE) == 0;
    }

    /** Whether clients should read there. */
    public boolean isReadable() {
      return (flags & UNREADABLE) == 0;
    }

    /** Whether both are in the same failure domain. */
    public boolean sharesDomain(Service other) {
      return Arrays.equals(failureDomain.name(), other.failureDomain.name());
    }
  }

  /** Null in {@link #UNKNOWN}. */
  private final Map<Long, Service> known;

  private final List<Service> current;

  private BlockServices(Map<Long, Service> known, List<Service> current) {
    this.known = known;
    this.current = current;
  }

  /** A cache of all known services, with no current ones yet. */
  public static BlockServices of(List<Service> services) {
    Map<Long, Service> known = HashMap.newHashMap(services.size());
    for (Service service : services) {
      known.put(service.id(), service);
    }
    return new BlockServices(known, List.of());
  }

  /** The same knowledge with another list of services to write to; unknown ids are left out. */
  public BlockServices withCurrent(long[] currentIds) {
    return new BlockServices(
        known, Arrays.stream(currentIds).filter(known::containsKey).mapToObj(known::get).toList());
  }

  private void requireKnown() {
    if (known == null) {
      throw new UnknownException();
    }
  }

  /** The service with that id, or null. */
  public Service get(long id) {
    requireKnown();
    return known.get(id);
  }

  /** The services to write to, in the shuckle's order. */
  public List<Service> current() {
    requireKnown();
    return current;
  }

  /** How many services are known. */
  public int knownCount() {
    return known == null ? 0 : known.size();
  }
}
