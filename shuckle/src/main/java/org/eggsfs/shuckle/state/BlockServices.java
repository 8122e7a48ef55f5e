package org.eggsfs.shuckle.state;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongPredicate;
import org.eggsfs.core.CbcMac;
import org.eggsfs.core.Certificates;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shuckle.InfoResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.FullBlockServiceInfo;
import org.eggsfs.protocol.struct.RegisterBlockServiceInfo;
import org.eggsfs.store.View;
import org.eggsfs.store.WriteTarget;

/**
 * Table of block services (shuckle.md sections 4.5, 5, 6).
 *
 * <p>NO_READ and NO_WRITE are wanted by two parties, and a service has a flag as long as one of
 * them wants it: operators, who set flags by request, and the block server, which sets them when it
 * registers a disk that is not well. So a disk that is well again loses only what its server had
 * set. An operator who clears a flag clears it for both; the server sets it again if need be.
 */
final class BlockServices {
  /** One list of the protocol holds no more; beyond it new services are refused. */
  static final int COUNT_MAX = ProtocolConstants.MAX_LIST_LENGTH;

  private static final int STALE = BlockServiceFlags.STALE;
  private static final int NO_READ = BlockServiceFlags.NO_READ;
  private static final int NO_WRITE = BlockServiceFlags.NO_WRITE;
  private static final int DECOMMISSIONED = BlockServiceFlags.DECOMMISSIONED;
  private static final int UNWRITABLE = STALE | NO_WRITE | DECOMMISSIONED;
  private static final int UNREADABLE = STALE | NO_READ | DECOMMISSIONED;

  private final NavigableMap<Long, FullBlockServiceInfo> rows =
      new TreeMap<>(Long::compareUnsigned);

  /** What operators and what servers want, of services where a server wants or wanted something. */
  private final Map<Long, Wishes> wishes = new HashMap<>();

  private long lastAutoDecommission;
  private long candidateChanges;
  private long changes;

  /** Bytes of all rows as they are stored. */
  private long rowBytes;

  /** Sums over {@link #rows}, or null until asked for after a change. */
  private volatile InfoResponse info;

  /** Flags wanted by operators and by the block server. */
  private record Wishes(int operator, int server) {}

  static BlockServices load(View view) {
    BlockServices services = new BlockServices();
    Tables.scan(
        view,
        Tables.BLOCK_SERVICE,
        (key, value) -> {
          FullBlockServiceInfo row = FullBlockServiceInfo.decode(value);
          services.rows.put(row.id(), row);
          services.rowBytes += row.encodedSize();
        });
    Tables.scan(
        view,
        Tables.FLAG_WISHES,
        (key, value) ->
            services.wishes.put(key.getLong(), new Wishes(value.get() & 0xff, value.get() & 0xff)));
    Tables.scan(
        view,
        Tables.AUTO_DECOMMISSION,
        (key, value) -> services.lastAutoDecommission = value.getLong());
    return services;
  }

  FullBlockServiceInfo get(long id) {
    return rows.get(id);
  }

  Collection<FullBlockServiceInfo> all() {
    return Collections.unmodifiableCollection(rows.values());
  }

  /** Grows whenever a service becomes, or ceases to be, one that may be written to. */
  long candidateChanges() {
    return candidateChanges;
  }

  /** Grows whenever anything about a service changes. */
  long changes() {
    return changes;
  }

  int count() {
    return rows.size();
  }

  /** Bytes of all rows as they are stored, which is about what an answer that lists them has. */
  long rowBytes() {
    return rowBytes;
  }

  /** Whether new blocks may go to the service (shuckle.md section 7, step 1, without the delay). */
  static boolean isCandidate(FullBlockServiceInfo row) {
    return isOffered(row) && row.availableBytes() != 0;
  }

  /** Whether new blocks may go to the service as long as there is space. */
  static boolean isOffered(FullBlockServiceInfo row) {
    return (row.flags() & UNWRITABLE) == 0;
  }

  /** Services whose servers want no new blocks on them. */
  Set<Long> avoidedByServers() {
    Set<Long> avoided = new HashSet<>();
    wishes.forEach(
        (id, wanted) -> {
          if ((wanted.server & NO_WRITE) != 0) {
            avoided.add(id);
          }
        });
    return avoided;
  }

