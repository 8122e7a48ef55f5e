package org.eggsfs.shard.state;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleSupplier;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.struct.BlacklistEntry;

/**
 * Picks the block services of a new span (shard.md section 11.1): distinct failure domains, block i
 * where the reference has its block i as far as possible, else where it has others, the rest at
 * random, weighted by free space.
 */
public final class BlockServicePicker {
  private static final byte[] NO_DOMAIN = new byte[16];

  private BlockServicePicker() {}

  /**
   * Picks services.
   *
   * @param blocks how many
   * @param blacklist services and domains to avoid; a zero member of an entry matches nothing
   * @param firstReference services of the reference's first span at that location, block by block;
   *     empty if there is none
   * @param lastReference the same for its last span
   * @return one service for each block
   * @throws EggsException COULD_NOT_PICK_BLOCK_SERVICES when too few failure domains are left
   */
  public static BlockServices.Service[] pick(
      BlockServices services,
      int blocks,
      int storageClass,
      int locationId,
      List<BlacklistEntry> blacklist,
      long[] firstReference,
      long[] lastReference,
      DoubleSupplier random)
      throws EggsException {
    List<BlockServices.Service> candidates =
        candidates(services, storageClass, locationId, blacklist);
    BlockServices.Service[] picked = new BlockServices.Service[blocks];
    stick(picked, candidates, firstReference);
    stick(picked, candidates, lastReference);
    stay(picked, candidates, firstReference);
    stay(picked, candidates, lastReference);
    for (int i = 0; i < blocks; i++) {
      if (picked[i] == null) {
        picked[i] = takeRandom(candidates, random);
      }
    }
    return picked;
  }

  private static List<BlockServices.Service> candidates(
      BlockServices services, int storageClass, int locationId, List<BlacklistEntry> blacklist) {
    List<BlockServices.Service> candidates = new ArrayList<>();
    for (BlockServices.Service service : services.current()) {
      if (service.locationId() == locationId
          && service.storageClass() == storageClass
          && service.isWritable()
          && !isListed(blacklist, service)) {
        candidates.add(service);
      }
    }
    return candidates;
  }

  private static boolean isListed(List<BlacklistEntry> blacklist, BlockServices.Service service) {
    for (BlacklistEntry entry : blacklist) {
      byte[] domain = entry.failureDomain().name();
      if (entry.blockService() == service.id()
          || (Arrays.equals(domain, service.failureDomain().name())
              && !Arrays.equals(domain, NO_DOMAIN))) {
        return true;
      }
    }
    return false;
  }

  /** Keeps positions: losing one service must not move the blocks behind it. */
  private static void stick(
      BlockServices.Service[] picked, List<BlockServices.Service> candidates, long[] reference) {
    for (int i = 0; i < picked.length && i < reference.length; i++) {
      if (picked[i] == null) {
        for (BlockServices.Service candidate : candidates) {
          if (candidate.id() == reference[i]) {
            picked[i] = take(candidates, candidate);
            break;
          }
        }
      }
    }
  }

  /**
   * What finds no place at its position goes to another service of the reference, so that the
   * replaced blocks of a file, which come one by one, do not scatter it over ever more services.
   */
  private static void stay(
      BlockServices.Service[] picked, List<BlockServices.Service> candidates, long[] reference) {
    int next = 0;
    for (int i = 0; i < picked.length; i++) {
      while (picked[i] == null && next < reference.length) {
        long id = reference[next++];
        for (BlockServices.Service candidate : candidates) {
          if (candidate.id() == id) {
            picked[i] = take(candidates, candidate);
            break;
          }
        }
      }
    }
  }

  private static BlockServices.Service takeRandom(
      List<BlockServices.Service> candidates, DoubleSupplier random) throws EggsException {
    if (candidates.isEmpty()) {
      throw new EggsException(ErrorCode.COULD_NOT_PICK_BLOCK_SERVICES);
    }
    double total = 0;
    for (BlockServices.Service candidate : candidates) {
      total += weight(candidate);
    }
    double point = random.getAsDouble() * total;
    for (BlockServices.Service candidate : candidates) {
      point -= weight(candidate);
      if (point < 0) {
        return take(candidates, candidate);
      }
    }
    return take(candidates, candidates.getLast());
  }

  private static double weight(BlockServices.Service service) {
    return 1.0 + Math.max(0, service.availableBytes());
  }

  /** Takes a candidate, and with it every other one of its failure domain, off the list. */
  private static BlockServices.Service take(
      List<BlockServices.Service> candidates, BlockServices.Service chosen) {
    candidates.removeIf(candidate -> candidate.sharesDomain(chosen));
    return chosen;
  }
}
