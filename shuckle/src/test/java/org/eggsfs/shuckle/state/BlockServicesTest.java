package org.eggsfs.shuckle.state;

import static org.eggsfs.shuckle.state.Harness.HOUR;
import static org.eggsfs.shuckle.state.Harness.MINUTE;
import static org.eggsfs.shuckle.state.Harness.SECOND;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.ChangedBlockServicesAtLocationRequest;
import org.eggsfs.protocol.shuckle.ChangedBlockServicesAtLocationResponse;
import org.eggsfs.protocol.shuckle.CreateLocationRequest;
import org.eggsfs.protocol.shuckle.DecommissionBlockServiceRequest;
import org.eggsfs.protocol.shuckle.EraseDecommissionedBlockRequest;
import org.eggsfs.protocol.shuckle.EraseDecommissionedBlockResponse;
import org.eggsfs.protocol.shuckle.InfoRequest;
import org.eggsfs.protocol.shuckle.InfoResponse;
import org.eggsfs.protocol.shuckle.LocalChangedBlockServicesRequest;
import org.eggsfs.protocol.shuckle.LocalChangedBlockServicesResponse;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.ShardBlockServicesRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesResponse;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.UpdateBlockServicePathRequest;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.BlockServiceInfoShort;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;
import org.junit.jupiter.api.Test;

/** Block services: shuckle.md 4.5, 5 and 6 and their defects in section 12. */
class BlockServicesTest {
  private static final int STALE = BlockServiceFlags.STALE;
  private static final int NO_READ = BlockServiceFlags.NO_READ;
  private static final int NO_WRITE = BlockServiceFlags.NO_WRITE;
  private static final int DECOMMISSIONED = BlockServiceFlags.DECOMMISSIONED;
  private static final long BIG = 1L << 40;

  private final Harness shuckle = new Harness();

  /** A registration that a test changes field by field. */
  private static final class Given {
    private long id;
    private int location;
    private AddrsInfo addrs;
    private int storageClass = StorageClass.HDD;
    private FailureDomain domain;
    private byte[] key;
    private int flags;
    private int mask;
    private long available = BIG;
    private long blocks;
    private String path;

    Given(long id) {
      this.id = id;
      addrs = TestRows.addrs(0x0a000000 + (int) id, 5000);
      domain = TestRows.domain("d" + id);
      key = TestRows.key(id);
      path = "host:/" + id;
    }

    RegisterBlockServiceInfo info() {
      return new RegisterBlockServiceInfo(
          id,
          location,
          addrs,
          storageClass,
          domain,
          key,
          flags,
          mask,
          2 * BIG,
          available,
          blocks,
          path.getBytes(StandardCharsets.US_ASCII));
    }

    RegisterBlockServicesRequest request() {
      return new RegisterBlockServicesRequest(List.of(info()));
    }
  }

  private void register(long... ids) throws EggsException {
    shuckle.write(
        new RegisterBlockServicesRequest(
            Arrays.stream(ids).mapToObj(id -> new Given(id).info()).toList()));
  }

  private void refused(ErrorCode error, ShuckleRequest request) {
    EggsException e = assertThrows(EggsException.class, () -> shuckle.write(request));
    assertEquals(error, e.code());
  }

  private void setFlags(long id, int flags, int mask) throws EggsException {
    shuckle.write(new SetBlockServiceFlagsRequest(id, flags, mask));
  }

  private int flags(long id) {
    return shuckle.service(id).flags();
  }

  private long[] assigned(int shard) throws EggsException {
    ShardBlockServicesResponse response =
        (ShardBlockServicesResponse) shuckle.read(new ShardBlockServicesRequest(shard));
    return response.blockServices().stream()
        .mapToLong(BlockServiceInfoShort::id)
        .sorted()
        .toArray();
  }

