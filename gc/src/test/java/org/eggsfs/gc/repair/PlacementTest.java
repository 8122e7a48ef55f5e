package org.eggsfs.gc.repair;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.Counters;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.AddSpanAtLocationInitiateRequest;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.ScrapTransientFileResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlacklistEntry;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.IpPort;
import org.junit.jupiter.api.Test;

/**
 * Goal: however many disks have been retired, a shard hears of the one that refuses blocks, and a
 * scratch file that is gone is not taken for the file that is repaired. Method: lists of disks made
 * up, and a shard that loses every scratch file.
 */
class PlacementTest {
  private static final long FILE = InodeIds.of(InodeIds.FILE, 3, 7);
  private static final AddrsInfo ADDRESSES =
      new AddrsInfo(new IpPort(0x7f000001, 1), new IpPort(0, 0));

  private final List<Disk> disks = new ArrayList<>();

  private static FailureDomain domain(String name) {
    return new FailureDomain(Arrays.copyOf(name.getBytes(StandardCharsets.US_ASCII), 16));
  }

  private void add(long id, String domain, int flags, long flagsChangedTime) {
    disks.add(new Disk(id, domain(domain), StorageClass.HDD, ADDRESSES, flags, flagsChangedTime));
  }

  /** As the shard reads them. */
  private static boolean isListed(List<BlacklistEntry> blacklist, Disk disk) {
    return blacklist.stream()
        .anyMatch(
            entry ->
                entry.blockService() == disk.id() || entry.failureDomain().equals(disk.domain()));
  }

  private Disk disk(long id) {
    return disks.stream().filter(disk -> disk.id() == id).findFirst().orElseThrow();
  }

  @Test
  void manyRetiredDisksDoNotHideOneThatFails() {
    Set<Long> retired = new LinkedHashSet<>();
    for (long id = 1; id <= 40; id++) {
      // In all domains there are disks that may be written, so each has an entry of its own.
      add(id, "d" + id, BlockServiceFlags.DECOMMISSIONED, id);
      add(1000 + id, "d" + id, 0, 0);
      retired.add(id);
    }
    add(777, "other", 0, 0);
    List<BlacklistEntry> blacklist = Blacklist.of(List.of(777L), retired, disks);
    assertEquals(Blacklist.ENTRIES_MAX, blacklist.size());
    assertTrue(isListed(blacklist, disk(777)));
    // A shard may not have heard yet of what was retired last.
    assertTrue(isListed(blacklist, disk(40)));
    assertTrue(disks.stream().noneMatch(d -> d.id() > 1000 && isListed(blacklist, d)));
  }

  @Test
  void whatCouldBeChosenIsListedBeforeWhatCannot() {
    Set<Long> avoided = new LinkedHashSet<>();
    for (long id = 1; id <= 40; id++) {
      add(id, "full", BlockServiceFlags.NO_WRITE, 100);
      avoided.add(id);
    }
    add(41, "full", 0, 0);
    add(50, "full", 0, 0);
    avoided.add(50L);
    assertTrue(isListed(Blacklist.of(List.of(), avoided, disks), disk(50)));
  }

  @Test
  void aServerThatIsEmptiedIsOneEntry() {
    Set<Long> avoided = new LinkedHashSet<>();
    for (long id = 1; id <= 60; id++) {
      add(id, "leaves", 0, 0);
      avoided.add(id);
    }
    add(61, "leaves", BlockServiceFlags.STALE, 0);
    add(70, "stays", 0, 0);
    List<BlacklistEntry> blacklist = Blacklist.of(List.of(), avoided, disks);
    assertEquals(1, blacklist.size());
    for (long id = 1; id <= 60; id++) {
      assertTrue(isListed(blacklist, disk(id)), "disk " + id);
    }
    assertTrue(!isListed(blacklist, disk(70)));
  }

  /** Every scratch file is gone when it is used. */
  private static final class ForgetfulShard implements ShardCaller {
    int initiated;

    @Override
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    public <R extends ShardResponse> R shard(int shard, ShardRequest request) throws EggsException {
      if (request instanceof ConstructFileRequest) {
        return (R) new ConstructFileResponse(1000, 1);
      }
      if (request instanceof AddSpanAtLocationInitiateRequest) {
        initiated++;
        throw new EggsException(ErrorCode.FILE_NOT_FOUND);
      }
      return (R) new ScrapTransientFileResponse();
    }
  }

  @Test
  void aScratchFileThatIsGoneIsNotTheFileThatIsRepaired() {
    ForgetfulShard shard = new ForgetfulShard();
    Counters counters = new Counters("test");
    Placement placement =
        new Placement(
            shard,
            null,
            new Disks(request -> new AllBlockServicesDeprecatedResponse(List.of())),
            new RepairCounters(counters));
    ScratchFile scratch =
        new ScratchFile(shard, counters.counter("made"), 7, new byte[0], Long.MAX_VALUE);
    StoredBlock old = new StoredBlock(FILE, 0, 0, 0, new BlockService(ADDRESSES, 5, 0), 9, 0, 4096);
    // An EggsException FILE_NOT_FOUND would be the other file.
    assertThrows(
        IOException.class,
        () ->
            placement.replace(
                scratch,
                old,
                StorageClass.HDD,
                new long[] {5},
                true,
                List.of(),
                ByteBuffer.allocate(4096)));
    assertEquals(5, shard.initiated);
  }
}
