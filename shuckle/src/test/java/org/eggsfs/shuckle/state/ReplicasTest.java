package org.eggsfs.shuckle.state;

import static org.eggsfs.shuckle.state.Harness.HOUR;
import static org.eggsfs.shuckle.state.Harness.MINUTE;
import static org.eggsfs.shuckle.state.Harness.SECOND;
import static org.eggsfs.shuckle.state.TestRows.addrs;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shuckle.AllCdcRequest;
import org.eggsfs.protocol.shuckle.AllCdcResponse;
import org.eggsfs.protocol.shuckle.AllShardsRequest;
import org.eggsfs.protocol.shuckle.AllShardsResponse;
import org.eggsfs.protocol.shuckle.CdcAtLocationRequest;
import org.eggsfs.protocol.shuckle.CdcAtLocationResponse;
import org.eggsfs.protocol.shuckle.CdcReplicasDeprecatedRequest;
import org.eggsfs.protocol.shuckle.CdcReplicasDeprecatedResponse;
import org.eggsfs.protocol.shuckle.ClearCdcInfoRequest;
import org.eggsfs.protocol.shuckle.ClearShardInfoRequest;
import org.eggsfs.protocol.shuckle.CreateLocationRequest;
import org.eggsfs.protocol.shuckle.LocalCdcRequest;
import org.eggsfs.protocol.shuckle.LocalCdcResponse;
import org.eggsfs.protocol.shuckle.LocationsRequest;
import org.eggsfs.protocol.shuckle.LocationsResponse;
import org.eggsfs.protocol.shuckle.MoveCdcLeaderRequest;
import org.eggsfs.protocol.shuckle.MoveShardLeaderRequest;
import org.eggsfs.protocol.shuckle.RegisterCdcRequest;
import org.eggsfs.protocol.shuckle.RegisterShardRequest;
import org.eggsfs.protocol.shuckle.RegisterShuckleRequest;
import org.eggsfs.protocol.shuckle.RenameLocationRequest;
import org.eggsfs.protocol.shuckle.ShardsAtLocationRequest;
import org.eggsfs.protocol.shuckle.ShardsAtLocationResponse;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.FullShardInfo;
import org.eggsfs.protocol.struct.IpPort;
import org.junit.jupiter.api.Test;

/** Registrations, leaders and locations: shuckle.md 4.2 to 4.4 and their defects in section 12. */
class ReplicasTest {
  private static final AddrsInfo HERE = addrs(0x0a000001, 4000);
  private static final AddrsInfo THERE = addrs(0x0a000002, 4000);

  private final Harness shuckle = new Harness();

  private static RegisterShardRequest shard(int replica, boolean leader, AddrsInfo addrs) {
    return new RegisterShardRequest(replica << 8 | 9, leader, addrs, 0);
  }

  private void refused(ErrorCode error, ShuckleRequest request) {
    EggsException e = assertThrows(EggsException.class, () -> shuckle.write(request));
    assertEquals(error, e.code());
  }

  private AddrsInfo leader(int location) throws EggsException {
    ShardsAtLocationResponse response =
        (ShardsAtLocationResponse) shuckle.read(new ShardsAtLocationRequest(location));
    assertEquals(256, response.shards().size());
    return response.shards().get(9).addrs();
  }

  private List<FullShardInfo> rows() throws EggsException {
    return ((AllShardsResponse) shuckle.read(new AllShardsRequest()))
        .shards().stream().filter(row -> (row.shrid() & 0xff) == 9).toList();
  }

  private long leaderCount() throws EggsException {
    return rows().stream().filter(FullShardInfo::isLeader).count();
  }

  @Test
  void aLeadersAddressIsPublishedAndAFollowersIsNot() throws Exception {
    shuckle.write(shard(1, false, THERE));
    assertEquals(Addresses.NONE, leader(0));
    shuckle.write(shard(0, true, HERE));
    assertEquals(HERE, leader(0));
    shuckle.restart();
    assertEquals(HERE, leader(0));
    assertEquals(5, rows().size());
    assertEquals(shuckle.time, rows().get(1).lastSeen());
  }