  @Test
  void storesANewServiceWithAllItsFields() throws Exception {
    Given given = new Given(7);
    given.flags = NO_WRITE | NO_READ;
    given.mask = NO_WRITE;
    given.blocks = 3;
    shuckle.write(given.request());
    shuckle.write(new RegisterBlockServicesRequest(List.of()));
    shuckle.restart();
    AllBlockServicesDeprecatedResponse all =
        (AllBlockServicesDeprecatedResponse) shuckle.read(new AllBlockServicesDeprecatedRequest());
    BlockServiceDeprecatedInfo row = all.blockServices().getFirst();
    assertEquals(
        new BlockServiceDeprecatedInfo(
            7,
            given.addrs,
            StorageClass.HDD,
            given.domain,
            given.key,
            NO_WRITE,
            2 * BIG,
            BIG,
            3,
            given.path.getBytes(StandardCharsets.US_ASCII),
            shuckle.time,
            true,
            shuckle.time),
        row);
  }

  @Test
  void aRegistrationIsCheckedInOrderAndWholly() throws Exception {
    register(1);
    Given bad = new Given(0);
    refused(ErrorCode.INTERNAL_ERROR, bad.request());
    for (int mask : new int[] {STALE, DECOMMISSIONED}) {
      Given given = new Given(1);
      given.mask = mask;
      given.storageClass = StorageClass.FLASH;
      refused(ErrorCode.CANNOT_REGISTER_DECOMMISSIONED_OR_STALE, given.request());
    }
    Given otherClass = new Given(1);
    otherClass.storageClass = StorageClass.FLASH;
    refused(ErrorCode.INCONSISTENT_BLOCK_SERVICE_REGISTRATION, otherClass.request());
    Given otherDomain = new Given(1);
    otherDomain.domain = TestRows.domain("elsewhere");
    refused(ErrorCode.INCONSISTENT_BLOCK_SERVICE_REGISTRATION, otherDomain.request());
    Given otherKey = new Given(1);
    otherKey.key = TestRows.key(2);
    refused(ErrorCode.INCONSISTENT_BLOCK_SERVICE_REGISTRATION, otherKey.request());
    Given otherLocation = new Given(1);
    otherLocation.location = 1;
    refused(ErrorCode.INCONSISTENT_BLOCK_SERVICE_REGISTRATION, otherLocation.request());
    Given noClass = new Given(3);
    noClass.storageClass = StorageClass.INLINE;
    refused(ErrorCode.MALFORMED_REQUEST, noClass.request());

    // One bad service, and none of the list is taken; nor may a list contradict itself.
    refused(
        ErrorCode.INCONSISTENT_BLOCK_SERVICE_REGISTRATION,
        new RegisterBlockServicesRequest(List.of(new Given(2).info(), otherKey.info())));
    Given twice = new Given(2);
    twice.storageClass = StorageClass.FLASH;
    refused(
        ErrorCode.INCONSISTENT_BLOCK_SERVICE_REGISTRATION,
        new RegisterBlockServicesRequest(List.of(new Given(2).info(), twice.info())));
    assertEquals(1, shuckle.state.blockServices().size());
  }

  @Test
  void aLaterRegistrationUpdatesWhatMayChange() throws Exception {
    Given given = new Given(1);
    shuckle.write(given.request());
    setFlags(1, NO_READ, NO_READ);
    long changed = shuckle.time;
    shuckle.time += MINUTE;
    given.available = 5;
    given.path = "other:/1";
    shuckle.write(given.request());
    assertEquals(5, shuckle.service(1).availableBytes());
    assertArrayEquals("other:/1".getBytes(StandardCharsets.US_ASCII), shuckle.service(1).path());
    assertEquals(shuckle.time, shuckle.service(1).lastSeen());
    assertEquals(changed, shuckle.service(1).lastInfoChange());
    assertEquals(NO_READ, flags(1));

    given.addrs = TestRows.addrs(0x0b000001, 1);
    shuckle.time += MINUTE;
    shuckle.write(given.request());
    assertEquals(given.addrs, shuckle.service(1).addrs());
    assertEquals(shuckle.time, shuckle.service(1).lastInfoChange());
    // A full disk cannot be written to: a change that clients should know.
    given.available = 0;
    shuckle.time += MINUTE;
    shuckle.write(given.request());
    assertEquals(shuckle.time, shuckle.service(1).lastInfoChange());
    assertEquals(changed, shuckle.service(1).firstSeen());
  }

