package org.eggsfs.cli;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.NameHash;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;
import org.eggsfs.protocol.shard.StatTransientFileRequest;
import org.eggsfs.protocol.shard.StatTransientFileResponse;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesResponse;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitFilesResponse;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;
import org.eggsfs.protocol.shuckle.LocalCdcRequest;
import org.eggsfs.protocol.shuckle.LocalCdcResponse;
import org.eggsfs.protocol.shuckle.LocalShardsRequest;
import org.eggsfs.protocol.shuckle.LocalShardsResponse;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.TransientFile;

/**
 * Checks invariants I1 to I14 of shard.md section 3 on all shards together, and what CDC and
 * shuckle must agree on with them, over the wire.
 *
 * <p>A few shards are read at a time, the inodes of one in parallel. What has to be compared across
 * shards, who owns whom, is collected and compared at the end; what concerns one shard only is
 * forgotten with it: blocks stay in the shard that made them. Memory is about 50 bytes for a file
 * with fourteen blocks and 80 for a directory, and the edges' names of the directories in work.
 *
 * <p>Shards answer one after another, so a change meanwhile can look like damage. Who runs this on
 * a busy instance runs it twice and believes what both found.
 */
final class Fsck {
  /** How many problems are kept in words; a broken instance may have millions. */
  private static final int KEPT_MAX = 10_000;

  private static final int PAGES_MAX_PER_INODE = 10_000_000;

  /** Bounds the memory for what concerns single shards. */
  private static final int SHARDS_AT_ONCE = 16;

  /** The low byte of a block's id is the shard that made it. */
  private static final long SHARD_MASK = 0xff;

  private static final int INODES_AT_ONCE = 8;

  private static final long LINKED = 1;
  private static final long TRANSIENT = 2;

  /** Added for each owning edge; the number stays in what is above. */
  private static final long OWNER = 4;

  /** How long a server may be silent, or the shuckle take to find out, before it is a problem. */
  private static final long SILENCE_NANOS_MAX = 600_000_000_000L;

  private final EggsClient client;
  private final List<String> problems = new ArrayList<>();
  private final AtomicLong problemCount = new AtomicLong();
  private final AtomicLong spanCount = new AtomicLong();
  private final AtomicLong blockCount = new AtomicLong();
  private final AtomicLong fileCount = new AtomicLong();
  private final AtomicLong transientCount = new AtomicLong();

  /** File to its state, by shard. Guarded by each map, like the maps below. */
  private final LongLongMap[] files = perShard();

  /** Directory to its owner, by shard. */
  private final LongLongMap[] directories = perShard();

  /** Directory to the directory whose current edge leads to it; doubles are told when found. */
  private final LongLongMap[] parents = perShard();

  private final Set<Long> servicesWithFiles = ConcurrentHashMap.newKeySet();

  private BlockServices services;

  Fsck(EggsClient client) {
    this.client = client;
  }

  private static LongLongMap[] perShard() {
    LongLongMap[] maps = new LongLongMap[ProtocolConstants.SHARD_COUNT];
    Arrays.setAll(maps, _ -> new LongLongMap());
    return maps;
  }

  void run(ProgressLine progress) throws EggsException, IOException {
    services = BlockServices.read(client);
    checkServers();
    Parallel.map(
        SHARDS_AT_ONCE,
        Shards.all(),
        shard -> {
          new ShardCheck(shard, progress).run();
          return true;
        });
    checkOwners();
    checkTree();
    checkHasFiles();
  }

  /** Forgets problems that an earlier check did not find; more than are kept are all believed. */
  void keepOnly(Collection<String> earlier) {
    if (problemCount.get() <= KEPT_MAX) {
      problems.retainAll(new HashSet<>(earlier));
      problemCount.set(problems.size());
    }
  }

  List<String> problems() {
    return problems;
  }

  long problemCount() {
    return problemCount.get();
  }

  long directoryCount() {
    return Arrays.stream(directories).mapToLong(LongLongMap::size).sum();
  }

  long fileCount() {
    return fileCount.get();
  }

  long transientCount() {
    return transientCount.get();
  }

  long spanCount() {
    return spanCount.get();
  }

