package org.eggsfs.shuckle.state;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.LongPredicate;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.AllCdcRequest;
import org.eggsfs.protocol.shuckle.AllCdcResponse;
import org.eggsfs.protocol.shuckle.AllShardsRequest;
import org.eggsfs.protocol.shuckle.AllShardsResponse;
import org.eggsfs.protocol.shuckle.AllShuckleReplicasRequest;
import org.eggsfs.protocol.shuckle.AllShuckleReplicasResponse;
import org.eggsfs.protocol.shuckle.CdcAtLocationRequest;
import org.eggsfs.protocol.shuckle.CdcAtLocationResponse;
import org.eggsfs.protocol.shuckle.CdcReplicasDeprecatedRequest;
import org.eggsfs.protocol.shuckle.CdcReplicasDeprecatedResponse;
import org.eggsfs.protocol.shuckle.ChangedBlockServicesAtLocationRequest;
import org.eggsfs.protocol.shuckle.ChangedBlockServicesAtLocationResponse;
import org.eggsfs.protocol.shuckle.ClearCdcInfoRequest;
import org.eggsfs.protocol.shuckle.ClearCdcInfoResponse;
import org.eggsfs.protocol.shuckle.ClearShardInfoRequest;
import org.eggsfs.protocol.shuckle.ClearShardInfoResponse;
import org.eggsfs.protocol.shuckle.CreateLocationRequest;
import org.eggsfs.protocol.shuckle.CreateLocationResponse;
import org.eggsfs.protocol.shuckle.DecommissionBlockServiceRequest;
import org.eggsfs.protocol.shuckle.DecommissionBlockServiceResponse;
import org.eggsfs.protocol.shuckle.EraseDecommissionedBlockRequest;
import org.eggsfs.protocol.shuckle.EraseDecommissionedBlockResponse;
import org.eggsfs.protocol.shuckle.InfoRequest;
import org.eggsfs.protocol.shuckle.LocalCdcRequest;
import org.eggsfs.protocol.shuckle.LocalCdcResponse;
import org.eggsfs.protocol.shuckle.LocalChangedBlockServicesRequest;
import org.eggsfs.protocol.shuckle.LocalChangedBlockServicesResponse;
import org.eggsfs.protocol.shuckle.LocalShardsRequest;
import org.eggsfs.protocol.shuckle.LocalShardsResponse;
import org.eggsfs.protocol.shuckle.LocationsRequest;
import org.eggsfs.protocol.shuckle.LocationsResponse;
import org.eggsfs.protocol.shuckle.MoveCdcLeaderRequest;
import org.eggsfs.protocol.shuckle.MoveCdcLeaderResponse;
import org.eggsfs.protocol.shuckle.MoveShardLeaderRequest;
import org.eggsfs.protocol.shuckle.MoveShardLeaderResponse;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesRequest;
import org.eggsfs.protocol.shuckle.RegisterBlockServicesResponse;
import org.eggsfs.protocol.shuckle.RegisterCdcRequest;
import org.eggsfs.protocol.shuckle.RegisterCdcResponse;
import org.eggsfs.protocol.shuckle.RegisterShardRequest;
import org.eggsfs.protocol.shuckle.RegisterShardResponse;
import org.eggsfs.protocol.shuckle.RegisterShuckleRequest;
import org.eggsfs.protocol.shuckle.RegisterShuckleResponse;
import org.eggsfs.protocol.shuckle.RenameLocationRequest;
import org.eggsfs.protocol.shuckle.RenameLocationResponse;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsRequest;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsResponse;
import org.eggsfs.protocol.shuckle.ShardBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.ShardBlockServicesRequest;
import org.eggsfs.protocol.shuckle.ShardBlockServicesResponse;
import org.eggsfs.protocol.shuckle.ShardsAtLocationRequest;
import org.eggsfs.protocol.shuckle.ShardsAtLocationResponse;
import org.eggsfs.protocol.shuckle.ShuckleAddrsRequest;
import org.eggsfs.protocol.shuckle.ShuckleAddrsResponse;
import org.eggsfs.protocol.shuckle.ShuckleKind;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.eggsfs.protocol.shuckle.UpdateBlockServicePathRequest;
import org.eggsfs.protocol.shuckle.UpdateBlockServicePathResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.BlockServiceInfoShort;
import org.eggsfs.protocol.struct.CdcInfo;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.protocol.struct.FullShardInfo;
import org.eggsfs.protocol.struct.FullShuckleInfo;
import org.eggsfs.protocol.struct.ShardInfo;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Everything the shuckle knows, in memory, loaded from and written through to the store. Pure:
 * changes come in as {@link LogEntry}s that carry their time, questions carry theirs.
 *
 * <p>Not thread-safe. The server keeps two of these and applies every entry to both: one as soon as
 * the entry is made, on which the next entries are decided, and one when it is durable, from which
 * questions are answered.
 */