  @Test
  void refusesUnknownReplicasAndUnusableAddresses() {
    refused(ErrorCode.INVALID_REPLICA, new RegisterShardRequest(9, true, HERE, 1));
    refused(ErrorCode.INVALID_REPLICA, new RegisterCdcRequest(5, 0, true, HERE));
    refused(ErrorCode.INVALID_REPLICA, new RegisterCdcRequest(0, 7, true, HERE));
    refused(ErrorCode.INVALID_REPLICA, new RegisterShuckleRequest(200, 0, true, HERE, true));
    refused(ErrorCode.INVALID_REPLICA, new MoveCdcLeaderRequest(5, 0));
    refused(ErrorCode.INVALID_REPLICA, new ClearCdcInfoRequest(0, 1));
    refused(ErrorCode.INVALID_REPLICA, new MoveShardLeaderRequest(9, 1));
    refused(ErrorCode.INVALID_REPLICA, new ClearShardInfoRequest(9, 1));
    IpPort one = HERE.addr1();
    refused(ErrorCode.MALFORMED_REQUEST, shard(0, true, Addresses.NONE));
    refused(ErrorCode.MALFORMED_REQUEST, shard(0, true, new AddrsInfo(one, one)));
    refused(ErrorCode.MALFORMED_REQUEST, shard(0, true, new AddrsInfo(Addresses.NO_ENDPOINT, one)));
    // The replica is checked before the address.
    refused(ErrorCode.INVALID_REPLICA, new RegisterCdcRequest(5, 0, true, Addresses.NONE));
  }

  @Test
  void twoReplicasNeverLeadAtOnce() throws Exception {
    shuckle.write(shard(0, true, HERE));
    refused(ErrorCode.LEADER_PREEMPTED, shard(1, true, THERE));
    assertEquals(1, leaderCount());
    shuckle.time += 3 * MINUTE - SECOND;
    refused(ErrorCode.LEADER_PREEMPTED, shard(1, true, THERE));
    // Now the leader is stale.
    shuckle.time += SECOND;
    shuckle.write(shard(1, true, THERE));
    assertEquals(1, leaderCount());
    assertEquals(THERE, leader(0));
  }

  @Test
  void aLeaderSeenByAClockThatWasAheadCanBeReplaced() throws Exception {
    shuckle.time += HOUR;
    shuckle.write(shard(0, true, HERE));
    shuckle.time -= SECOND;
    refused(ErrorCode.LEADER_PREEMPTED, shard(1, true, THERE));
    shuckle.time -= HOUR;
    shuckle.write(shard(1, true, THERE));
    assertEquals(THERE, leader(0));
    assertEquals(1, leaderCount());
  }

  @Test
  void aRestartedLeaderMayChangeItsPort() throws Exception {
    shuckle.write(shard(0, true, HERE));
    shuckle.write(shard(0, true, addrs(0x0a000001, 4001)));
    assertEquals(addrs(0x0a000001, 4001), leader(0));
  }

  @Test
  void aMoveLeavesOneLeaderAndTheNextRegistrationDoesNotUndoIt() throws Exception {
    shuckle.write(shard(0, true, HERE));
    shuckle.write(shard(1, false, THERE));
    shuckle.write(new MoveShardLeaderRequest(1 << 8 | 9, 0));
    assertEquals(1, leaderCount());
    assertEquals(THERE, leader(0));
    refused(ErrorCode.LEADER_PREEMPTED, shard(0, true, HERE));
    assertEquals(THERE, leader(0));
    shuckle.restart();
    assertEquals(THERE, leader(0));
    assertEquals(1, leaderCount());
  }

  @Test
  void aLeaderCannotBeCleared() throws Exception {
    shuckle.write(shard(0, true, HERE));
    refused(ErrorCode.LEADER_PREEMPTED, new ClearShardInfoRequest(9, 0));
    assertEquals(HERE, leader(0));
    shuckle.write(new RegisterCdcRequest(2, 0, true, HERE));
    refused(ErrorCode.LEADER_PREEMPTED, new ClearCdcInfoRequest(2, 0));
  }

  @Test
  void withStableAddressesOneAddressMustStay() throws Exception {
    shuckle.rules = new Rules(3 * MINUTE, 0, 3, true, false);
    AddrsInfo both = new AddrsInfo(HERE.addr1(), THERE.addr1());
    shuckle.write(shard(1, false, both));
    AddrsInfo oneNew = new AddrsInfo(new IpPort(0x0a000003, 1), new IpPort(0x0a000002, 2));
    shuckle.write(shard(1, false, oneNew));
    refused(ErrorCode.DIFFERENT_ADDRS_INFO, shard(1, false, HERE));
    shuckle.write(new ClearShardInfoRequest(1 << 8 | 9, 0));
    assertEquals(0, rows().get(1).lastSeen());
    shuckle.restart();
    shuckle.write(shard(1, false, HERE));
    assertEquals(HERE, rows().get(1).addrs());
  }