  @Test
  void decommissioningIsFinal() throws Exception {
    register(1);
    setFlags(1, NO_WRITE | NO_READ, NO_WRITE | NO_READ);
    refused(
        ErrorCode.CANNOT_UNSET_DECOMMISSIONED,
        new SetBlockServiceFlagsRequest(99, 0, DECOMMISSIONED));
    refused(ErrorCode.BLOCK_SERVICE_NOT_FOUND, new SetBlockServiceFlagsRequest(99, 0, 0));
    setFlags(1, DECOMMISSIONED | NO_READ, DECOMMISSIONED);
    assertEquals(DECOMMISSIONED, flags(1));
    setFlags(1, NO_READ, NO_READ);
    long seen = shuckle.service(1).lastSeen();
    shuckle.time += HOUR;
    register(1);
    shuckle.markStale(MINUTE);
    assertEquals(DECOMMISSIONED, flags(1));
    assertEquals(seen, shuckle.service(1).lastSeen());
  }

  @Test
  void aServerTakesBackOnlyWhatItHasSet() throws Exception {
    Given given = new Given(1);
    shuckle.write(given.request());
    given.mask = NO_WRITE;
    given.flags = NO_WRITE;
    shuckle.write(given.request());
    shuckle.restart();
    assertEquals(NO_WRITE, flags(1));
    // A registration that does not mention the flag changes nothing about it.
    register(1);
    assertEquals(NO_WRITE, flags(1));
    setFlags(1, NO_WRITE | NO_READ, NO_WRITE | NO_READ);
    shuckle.restart();
    given.flags = 0;
    shuckle.write(given.request());
    shuckle.restart();
    shuckle.write(given.request());
    assertEquals(NO_WRITE | NO_READ, flags(1), "the operator still wants both");
    setFlags(1, 0, NO_WRITE | NO_READ);
    assertEquals(0, flags(1));
  }

  @Test
  void anOperatorOverrulesAServerUntilItsNextRegistration() throws Exception {
    Given given = new Given(1);
    given.mask = NO_WRITE;
    given.flags = NO_WRITE;
    shuckle.write(given.request());
    assertEquals(NO_WRITE, flags(1));
    setFlags(1, 0, NO_WRITE);
    assertEquals(0, flags(1));
    shuckle.write(given.request());
    assertEquals(NO_WRITE, flags(1));
    given.flags = 0;
    shuckle.write(given.request());
    assertEquals(0, flags(1));
  }

  @Test
  void operatorsChangeOnlyTheFlagsInTheMask() throws Exception {
    register(1);
    shuckle.time += MINUTE;
    setFlags(1, NO_READ | NO_WRITE, NO_WRITE);
    assertEquals(NO_WRITE, flags(1));
    setFlags(1, STALE | 0xf0, STALE | 0xf0 | NO_WRITE);
    assertEquals(0, flags(1));
    assertEquals(shuckle.time, shuckle.service(1).lastInfoChange());
  }

  @Test
  void flagsReachTheAssignment() throws Exception {
    register(1, 2, 3, 4);
    shuckle.assign();
    assertArrayEquals(new long[] {1, 2, 3, 4}, assigned(0));
    long changes = shuckle.state.candidateChanges();
    setFlags(2, NO_WRITE, NO_WRITE);
    setFlags(3, DECOMMISSIONED, DECOMMISSIONED);
    assertEquals(changes + 2, shuckle.state.candidateChanges());
    shuckle.time += 10 * MINUTE;
    register(1);
    shuckle.markStale(MINUTE);
    shuckle.assign();
    assertArrayEquals(new long[] {1}, assigned(0));
    setFlags(2, 0, NO_WRITE);
    register(2, 4);
    shuckle.assign();
    assertArrayEquals(new long[] {1, 2, 4}, assigned(255));
    shuckle.restart();
    assertArrayEquals(new long[] {1, 2, 4}, assigned(255));
  }