  long blockCount() {
    return blockCount.get();
  }

  private void problem(String invariant, String text) {
    problemCount.incrementAndGet();
    synchronized (problems) {
      if (problems.size() < KEPT_MAX) {
        problems.add(invariant + ": " + text);
      }
    }
  }

  private static LongLongMap of(LongLongMap[] maps, long id) {
    return maps[InodeIds.shard(id)];
  }

  // ---- servers ----

  /** The shuckle must know a CDC and all shards, and these must have been heard of lately. */
  private void checkServers() throws EggsException, IOException {
    long now = Units.nanos(Instant.now());
    LocalShardsResponse shards = client.shuckle().call(new LocalShardsRequest());
    for (int shard = 0; shard < shards.shards().size(); shard++) {
      checkServer("shard " + shard, shards.shards().get(shard).lastSeen(), now);
    }
    LocalCdcResponse cdc = client.shuckle().call(new LocalCdcRequest());
    checkServer("the CDC", cdc.lastSeen(), now);
  }

  private void checkServer(String name, long lastSeen, long now) {
    if (lastSeen == 0) {
      problem("servers", name + " is not registered with the shuckle");
    } else if (now - lastSeen > SILENCE_NANOS_MAX) {
      problem("servers", name + " was last seen at " + MessageJson.timeText(lastSeen));
    }
  }

  /** A disk that was given up is migrated as long as the shuckle says that it has files. */
  private void checkHasFiles() {
    long now = Units.nanos(Instant.now());
    for (BlockServiceDeprecatedInfo service : services.all()) {
      if ((service.flags() & BlockServiceFlags.DECOMMISSIONED) != 0
          && !service.hasFiles()
          && now - service.flagsLastChanged() > SILENCE_NANOS_MAX
          && servicesWithFiles.contains(service.id())) {
        problem(
            "shuckle",
            "decommissioned service "
                + MessageJson.hex(service.id())
                + " has files, the shuckle says it has none");
      }
    }
  }

  // ---- one shard ----

  /** What concerns one shard only. */
  private final class ShardCheck {
    private final int shard;
    private final ProgressLine progress;

    /** Service to the files that have a block on it. Guarded by this, like the set below. */
    private final Map<Long, LongList> filesOfService = new HashMap<>();

    private final LongSet blocks = new LongSet();

    ShardCheck(int shard, ProgressLine progress) {
      this.shard = shard;
      this.progress = progress;
    }

    void run() throws EggsException, IOException {
      long begin = 0;
      do {
        VisitDirectoriesResponse page = client.shard(shard, new VisitDirectoriesRequest(begin, 0));
        each(page.ids(), this::checkDirectory);
        begin = page.nextId();
      } while (begin != 0);
      do {
        VisitFilesResponse page = client.shard(shard, new VisitFilesRequest(begin, 0));
        each(page.ids(), this::checkFile);
        begin = page.nextId();
      } while (begin != 0);
      do {
        VisitTransientFilesResponse page =
            client.shard(shard, new VisitTransientFilesRequest(begin, 0));
        each(
            page.files().stream().mapToLong(TransientFile::id).toArray(), this::checkTransientFile);
        begin = page.nextId();
      } while (begin != 0);
      checkBlockServiceFiles();
      blockCount.addAndGet(blocks.size());
    }

    private interface Check {
      void apply(long id) throws EggsException, IOException;
    }

    private void each(long[] ids, Check check) throws EggsException, IOException {
      Parallel.map(
          INODES_AT_ONCE,
          Arrays.stream(ids).boxed().toList(),
          id -> {
            if (InodeIds.shard(id) != shard) {
              problem("ids", "shard " + shard + " holds inode " + InodeIds.format(id));
            }
            check.apply(id);
            progress.addItem();
            return true;
          });
    }

