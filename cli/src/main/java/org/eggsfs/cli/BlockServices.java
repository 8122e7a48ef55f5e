package org.eggsfs.cli;

import java.io.IOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eggsfs.client.EggsClient;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;

/** The block services that the shuckle knows, at one moment. */
final class BlockServices {
  /** A block on a service with one of these cannot be read. */
  private static final int UNREADABLE =
      BlockServiceFlags.STALE | BlockServiceFlags.NO_READ | BlockServiceFlags.DECOMMISSIONED;

  private final List<BlockServiceDeprecatedInfo> all;
  private final Map<Long, BlockServiceDeprecatedInfo> byId = new HashMap<>();

  private BlockServices(List<BlockServiceDeprecatedInfo> all) {
    this.all =
        all.stream()
            .sorted(
                Comparator.comparing(
                        (BlockServiceDeprecatedInfo s) -> Tables.failureDomain(s.failureDomain()))
                    .thenComparing(s -> EggsPath.text(s.path()))
                    .thenComparingLong(BlockServiceDeprecatedInfo::id))
            .toList();
    all.forEach(service -> byId.put(service.id(), service));
  }

  static BlockServices read(EggsClient client) throws EggsException, IOException {
    AllBlockServicesDeprecatedResponse answer =
        client.shuckle().call(new AllBlockServicesDeprecatedRequest());
    return new BlockServices(answer.blockServices());
  }

  /** All, by failure domain and path. */
  List<BlockServiceDeprecatedInfo> all() {
    return all;
  }

  /** The service with this id; null when the shuckle does not know it. */
  BlockServiceDeprecatedInfo find(long id) {
    return byId.get(id);
  }

  /** The service with the id that an operator typed. */
  BlockServiceDeprecatedInfo named(String option, String id) throws CommandFailure {
    BlockServiceDeprecatedInfo service = byId.get(Numbers.id(option, id));
    if (service == null) {
      throw new CommandFailure(
          option + " " + id + ": no such block service; see 'eggs cli blockservices'");
    }
    return service;
  }

  /** The failure domain of a service; its id where the shuckle does not know it. */
  String domain(long id) {
    BlockServiceDeprecatedInfo service = byId.get(id);
    return service == null ? MessageJson.hex(id) : Tables.failureDomain(service.failureDomain());
  }

  /**
   * The flags of a service: those that the shuckle has now, and those that a shard has heard of,
   * which learns of changes about a minute later.
   */
  int flags(BlockService seenByShard) {
    BlockServiceDeprecatedInfo service = byId.get(seenByShard.id());
    return seenByShard.flags() | (service == null ? 0 : service.flags());
  }

  /** Whether a block can be read from the service. */
  boolean isReadable(BlockService seenByShard) {
    return (flags(seenByShard) & UNREADABLE) == 0 && Addresses.isPresent(seenByShard.addrs());
  }

  /** {@code 0x… domain path}. */
  static String describe(BlockServiceDeprecatedInfo service) {
    return MessageJson.hex(service.id())
        + " "
        + Tables.failureDomain(service.failureDomain())
        + " "
        + EggsPath.text(service.path())
        + " "
        + Tables.flags(service.flags());
  }
}