  /** All services of one block server say that they live. All or nothing. */
  void register(List<RegisterBlockServiceInfo> list, long time, WriteTarget out)
      throws EggsException {
    Map<Long, FullBlockServiceInfo> staged = new LinkedHashMap<>();
    Map<Long, Wishes> stagedWishes = new LinkedHashMap<>();
    int added = 0;
    for (RegisterBlockServiceInfo given : list) {
      FullBlockServiceInfo row = staged.getOrDefault(given.id(), rows.get(given.id()));
      check(given, row);
      if (row != null && (row.flags() & DECOMMISSIONED) != 0) {
        continue;
      }
      Wishes before = stagedWishes.getOrDefault(given.id(), wishesOf(row));
      int settable = settable(given.flagsMask());
      Wishes after =
          new Wishes(before.operator, (before.server & ~settable) | (given.flags() & settable));
      if (!after.equals(before)) {
        stagedWishes.put(given.id(), after);
      }
      int flags = after.operator | after.server;
      if (row == null) {
        added++;
        staged.put(given.id(), created(given, flags, time));
      } else {
        staged.put(given.id(), seen(row, given, flags, time));
      }
    }
    if (rows.size() + added > COUNT_MAX) {
      throw new EggsException(ErrorCode.INTERNAL_ERROR);
    }
    staged.values().forEach(row -> put(row, out));
    stagedWishes.forEach((id, wanted) -> putWishes(id, wanted, out));
  }

  /** Before a server first wanted something, all flags were the operators'. */
  private Wishes wishesOf(FullBlockServiceInfo row) {
    if (row == null) {
      return new Wishes(0, 0);
    }
    Wishes known = wishes.get(row.id());
    return known == null ? new Wishes(settable(row.flags()), 0) : known;
  }

  private void putWishes(long id, Wishes wanted, WriteTarget out) {
    wishes.put(id, wanted);
    ByteBuffer value = Tables.value(2).put((byte) wanted.operator).put((byte) wanted.server);
    out.put(key(Tables.FLAG_WISHES, id), value.array());
  }

  private static byte[] key(byte table, long id) {
    ByteBuffer key = ByteBuffer.allocate(1 + Long.BYTES).order(ByteOrder.BIG_ENDIAN);
    return key.put(table).putLong(id).array();
  }

  private static void check(RegisterBlockServiceInfo given, FullBlockServiceInfo row)
      throws EggsException {
    if (given.id() == 0) {
      throw new EggsException(ErrorCode.INTERNAL_ERROR);
    }
    if ((given.flagsMask() & (STALE | DECOMMISSIONED)) != 0) {
      throw new EggsException(ErrorCode.CANNOT_REGISTER_DECOMMISSIONED_OR_STALE);
    }
    Replicas.requireReachable(given.addrs());
    if (given.storageClass() < StorageClass.HDD) {
      throw new EggsException(ErrorCode.MALFORMED_REQUEST);
    }
    // The secret key proves that it is the same disk, so its addresses may change freely.
    if (row != null
        && (row.storageClass() != given.storageClass()
            || row.locationId() != given.locationId()
            || !row.failureDomain().equals(given.failureDomain())
            || !Arrays.equals(row.secretKey(), given.secretKey()))) {
      throw new EggsException(ErrorCode.INCONSISTENT_BLOCK_SERVICE_REGISTRATION);
    }
  }

  private static FullBlockServiceInfo created(
      RegisterBlockServiceInfo given, int flags, long time) {
    return new FullBlockServiceInfo(
        given.id(),
        given.locationId(),
        given.addrs(),
        given.storageClass(),
        given.failureDomain(),
        given.secretKey(),
        flags,
        given.capacityBytes(),
        given.availableBytes(),
        given.blocks(),
        time,
        time,
        time,
        // A disk that comes with blocks: until the shards were asked, they count as files'.
        given.blocks() != 0,
        given.path());
  }