    private void checkDirectory(long id) throws EggsException, IOException {
      StatDirectoryResponse stat;
      try {
        stat = client.shard(shard, new StatDirectoryRequest(id));
      } catch (EggsException e) {
        problem("directories", InodeIds.format(id) + " is visited but " + Failures.words(e));
        return;
      }
      LongLongMap own = of(directories, id);
      synchronized (own) {
        own.put(id, stat.owner());
      }
      boolean snapshot = stat.owner() == InodeIds.NULL && id != InodeIds.ROOT;
      EdgeOrder order = new EdgeOrder(id, snapshot, stat.mtime());
      int flags = 0;
      byte[] name = new byte[0];
      long time = 0;
      for (int pages = 0; ; pages++) {
        FullReadDirResponse page =
            client.shard(shard, new FullReadDirRequest(id, flags, name, time, 0, 0));
        page.results().forEach(order::check);
        name = page.next().startName();
        if (name.length == 0) {
          break;
        }
        if (pages > PAGES_MAX_PER_INODE) {
          problem("listing", InodeIds.format(id) + " lists without end");
          break;
        }
        flags = page.next().current() ? FullReadDirFlags.CURRENT : 0;
        time = page.next().startTime();
      }
    }

    private void checkFile(long id) throws EggsException, IOException {
      fileCount.incrementAndGet();
      mark(id, LINKED);
      try {
        StatFileResponse stat = client.shard(shard, new StatFileRequest(id));
        checkSize(id, stat.size(), spans(id));
      } catch (EggsException e) {
        problem("files", InodeIds.format(id) + " is visited but " + Failures.words(e));
      }
    }

    private void checkTransientFile(long id) throws EggsException, IOException {
      transientCount.incrementAndGet();
      mark(id, TRANSIENT);
      try {
        StatTransientFileResponse stat = client.shard(shard, new StatTransientFileRequest(id));
        checkSize(id, stat.size(), spans(id));
      } catch (EggsException e) {
        problem("files", "transient " + InodeIds.format(id) + ": " + Failures.words(e));
      }
    }

    /** Checks the spans of a file; the result is where the last one ends. */
    private long spans(long id) throws EggsException, IOException {
      long[] end = {0};
      StoredSpan.visit(
          client,
          id,
          span -> {
            end[0] = follow(id, end[0], span);
            for (StoredSpan.Copy copy : span.copies()) {
              checkBlocks(id, copy);
            }
            return true;
          });
      return end[0];
    }

    private long follow(long id, long end, StoredSpan span) {
      spanCount.incrementAndGet();
      if (span.offset() != end) {
        problem(
            "I13",
            InodeIds.format(id) + " has a span at " + span.offset() + ", expected at " + end);
      }
      if (span.size() == 0) {
        problem("I13", InodeIds.format(id) + " has an empty span at " + span.offset());
      }
      if (span.inlineBytes() > span.size()) {
        problem("I13", InodeIds.format(id) + " has an inline body longer than its span");
      }
      return span.offset() + span.size();
    }

    private void checkBlocks(long id, StoredSpan.Copy copy) {
      if (copy.storageClass() <= StorageClass.INLINE) {
        problem(
            "spans",
            InodeIds.format(id)
                + " has blocks of class "
                + Policies.className(copy.storageClass()));
      }
      Set<Long> ids = new HashSet<>();
      Set<String> domains = new HashSet<>();
      for (StoredSpan.StoredBlock block : copy.blocks()) {
        long serviceId = block.service().id();
        note(id, block);
        if (!ids.add(serviceId)) {
          problem(
              "I14", InodeIds.format(id) + " has a span twice on " + MessageJson.hex(serviceId));
        }
        BlockServiceDeprecatedInfo service = services.find(serviceId);
        if (service == null) {
          problem(
              "I14", InodeIds.format(id) + " is on unknown service " + MessageJson.hex(serviceId));
          continue;
        }
        String domain = Tables.failureDomain(service.failureDomain());
        if (!domains.add(domain)) {
          problem("I14", InodeIds.format(id) + " has a span twice in failure domain " + domain);
        }
        if (service.storageClass() != copy.storageClass()) {
          problem(
              "I14",
              InodeIds.format(id)
                  + " has a block of another class on "
                  + MessageJson.hex(serviceId));
        }
      }
    }