public final class ShuckleState {
  /** How far back "changed since" answers reach beyond what the client has (section 6). */
  public static final long CHANGES_OVERLAP_NANOS = 600_000_000_000L;

  /** An answer that is not one of the long ones, with all its objects. */
  private static final int SHORT_ANSWER_BYTES = 4 << 10;

  /** An entry of an answer with addresses of replicas: its object, its place, its bytes. */
  private static final int REPLICA_ANSWER_BYTES = 64;

  /** The same of an answer with the flags of block services. */
  private static final int FLAGS_ANSWER_BYTES = 64;

  private static final int SHARDS = ProtocolConstants.SHARD_COUNT;
  private static final int PRIMARY = ProtocolConstants.DEFAULT_LOCATION;

  private final Locations locations;
  private final Replicas shards = new Replicas(Tables.SHARD, SHARDS);
  private final Replicas cdc = new Replicas(Tables.CDC, 1);
  private final Replicas shuckle = new Replicas(Tables.SHUCKLE, 1);
  private final BlockServices blockServices;
  private Assignment assignment;

  /**
   * What the answering server is.
   *
   * @param locationId its location, for the "local" questions
   * @param addrs where it can be reached
   */
  public record Self(int locationId, AddrsInfo addrs) {}

  private ShuckleState(View view) {
    locations = Locations.load(view);
    for (int location : locations.ids()) {
      addRows(location);
    }
    shuckle.addLocation(PRIMARY);
    shards.load(view);
    cdc.load(view);
    shuckle.load(view);
    blockServices = BlockServices.load(view);
    assignment = Assignment.load(view);
  }

  /** Reads the state that a store holds; an empty store is a new cluster. */
  public static ShuckleState load(View view) {
    return new ShuckleState(view);
  }

  private void addRows(int location) {
    shards.addLocation(location);
    cdc.addLocation(location);
  }

  /** Whether a request of this kind changes the state and so needs a log entry. */
  public static boolean isWrite(int kind) {
    return switch (kind) {
      case ShuckleKind.CREATE_LOCATION,
          ShuckleKind.RENAME_LOCATION,
          ShuckleKind.REGISTER_SHARD,
          ShuckleKind.REGISTER_CDC,
          ShuckleKind.REGISTER_SHUCKLE,
          ShuckleKind.REGISTER_BLOCK_SERVICES,
          ShuckleKind.SET_BLOCK_SERVICE_FLAGS,
          ShuckleKind.DECOMMISSION_BLOCK_SERVICE,
          ShuckleKind.MOVE_SHARD_LEADER,
          ShuckleKind.MOVE_CDC_LEADER,
          ShuckleKind.CLEAR_SHARD_INFO,
          ShuckleKind.CLEAR_CDC_INFO,
          ShuckleKind.UPDATE_BLOCK_SERVICE_PATH ->
          true;
      default -> false;
    };
  }