  private static FullBlockServiceInfo seen(
      FullBlockServiceInfo row, RegisterBlockServiceInfo given, int flags, long time) {
    Draft draft = new Draft(row);
    draft.addrs = given.addrs();
    draft.flags = flags;
    draft.capacity = given.capacityBytes();
    draft.available = given.availableBytes();
    draft.blocks = given.blocks();
    draft.lastSeen = time;
    draft.path = given.path();
    boolean changed =
        !row.addrs().equals(given.addrs())
            || row.flags() != flags
            || isCandidate(row) != isCandidate(draft.done())
            // By a clock that was ahead: it would count as just changed until that time comes.
            || row.lastInfoChange() > time;
    if (changed) {
      draft.lastInfoChange = time;
    }
    return draft.done();
  }

  /** The operator's way to change flags. */
  void setFlags(long id, int given, int mask, long time, WriteTarget out) throws EggsException {
    if ((mask & DECOMMISSIONED) != 0 && (given & DECOMMISSIONED) == 0) {
      throw new EggsException(ErrorCode.CANNOT_UNSET_DECOMMISSIONED);
    }
    FullBlockServiceInfo row = existing(id);
    if ((row.flags() & DECOMMISSIONED) != 0) {
      return;
    }
    Draft draft = new Draft(row);
    if ((mask & DECOMMISSIONED) != 0) {
      draft.flags = DECOMMISSIONED;
    } else {
      int settable = settable(mask);
      draft.flags = (row.flags() & ~settable) | (given & settable);
      Wishes before = wishesOf(row);
      if (before.server != 0 || wishes.containsKey(id)) {
        int operator = (before.operator & ~settable) | (given & settable);
        putWishes(id, new Wishes(operator, before.server & ~settable), out);
      }
    }
    draft.lastInfoChange = time;
    put(draft.done(), out);
  }

  /** Staleness follows from silence alone; bits without a meaning are not stored. */
  private static int settable(int mask) {
    return mask & (NO_READ | NO_WRITE);
  }

  /**
   * The automation's way to retire a disk: at most one per interval, and never so many that data
   * could become unreadable.
   */
  void decommission(long id, long time, Rules rules, WriteTarget out) throws EggsException {
    FullBlockServiceInfo row = existing(id);
    if ((row.flags() & DECOMMISSIONED) != 0) {
      return;
    }
    if (lastAutoDecommission != 0
        && Replicas.isNear(lastAutoDecommission, time, rules.minAutoDecommissionIntervalNanos())) {
      throw new EggsException(ErrorCode.AUTO_DECOMMISSION_FORBIDDEN);
    }
    Set<FailureDomain> unavailable = new HashSet<>();
    unavailable.add(row.failureDomain());
    for (FullBlockServiceInfo other : rows.values()) {
      if (other.locationId() == row.locationId()
          && other.hasFiles()
          && (other.flags() & UNREADABLE) != 0) {
        unavailable.add(other.failureDomain());
      }
    }
    if (unavailable.size() >= rules.unavailableDomainsMax()) {
      throw new EggsException(ErrorCode.AUTO_DECOMMISSION_FORBIDDEN);
    }
    setFlags(id, DECOMMISSIONED, DECOMMISSIONED, time, out);
    lastAutoDecommission = time;
    out.put(new byte[] {Tables.AUTO_DECOMMISSION}, Tables.value(Long.BYTES).putLong(time).array());
  }

  /** A disk has moved to another host. */
  void updatePath(long id, byte[] path, WriteTarget out) throws EggsException {
    Draft draft = new Draft(existing(id));
    draft.path = path;
    put(draft.done(), out);
  }

  void setHasFiles(long id, boolean hasFiles, WriteTarget out) {
    FullBlockServiceInfo row = rows.get(id);
    if (row != null && row.hasFiles() != hasFiles) {
      Draft draft = new Draft(row);
      draft.hasFiles = hasFiles;
      put(draft.done(), out);
    }
  }

  /** Silent services that are neither decommissioned nor marked yet. */
  long[] silent(LongPredicate isSilent) {
    return rows.values().stream()
        .filter(BlockServices::mayBecomeStale)
        .mapToLong(FullBlockServiceInfo::id)
        .filter(isSilent)
        .toArray();
  }