    private synchronized void note(long file, StoredSpan.StoredBlock block) {
      if ((block.id() & SHARD_MASK) != shard) {
        problem(
            "I11",
            "block "
                + MessageJson.hex(block.id())
                + " of "
                + InodeIds.format(file)
                + " has an id of another shard");
      }
      if (!blocks.add(block.id())) {
        problem("I11", "block " + MessageJson.hex(block.id()) + " is in two spans");
      }
      filesOfService.computeIfAbsent(block.service().id(), _ -> new LongList()).add(file);
    }

    /** I12 as far as the wire shows it: which files have blocks on a service, not how many. */
    private void checkBlockServiceFiles() throws EggsException, IOException {
      Set<Long> known = new HashSet<>(filesOfService.keySet());
      services.all().forEach(service -> known.add(service.id()));
      for (long service : known) {
        LongList listed = new LongList();
        Shards.visitFilesOfService(
            client,
            shard,
            service,
            id -> {
              listed.add(id);
              return true;
            });
        LongList expected = filesOfService.getOrDefault(service, new LongList());
        String difference = difference(listed.sorted(), expected.sorted());
        if (difference != null) {
          problem("I12", "shard " + shard + ", service " + MessageJson.hex(service) + difference);
        }
      }
      servicesWithFiles.addAll(filesOfService.keySet());
    }
  }

  // ---- edges ----

  /** Looks at the edges of one directory in the order of their keys (shard.md section 2.1). */
  private final class EdgeOrder {
    private final long directory;
    private final boolean snapshotDirectory;
    private final long mtime;

    /** Time of the newest snapshot edge of a name, by the name's hash. */
    private final LongLongMap newest = new LongLongMap();

    private Edge previous;

    EdgeOrder(long directory, boolean snapshotDirectory, long mtime) {
      this.directory = directory;
      this.snapshotDirectory = snapshotDirectory;
      this.mtime = mtime;
    }

    void check(Edge edge) {
      long target = InodeIds.withoutExtra(edge.targetId());
      boolean extra = InodeIds.extra(edge.targetId());
      if (edge.nameHash() != NameHash.hash(edge.name())) {
        problem("edges", where(edge) + " has a wrong name hash");
      }
      if (Long.compareUnsigned(edge.creationTime(), mtime) > 0) {
        problem("edges", where(edge) + " is younger than its directory's mtime");
      }
      if (edge.current()) {
        checkCurrent(edge, target, extra);
      } else {
        checkSnapshot(edge, target, extra);
      }
      previous = edge;
    }

    private void checkCurrent(Edge edge, long target, boolean locked) {
      if (target == InodeIds.NULL) {
        problem("I6", where(edge) + " is a current deletion edge");
        return;
      }
      if (snapshotDirectory) {
        problem("I5", where(edge) + " is current in a removed directory");
      }
      if (locked) {
        problem("I10", where(edge) + " is locked; by a transaction that still runs?");
      }
      long snapshot = newest.get(key(edge));
      if (snapshot != LongLongMap.ABSENT
          && Long.compareUnsigned(snapshot, edge.creationTime()) >= 0) {
        problem("I7", where(edge) + " is not younger than its snapshots");
      }
      own(edge, target);
    }

    private void checkSnapshot(Edge edge, long target, boolean owned) {
      Edge before =
          previous != null && Arrays.equals(previous.name(), edge.name()) ? previous : null;
      newest.put(key(edge), edge.creationTime());
      if (before != null && Long.compareUnsigned(before.creationTime(), edge.creationTime()) >= 0) {
        problem("I7", where(edge) + " is not younger than the snapshot before it");
      }
      if (target == InodeIds.NULL) {
        if (owned) {
          problem("I6", where(edge) + " is an owned deletion edge");
        }
        if (before == null || InodeIds.withoutExtra(before.targetId()) == InodeIds.NULL) {
          problem("I8", where(edge) + " deletes nothing");
        }
      } else if (owned) {
        if (InodeIds.isDirectory(target)) {
          problem("I6", where(edge) + " owns a directory as a snapshot");
        } else {
          own(edge, target);
        }
      }
    }

    private void own(Edge edge, long target) {
      if (InodeIds.isDirectory(target)) {
        LongLongMap own = of(parents, target);
        synchronized (own) {
          if (own.put(target, directory) != LongLongMap.ABSENT) {
            problem("I4", where(edge) + " is a second current edge to " + InodeIds.format(target));
          }
        }
      } else {
        mark(target, OWNER);
      }
    }