  /**
   * Applies an entry. Never fails: what the request is refused for is its result, and then nothing
   * has changed.
   *
   * @param out gets the changed rows
   */
  public Result apply(LogEntry entry, WriteTarget out) {
    try {
      return switch (entry) {
        case LogEntry.ClientWrite write -> Result.of(applyRequest(write, out));
        case LogEntry.MarkStale stale -> {
          blockServices.markStale(stale.ids(), stale.time(), out);
          yield Result.of((ShuckleResponse) null);
        }
        case LogEntry.FilePresence presence -> {
          blockServices.setHasFiles(presence.id(), presence.hasFiles(), out);
          yield Result.of((ShuckleResponse) null);
        }
        case LogEntry.Assign assign -> {
          assign.assignment().store(assignment, out);
          assignment = assign.assignment();
          yield Result.of((ShuckleResponse) null);
        }
      };
    } catch (EggsException e) {
      return Result.of(e.code());
    }
  }

  private ShuckleResponse applyRequest(LogEntry.ClientWrite entry, WriteTarget out)
      throws EggsException {
    long time = entry.time();
    Rules rules = entry.rules();
    return switch (entry.request()) {
      case RegisterShardRequest r -> {
        shards.register(
            r.locationId(),
            shardOf(r.shrid()),
            replicaOf(r.shrid()),
            r.isLeader(),
            r.addrs(),
            time,
            rules,
            out);
        yield new RegisterShardResponse();
      }
      case RegisterCdcRequest r -> {
        cdc.register(r.locationId(), 0, r.replicaId(), r.isLeader(), r.addrs(), time, rules, out);
        yield new RegisterCdcResponse();
      }
      case RegisterShuckleRequest r -> {
        shuckle.register(
            r.locationId(), 0, r.replicaId(), r.isLeader(), r.addrs(), time, rules, out);
        yield new RegisterShuckleResponse();
      }
      case MoveShardLeaderRequest r -> {
        shards.move(r.locationId(), shardOf(r.shrid()), replicaOf(r.shrid()), out);
        yield new MoveShardLeaderResponse();
      }
      case MoveCdcLeaderRequest r -> {
        cdc.move(r.locationId(), 0, r.replicaId(), out);
        yield new MoveCdcLeaderResponse();
      }
      case ClearShardInfoRequest r -> {
        shards.clear(r.locationId(), shardOf(r.shrid()), replicaOf(r.shrid()), out);
        yield new ClearShardInfoResponse();
      }
      case ClearCdcInfoRequest r -> {
        cdc.clear(r.locationId(), 0, r.replicaId(), out);
        yield new ClearCdcInfoResponse();
      }
      case CreateLocationRequest r -> {
        locations.create(r.id(), r.name(), out);
        addRows(r.id());
        yield new CreateLocationResponse();
      }
      case RenameLocationRequest r -> {
        locations.rename(r.id(), r.name(), out);
        yield new RenameLocationResponse();
      }
      case RegisterBlockServicesRequest r -> {
        blockServices.register(r.blockServices(), time, out);
        yield new RegisterBlockServicesResponse();
      }
      case SetBlockServiceFlagsRequest r -> {
        blockServices.setFlags(r.id(), r.flags(), r.flagsMask(), time, out);
        yield new SetBlockServiceFlagsResponse();
      }
      case DecommissionBlockServiceRequest r -> {
        blockServices.decommission(r.id(), time, rules, out);
        yield new DecommissionBlockServiceResponse();
      }
      case UpdateBlockServicePathRequest r -> {
        blockServices.updatePath(r.id(), r.newPath(), out);
        yield new UpdateBlockServicePathResponse();
      }
      default -> throw new EggsException(ErrorCode.INTERNAL_ERROR);
    };
  }