  @Test
  void withStableLeadersOnlyAMoveChangesThem() throws Exception {
    shuckle.rules = new Rules(0, 0, 3, false, true);
    shuckle.write(shard(0, true, HERE));
    refused(ErrorCode.LEADER_PREEMPTED, shard(1, true, THERE));
    refused(ErrorCode.LEADER_PREEMPTED, shard(0, false, HERE));
    shuckle.write(new MoveShardLeaderRequest(1 << 8 | 9, 0));
    shuckle.write(shard(1, true, THERE));
    shuckle.write(shard(0, false, HERE));
    assertEquals(THERE, leader(0));
  }

  @Test
  void theCdcHasTheSameRulesAndItsErrorsAreAnswered() throws Exception {
    shuckle.write(new RegisterCdcRequest(0, 0, true, HERE));
    refused(ErrorCode.LEADER_PREEMPTED, new RegisterCdcRequest(1, 0, true, THERE));
    shuckle.write(new RegisterCdcRequest(1, 0, false, THERE));
    shuckle.write(new MoveCdcLeaderRequest(1, 0));
    LocalCdcResponse local = (LocalCdcResponse) shuckle.read(new LocalCdcRequest());
    assertEquals(THERE, local.addrs());
    CdcReplicasDeprecatedResponse replicas =
        (CdcReplicasDeprecatedResponse) shuckle.read(new CdcReplicasDeprecatedRequest());
    assertEquals(
        List.of(HERE, THERE, Addresses.NONE, Addresses.NONE, Addresses.NONE), replicas.replicas());
    shuckle.write(new ClearCdcInfoRequest(0, 0));
    replicas = (CdcReplicasDeprecatedResponse) shuckle.read(new CdcReplicasDeprecatedRequest());
    assertEquals(Addresses.NONE, replicas.replicas().getFirst());
  }

  private static byte[] name(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  @Test
  void aNewLocationHasAllItsRows() throws Exception {
    assertEquals(Addresses.NONE, leader(4));
    shuckle.write(new CreateLocationRequest(4, name("four")));
    refused(ErrorCode.LOCATION_EXISTS, new CreateLocationRequest(4, name("again")));
    refused(ErrorCode.LOCATION_EXISTS, new CreateLocationRequest(0, name("again")));
    refused(ErrorCode.LOCATION_NOT_FOUND, new RenameLocationRequest(5, name("five")));
    refused(ErrorCode.MALFORMED_REQUEST, new CreateLocationRequest(255, name("none")));
    shuckle.write(new RenameLocationRequest(4, name("vier")));
    shuckle.write(new RegisterShardRequest(9, true, HERE, 4));
    shuckle.restart();
    assertEquals(HERE, leader(4));
    assertEquals(Addresses.NONE, leader(0));
    AllShardsResponse all = (AllShardsResponse) shuckle.read(new AllShardsRequest());
    assertEquals(2 * 1280, all.shards().size());
    assertEquals(10, ((AllCdcResponse) shuckle.read(new AllCdcRequest())).replicas().size());
    LocationsResponse locations = (LocationsResponse) shuckle.read(new LocationsRequest());
    assertArrayEquals(name("default"), locations.locations().getFirst().name());
    assertArrayEquals(name("vier"), locations.locations().getLast().name());
  }

  @Test
  void aLocationWithoutACdcUsesThePrimarys() throws Exception {
    shuckle.write(new CreateLocationRequest(1, name("one")));
    shuckle.write(new RegisterCdcRequest(0, 0, true, HERE));
    shuckle.location = 1;
    assertEquals(HERE, ((LocalCdcResponse) shuckle.read(new LocalCdcRequest())).addrs());
    CdcAtLocationResponse at = (CdcAtLocationResponse) shuckle.read(new CdcAtLocationRequest(1));
    assertEquals(Addresses.NONE, at.addrs());
  }

  @Test
  void locationsAreLimitedByWhatOneAnswerHolds() throws Exception {
    for (int id = 1; id < Locations.COUNT_MAX; id++) {
      shuckle.write(new CreateLocationRequest(id, name("l" + id)));
    }
    refused(ErrorCode.INTERNAL_ERROR, new CreateLocationRequest(200, name("more")));
    AllShardsResponse all = (AllShardsResponse) shuckle.read(new AllShardsRequest());
    assertTrue(all.shards().size() <= 65_535);
    assertFalse(all.shards().isEmpty());
  }
}