  @Test
  void automaticDecommissioningIsThrottledInTime() throws Exception {
    register(1, 2, 3);
    refused(ErrorCode.BLOCK_SERVICE_NOT_FOUND, new DecommissionBlockServiceRequest(9));
    shuckle.write(new DecommissionBlockServiceRequest(1));
    assertEquals(DECOMMISSIONED, flags(1));
    // Repeating is harmless, another one has to wait, also after a restart.
    shuckle.write(new DecommissionBlockServiceRequest(1));
    shuckle.restart();
    shuckle.time += HOUR - 1;
    refused(ErrorCode.AUTO_DECOMMISSION_FORBIDDEN, new DecommissionBlockServiceRequest(2));
    shuckle.time += 1;
    shuckle.write(new DecommissionBlockServiceRequest(2));
    assertEquals(DECOMMISSIONED, flags(2));
  }

  @Test
  void automaticDecommissioningLeavesEnoughDomainsReadable() throws Exception {
    register(1, 2, 3, 4);
    for (long id : new long[] {1, 2}) {
      shuckle.apply(new LogEntry.FilePresence(shuckle.time, id, true));
    }
    setFlags(1, NO_READ, NO_READ);
    setFlags(2, DECOMMISSIONED, DECOMMISSIONED);
    setFlags(3, NO_READ, NO_READ);
    // Domains 1 and 2 are out of reach with data on them; one more would make three.
    refused(ErrorCode.AUTO_DECOMMISSION_FORBIDDEN, new DecommissionBlockServiceRequest(4));
    // The limit is about domains: a second disk in one that is out already is no further loss.
    shuckle.write(new DecommissionBlockServiceRequest(1));
    assertEquals(DECOMMISSIONED, flags(1));
    shuckle.time += HOUR;
    shuckle.apply(new LogEntry.FilePresence(shuckle.time, 2, false));
    shuckle.write(new DecommissionBlockServiceRequest(4));
    assertEquals(DECOMMISSIONED, flags(4));
  }

  @Test
  void silenceMakesStaleAndARegistrationEndsIt() throws Exception {
    register(1, 2);
    shuckle.time += 3 * MINUTE;
    register(2);
    long[] silent = shuckle.state.silent(id -> id == 1);
    assertArrayEquals(new long[] {1}, silent);
    shuckle.apply(new LogEntry.MarkStale(shuckle.time, silent));
    assertEquals(STALE, flags(1));
    assertEquals(0, flags(2));
    assertEquals(shuckle.time, shuckle.service(1).lastInfoChange());
    assertArrayEquals(new long[0], shuckle.state.silent(id -> id == 1));
    shuckle.time += SECOND;
    register(1);
    assertEquals(0, flags(1));
    assertEquals(shuckle.time, shuckle.service(1).lastInfoChange());
  }

  @Test
  void aClockThatWasAheadDoesNotKeepAServiceNewOrTheThrottleClosed() throws Exception {
    shuckle.time += 10 * HOUR;
    register(1, 2);
    shuckle.write(new DecommissionBlockServiceRequest(1));
    shuckle.time -= 10 * HOUR;
    register(2);
    assertEquals(shuckle.time, shuckle.service(2).lastInfoChange());
    shuckle.write(new DecommissionBlockServiceRequest(2));
    assertEquals(DECOMMISSIONED, flags(2));
  }