  /** Answers a question; {@code now} is the time it arrived. */
  public ShuckleResponse read(ShuckleRequest request, Self self, long now) throws EggsException {
    return switch (request) {
      case LocalShardsRequest r -> new LocalShardsResponse(leaders(self.locationId()));
      case ShardsAtLocationRequest r -> new ShardsAtLocationResponse(leaders(r.locationId()));
      case LocalCdcRequest r -> {
        ReplicaRow leader = cdc.leader(self.locationId(), 0);
        // There is one CDC; a location without a replica of it uses the primary's.
        leader = leader.isEmpty() ? cdc.leader(PRIMARY, 0) : leader;
        yield new LocalCdcResponse(leader.addrs(), leader.lastSeen());
      }
      case CdcAtLocationRequest r -> {
        ReplicaRow leader = cdc.leader(r.locationId(), 0);
        yield new CdcAtLocationResponse(leader.addrs(), leader.lastSeen());
      }
      case AllShardsRequest r -> new AllShardsResponse(allShards());
      case AllCdcRequest r -> new AllCdcResponse(allCdc());
      case CdcReplicasDeprecatedRequest r -> new CdcReplicasDeprecatedResponse(primaryCdc());
      case ShuckleAddrsRequest r -> new ShuckleAddrsResponse(self.addrs());
      case AllShuckleReplicasRequest r -> new AllShuckleReplicasResponse(allShuckles());
      case LocationsRequest r -> new LocationsResponse(locations.list());
      case InfoRequest r -> blockServices.info();
      case AllBlockServicesDeprecatedRequest r ->
          new AllBlockServicesDeprecatedResponse(allBlockServices());
      case LocalChangedBlockServicesRequest r ->
          new LocalChangedBlockServicesResponse(
              now - CHANGES_OVERLAP_NANOS,
              blockServices.changedSince(self.locationId(), r.changedSince()));
      case ChangedBlockServicesAtLocationRequest r ->
          new ChangedBlockServicesAtLocationResponse(
              now - CHANGES_OVERLAP_NANOS,
              blockServices.changedSince(r.locationId(), r.changedSince()));
      case ShardBlockServicesRequest r -> new ShardBlockServicesResponse(assigned(r.shardId()));
      case ShardBlockServicesDeprecatedRequest r ->
          new ShardBlockServicesDeprecatedResponse(assignedAtPrimary(r.shardId()));
      case EraseDecommissionedBlockRequest r ->
          new EraseDecommissionedBlockResponse(
              blockServices.eraseProof(r.blockServiceId(), r.blockId(), r.certificate()));
      default -> throw new EggsException(ErrorCode.INTERNAL_ERROR);
    };
  }

  /** About how many bytes of memory the answer to a question of this kind takes. */
  public long answerBytes(int kind) {
    return switch (kind) {
      // Encoded once for all who ask: the bytes, and no objects.
      case ShuckleKind.ALL_BLOCK_SERVICES_DEPRECATED ->
          SHORT_ANSWER_BYTES + blockServices.rowBytes();
      case ShuckleKind.LOCAL_CHANGED_BLOCK_SERVICES,
          ShuckleKind.CHANGED_BLOCK_SERVICES_AT_LOCATION ->
          SHORT_ANSWER_BYTES + (long) FLAGS_ANSWER_BYTES * blockServices.count();
      case ShuckleKind.ALL_SHARDS ->
          (long) REPLICA_ANSWER_BYTES * SHARDS * Replicas.PER_GROUP * shards.locations().size();
      case ShuckleKind.LOCAL_SHARDS, ShuckleKind.SHARDS_AT_LOCATION ->
          (long) REPLICA_ANSWER_BYTES * SHARDS;
      default -> SHORT_ANSWER_BYTES;
    };
  }

  private static int shardOf(int shrid) {
    return shrid & 0xff;
  }

  private static int replicaOf(int shrid) {
    return shrid >>> 8;
  }

  /** Always 256: the kernel module checks. */
  private List<ShardInfo> leaders(int location) {
    List<ShardInfo> list = new ArrayList<>(SHARDS);
    for (int shard = 0; shard < SHARDS; shard++) {
      ReplicaRow leader = shards.leader(location, shard);
      list.add(new ShardInfo(leader.addrs(), leader.lastSeen()));
    }
    return list;
  }