  private static boolean mayBecomeStale(FullBlockServiceInfo row) {
    return (row.flags() & (STALE | DECOMMISSIONED)) == 0;
  }

  void markStale(long[] ids, long time, WriteTarget out) {
    for (long id : ids) {
      FullBlockServiceInfo row = rows.get(id);
      if (row != null && mayBecomeStale(row)) {
        Draft draft = new Draft(row);
        draft.flags |= STALE;
        draft.lastInfoChange = time;
        put(draft.done(), out);
      }
    }
  }

  /** Stands in for a dead disk, so that its blocks can be forgotten; changes nothing. */
  long eraseProof(long id, long blockId, long certificate) throws EggsException {
    FullBlockServiceInfo row = rows.get(id);
    if (row == null || (row.flags() & DECOMMISSIONED) == 0) {
      throw new EggsException(ErrorCode.BLOCK_SERVICE_NOT_FOUND);
    }
    CbcMac key = new CbcMac(row.secretKey());
    if (certificate != Certificates.eraseCertificate(key, id, blockId)) {
      throw new EggsException(ErrorCode.BAD_CERTIFICATE);
    }
    return Certificates.eraseProof(key, id, blockId);
  }

  List<BlockService> changedSince(int location, long since) {
    List<BlockService> list = new ArrayList<>();
    for (FullBlockServiceInfo row : rows.values()) {
      if (row.locationId() == location && Long.compareUnsigned(row.lastInfoChange(), since) >= 0) {
        list.add(new BlockService(row.addrs(), row.id(), row.flags()));
      }
    }
    return list;
  }

  InfoResponse info() {
    InfoResponse known = info;
    if (known == null) {
      known = sum();
      info = known;
    }
    return known;
  }

  private InfoResponse sum() {
    Set<FailureDomain> domains = new HashSet<>();
    int count = 0;
    long capacity = 0;
    long available = 0;
    long blocks = 0;
    for (FullBlockServiceInfo row : rows.values()) {
      if ((row.flags() & DECOMMISSIONED) == 0) {
        count++;
        domains.add(row.failureDomain());
        capacity += row.capacityBytes();
        available += row.availableBytes();
        blocks += row.blocks();
      }
    }
    return new InfoResponse(count, domains.size(), capacity, available, blocks);
  }

  private FullBlockServiceInfo existing(long id) throws EggsException {
    FullBlockServiceInfo row = rows.get(id);
    if (row == null) {
      throw new EggsException(ErrorCode.BLOCK_SERVICE_NOT_FOUND);
    }
    return row;
  }

  private void put(FullBlockServiceInfo row, WriteTarget out) {
    FullBlockServiceInfo old = rows.put(row.id(), row);
    if ((old != null && isCandidate(old)) != isCandidate(row)) {
      candidateChanges++;
    }
    changes++;
    rowBytes += row.encodedSize() - (old == null ? 0 : old.encodedSize());
    info = null;
    ByteBuffer value = Tables.value(row.encodedSize());
    row.encode(value);
    out.put(key(Tables.BLOCK_SERVICE, row.id()), value.array());
  }

  /** A row about to change. */
  private static final class Draft {
    private final FullBlockServiceInfo from;
    private AddrsInfo addrs;
    private int flags;
    private long capacity;
    private long available;
    private long blocks;
    private long lastSeen;
    private long lastInfoChange;
    private boolean hasFiles;
    private byte[] path;

    Draft(FullBlockServiceInfo row) {
      from = row;
      addrs = row.addrs();
      flags = row.flags();
      capacity = row.capacityBytes();
      available = row.availableBytes();
      blocks = row.blocks();
      lastSeen = row.lastSeen();
      lastInfoChange = row.lastInfoChange();
      hasFiles = row.hasFiles();
      path = row.path();
    }

    FullBlockServiceInfo done() {
      return new FullBlockServiceInfo(
          from.id(),
          from.locationId(),
          addrs,
          from.storageClass(),
          from.failureDomain(),
          from.secretKey(),
          flags,
          capacity,
          available,
          blocks,
          from.firstSeen(),
          lastSeen,
          lastInfoChange,
          hasFiles,
          path);
    }
  }
}