  @Test
  void changesCarryTheRealFlagsAndATimeToAskFromNext() throws Exception {
    register(1, 2);
    long registered = shuckle.time;
    shuckle.time += HOUR;
    setFlags(2, NO_READ, NO_READ);
    LocalChangedBlockServicesResponse changed =
        (LocalChangedBlockServicesResponse)
            shuckle.read(new LocalChangedBlockServicesRequest(shuckle.time));
    assertEquals(
        List.of(new BlockService(new Given(2).addrs, 2, NO_READ)), changed.blockServices());
    assertEquals(shuckle.time - 10 * MINUTE, changed.lastChange());
    changed =
        (LocalChangedBlockServicesResponse)
            shuckle.read(new LocalChangedBlockServicesRequest(registered));
    assertEquals(2, changed.blockServices().size());
    ChangedBlockServicesAtLocationResponse elsewhere =
        (ChangedBlockServicesAtLocationResponse)
            shuckle.read(new ChangedBlockServicesAtLocationRequest(1, 0));
    assertTrue(elsewhere.blockServices().isEmpty());
    // u64: a start beyond every time is not negative.
    changed =
        (LocalChangedBlockServicesResponse) shuckle.read(new LocalChangedBlockServicesRequest(-1));
    assertTrue(changed.blockServices().isEmpty());
  }

  @Test
  void sumsLeaveOutWhatIsDecommissioned() throws Exception {
    for (long id = 1; id <= 4; id++) {
      Given given = new Given(id);
      given.domain = TestRows.domain("d" + id % 3);
      given.blocks = 3;
      shuckle.write(given.request());
    }
    assertEquals(new InfoResponse(4, 3, 8 * BIG, 4 * BIG, 12), shuckle.read(new InfoRequest()));
    setFlags(3, DECOMMISSIONED, DECOMMISSIONED);
    assertEquals(new InfoResponse(3, 2, 6 * BIG, 3 * BIG, 9), shuckle.read(new InfoRequest()));
  }

  @Test
  void hasFilesIsKeptAndPathsCanBeMoved() throws Exception {
    register(1);
    shuckle.apply(new LogEntry.FilePresence(shuckle.time, 1, true));
    shuckle.apply(new LogEntry.FilePresence(shuckle.time, 99, true));
    byte[] path = "new:/path".getBytes(StandardCharsets.US_ASCII);
    shuckle.write(new UpdateBlockServicePathRequest(1, path));
    refused(ErrorCode.BLOCK_SERVICE_NOT_FOUND, new UpdateBlockServicePathRequest(99, path));
    shuckle.restart();
    register(2);
    assertTrue(shuckle.service(1).hasFiles());
    assertFalse(shuckle.service(2).hasFiles());
    assertArrayEquals(path, shuckle.service(1).path());
  }

  @Test
  void standsInForDecommissionedServicesOnly() throws Exception {
    register(1);
    CbcMac key = new CbcMac(TestRows.key(1));
    long certificate = Certificates.eraseCertificate(key, 1, 77);
    EraseDecommissionedBlockRequest request =
        new EraseDecommissionedBlockRequest(1, 77, certificate);
    for (ShuckleRequest refused :
        List.of(request, new EraseDecommissionedBlockRequest(2, 77, certificate))) {
      EggsException e = assertThrows(EggsException.class, () -> shuckle.read(refused));
      assertEquals(ErrorCode.BLOCK_SERVICE_NOT_FOUND, e.code());
    }
    setFlags(1, DECOMMISSIONED, DECOMMISSIONED);
    EraseDecommissionedBlockResponse response =
        (EraseDecommissionedBlockResponse) shuckle.read(request);
    assertEquals(Certificates.eraseProof(key, 1, 77), response.proof());
    EggsException e =
        assertThrows(
            EggsException.class,
            () -> shuckle.read(new EraseDecommissionedBlockRequest(1, 78, certificate)));
    assertEquals(ErrorCode.BAD_CERTIFICATE, e.code());
  }

  @Test
  void theOldAssignmentListsThePrimaryLocationOnly() throws Exception {
    shuckle.write(new CreateLocationRequest(1, new byte[] {'x'}));
    register(1);
    Given elsewhere = new Given(2);
    elsewhere.location = 1;
    shuckle.write(elsewhere.request());
    shuckle.assign();
    assertArrayEquals(new long[] {1, 2}, assigned(3));
    ShardBlockServicesDeprecatedResponse old =
        (ShardBlockServicesDeprecatedResponse)
            shuckle.read(new ShardBlockServicesDeprecatedRequest(3));
    assertArrayEquals(new long[] {1}, old.blockServices());
  }
}