  private List<FullShardInfo> allShards() {
    List<FullShardInfo> list = new ArrayList<>();
    for (int location : shards.locations()) {
      for (int shard = 0; shard < SHARDS; shard++) {
        for (int replica = 0; replica < Replicas.PER_GROUP; replica++) {
          ReplicaRow row = shards.row(location, shard, replica);
          list.add(
              new FullShardInfo(
                  replica << 8 | shard, row.isLeader(), row.addrs(), row.lastSeen(), location));
        }
      }
    }
    return list;
  }

  private List<CdcInfo> allCdc() {
    List<CdcInfo> list = new ArrayList<>();
    for (int location : cdc.locations()) {
      for (int replica = 0; replica < Replicas.PER_GROUP; replica++) {
        ReplicaRow row = cdc.row(location, 0, replica);
        list.add(new CdcInfo(replica, location, row.isLeader(), row.addrs(), row.lastSeen()));
      }
    }
    return list;
  }

  private List<AddrsInfo> primaryCdc() {
    List<AddrsInfo> list = new ArrayList<>();
    for (int replica = 0; replica < Replicas.PER_GROUP; replica++) {
      list.add(cdc.row(PRIMARY, 0, replica).addrs());
    }
    return list;
  }

  private List<FullShuckleInfo> allShuckles() {
    List<FullShuckleInfo> list = new ArrayList<>();
    for (int replica = 0; replica < Replicas.PER_GROUP; replica++) {
      ReplicaRow row = shuckle.row(PRIMARY, 0, replica);
      list.add(new FullShuckleInfo(replica, PRIMARY, row.isLeader(), row.addrs(), row.lastSeen()));
    }
    return list;
  }

  private List<BlockServiceDeprecatedInfo> allBlockServices() {
    List<BlockServiceDeprecatedInfo> list = new ArrayList<>();
    for (FullBlockServiceInfo row : blockServices.all()) {
      list.add(
          new BlockServiceDeprecatedInfo(
              row.id(),
              row.addrs(),
              row.storageClass(),
              row.failureDomain(),
              row.secretKey(),
              row.flags(),
              row.capacityBytes(),
              row.availableBytes(),
              row.blocks(),
              row.path(),
              row.lastSeen(),
              row.hasFiles(),
              row.lastInfoChange()));
    }
    return list;
  }

  private List<BlockServiceInfoShort> assigned(int shard) {
    List<BlockServiceInfoShort> list = new ArrayList<>();
    for (long id : assignment.services()[shard]) {
      FullBlockServiceInfo row = blockServices.get(id);
      list.add(
          new BlockServiceInfoShort(row.locationId(), row.failureDomain(), id, row.storageClass()));
    }
    return list;
  }

  private long[] assignedAtPrimary(int shard) {
    return Arrays.stream(assignment.services()[shard])
        .filter(id -> blockServices.get(id).locationId() == PRIMARY)
        .toArray();
  }

  /** The current assignment. */
  public Assignment assignment() {
    return assignment;
  }

  /** All block services in the order of their ids. */
  public Collection<FullBlockServiceInfo> blockServices() {
    return blockServices.all();
  }

  /** What an operator should know about the block services. */
  public Set<Alerts.Alert> alerts(int unavailableDomainsMax, long now) {
    return Alerts.of(
        blockServices.all(), blockServices.avoidedByServers(), unavailableDomainsMax, now);
  }

  /** A counter that grows whenever anything about a block service changes. */
  public long blockServiceChanges() {
    return blockServices.changes();
  }

  /** A counter that grows whenever the set of services that may be written to changes. */
  public long candidateChanges() {
    return blockServices.candidateChanges();
  }

  /** Services that are to be marked stale; {@code isSilent} is asked about those that may be. */
  public long[] silent(LongPredicate isSilent) {
    return blockServices.silent(isSilent);
  }
}
