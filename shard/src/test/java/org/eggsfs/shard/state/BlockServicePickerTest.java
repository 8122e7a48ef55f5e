package org.eggsfs.shard.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.eggsfs.core.CbcMac;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlacklistEntry;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.IpPort;
import org.junit.jupiter.api.Test;

/** Goal: the picking rules of shard.md section 11.1 and P26. Method: small clusters, many seeds. */
class BlockServicePickerTest {
  private static final AddrsInfo ADDRS = new AddrsInfo(new IpPort(1, 1), new IpPort(0, 0));
  private static final CbcMac KEY = new CbcMac(new byte[16]);
  private static final long[] NONE = {};

  private static FailureDomain domain(int number) {
    return new FailureDomain(Arrays.copyOf(new byte[] {'d', (byte) ('a' + number)}, 16));
  }

  private static BlockServices.Service service(int id, int domain, int flags, long free) {
    return new BlockServices.Service(
        id, ADDRS, 0, StorageClass.HDD, domain(domain), KEY, flags, free);
  }

  private static BlockServices cluster(int domains, int perDomain) {
    List<BlockServices.Service> services = new ArrayList<>();
    for (int i = 0; i < domains * perDomain; i++) {
      services.add(service(i + 1, i % domains, 0, 1000));
    }
    return allCurrent(services);
  }

  private static BlockServices allCurrent(List<BlockServices.Service> services) {
    return BlockServices.of(services)
        .withCurrent(services.stream().mapToLong(BlockServices.Service::id).toArray());
  }

  private static BlockServices.Service[] pick(
      BlockServices services, int blocks, List<BlacklistEntry> blacklist, long[] first, int seed)
      throws EggsException {
    return BlockServicePicker.pick(
        services,
        blocks,
        StorageClass.HDD,
        0,
        blacklist,
        first,
        NONE,
        new Random(seed)::nextDouble);
  }

  @Test
  void domainsAreDistinctAndSuccessNeedsExactlyEnoughOfThem() throws EggsException {
    for (int seed = 0; seed < 50; seed++) {
      Set<String> domains = new HashSet<>();
      for (BlockServices.Service service : pick(cluster(14, 3), 14, List.of(), NONE, seed)) {
        assertTrue(domains.add(Arrays.toString(service.failureDomain().name())));
      }
    }
    EggsException error =
        assertThrows(EggsException.class, () -> pick(cluster(13, 3), 14, List.of(), NONE, 1));
    assertEquals(ErrorCode.COULD_NOT_PICK_BLOCK_SERVICES, error.code());
  }

  @Test
  void theReferenceKeepsPositionsWhenOneOfItsServicesIsGone() throws EggsException {
    long[] reference = {5, 99, 3, 1};
    for (int seed = 0; seed < 50; seed++) {
      BlockServices.Service[] picked = pick(cluster(8, 1), 4, List.of(), reference, seed);
      assertEquals(5, picked[0].id());
      assertEquals(3, picked[2].id());
      assertEquals(1, picked[3].id());
    }
  }

  @Test
  void aSingleBlockGoesWhereTheReferenceHasAnother() throws EggsException {
    // Block 2 of a span is replaced: the others of it are listed, and the first span has moved to
    // 6.
    long[] reference = {5, 99, 6, 1};
    List<BlacklistEntry> others =
        List.of(
            new BlacklistEntry(domain(4), 0),
            new BlacklistEntry(domain(7), 0),
            new BlacklistEntry(domain(0), 0),
            new BlacklistEntry(new FailureDomain(new byte[16]), 3));
    for (int seed = 0; seed < 50; seed++) {
      assertEquals(6, pick(cluster(8, 1), 1, others, reference, seed)[0].id());
    }
  }

  @Test
  void blacklistAndFlagsExclude() throws EggsException {
    List<BlacklistEntry> blacklist =
        List.of(
            new BlacklistEntry(domain(0), 0),
            new BlacklistEntry(new FailureDomain(new byte[16]), 2));
    List<BlockServices.Service> services = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      services.add(service(i + 1, i, i == 5 ? BlockServiceFlags.NO_WRITE : 0, 10));
    }
    for (int seed = 0; seed < 50; seed++) {
      for (BlockServices.Service service :
          pick(allCurrent(services), 3, blacklist, new long[] {1, 2, 6}, seed)) {
        assertFalse(Set.of(1L, 2L, 6L).contains(service.id()));
      }
    }
    assertThrows(EggsException.class, () -> pick(allCurrent(services), 4, blacklist, NONE, 1));
  }

  @Test
  void freeSpaceWeighs() throws EggsException {
    BlockServices services =
        allCurrent(List.of(service(1, 0, 0, 1_000_000), service(2, 1, 0, 1_000)));
    int roomy = 0;
    for (int seed = 0; seed < 200; seed++) {
      roomy += pick(services, 1, List.of(), NONE, seed)[0].id() == 1 ? 1 : 0;
    }
    assertTrue(roomy > 190, "picked the roomy disk " + roomy + " times of 200");
  }
}