    /** Two names with one hash of 63 bits in one directory do not happen. */
    private long key(Edge edge) {
      return edge.nameHash() == 0 ? 1 : edge.nameHash();
    }

    private String where(Edge edge) {
      return "directory "
          + InodeIds.format(directory)
          + " edge '"
          + EggsPath.printable(EggsPath.text(edge.name()))
          + "' of "
          + MessageJson.timeText(edge.creationTime());
    }
  }

  // ---- files ----

  private void mark(long file, long bit) {
    LongLongMap states = of(files, file);
    synchronized (states) {
      long before = states.get(file);
      states.put(file, (before == LongLongMap.ABSENT ? 0 : before) + bit);
    }
  }

  /** The first file in which two sorted lists differ, in words; null when they are equal. */
  private static String difference(long[] listed, long[] expected) {
    int at = Arrays.mismatch(listed, expected);
    if (at < 0) {
      return null;
    }
    boolean spurious = at == expected.length || (at < listed.length && listed[at] < expected[at]);
    return spurious
        ? ": " + InodeIds.format(listed[at]) + " is listed but has no block there"
        : ": " + InodeIds.format(expected[at]) + " has a block there but is not listed";
  }

  private void checkSize(long id, long size, long end) {
    if (size != end) {
      problem("I13", InodeIds.format(id) + " has size " + size + " but spans to " + end);
    }
  }

  // ---- all shards ----

  private void checkOwners() {
    for (LongLongMap states : files) {
      states.forEach(this::checkOwner);
    }
  }

  private void checkOwner(long id, long state) {
    long owners = state / OWNER;
    boolean linked = (state & LINKED) != 0;
    boolean unfinished = (state & TRANSIENT) != 0;
    if (linked && unfinished) {
      problem("I1", InodeIds.format(id) + " is both linked and transient");
    }
    if (owners > 1) {
      problem("I2", InodeIds.format(id) + " has " + owners + " owning edges");
    }
    if (linked && owners == 0) {
      problem("I2", InodeIds.format(id) + " has no owning edge");
    }
    if (unfinished && owners > 0) {
      problem("I2", InodeIds.format(id) + " is transient but has an owning edge");
    }
    if (!linked && !unfinished) {
      problem("I2", InodeIds.format(id) + " has an owning edge but does not exist");
    }
  }

  private long owner(long directory) {
    return of(directories, directory).get(directory);
  }

  private void checkTree() {
    if (owner(InodeIds.ROOT) == LongLongMap.ABSENT) {
      problem("I9", "there is no root directory");
    }
    for (LongLongMap edges : parents) {
      edges.forEach(
          (id, parent) -> {
            long owner = owner(id);
            if (owner == LongLongMap.ABSENT) {
              problem("I4", InodeIds.format(id) + " has a current edge but does not exist");
            } else if (owner != parent) {
              problem(
                  "I4",
                  InodeIds.format(id)
                      + " is owned by "
                      + InodeIds.format(owner)
                      + " but its edge is in "
                      + InodeIds.format(parent));
            }
          });
    }
    LongSet rooted = new LongSet();
    rooted.add(InodeIds.ROOT);
    for (LongLongMap own : directories) {
      own.forEach(
          (id, owner) -> {
            if (owner != InodeIds.NULL && of(parents, id).get(id) == LongLongMap.ABSENT) {
              problem("I4", InodeIds.format(id) + " has an owner but no current edge");
            }
            checkPathToRoot(id, rooted);
          });
    }
  }

  private void checkPathToRoot(long start, LongSet rooted) {
    List<Long> path = new ArrayList<>();
    Set<Long> seen = new HashSet<>();
    long id = start;
    while (!rooted.contains(id)) {
      if (!seen.add(id)) {
        problem("I9", InodeIds.format(start) + " is in a loop of directories");
        return;
      }
      path.add(id);
      long owner = owner(id);
      if (owner == LongLongMap.ABSENT || owner == InodeIds.NULL) {
        // A removed directory ends its path, a missing one was told above.
        return;
      }
      id = owner;
    }
    path.forEach(rooted::add);
  }
}
