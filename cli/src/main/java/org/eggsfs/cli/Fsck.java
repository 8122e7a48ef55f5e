package org.eggsfs.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.NameHash;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.shard.BlockServiceFilesRequest;
import org.eggsfs.protocol.shard.BlockServiceFilesResponse;
import org.eggsfs.protocol.shard.FileSpansRequest;
import org.eggsfs.protocol.shard.FileSpansResponse;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.LocalFileSpansRequest;
import org.eggsfs.protocol.shard.LocalFileSpansResponse;
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
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.struct.BlockService;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.FetchedBlock;
import org.eggsfs.protocol.struct.FetchedBlockServices;
import org.eggsfs.protocol.struct.FetchedBlocksSpan;
import org.eggsfs.protocol.struct.FetchedFullSpan;
import org.eggsfs.protocol.struct.FetchedInlineSpan;
import org.eggsfs.protocol.struct.FetchedLocations;
import org.eggsfs.protocol.struct.FetchedSpan;

/**
 * Checks invariants I1 to I14 of shard.md section 3 on all shards together, over the wire.
 *
 * <p>Shards are read in parallel, each by one virtual thread; what has to be compared across shards
 * (who owns whom, which block is whose) is collected in shared maps and compared at the end. Memory
 * grows with the number of inodes and blocks: about 100 bytes each.
 */
final class Fsck {
  private static final int PAGES_MAX_PER_INODE = 10_000_000;

  private final EggsClient client;
  private final int problemsMax;
  private final List<String> problems = new ArrayList<>();
  private final AtomicLong problemCount = new AtomicLong();
  private final AtomicLong spanCount = new AtomicLong();

  /** Directory to its owner, all shards. Guarded by itself, like the maps below. */
  private final Map<Long, Long> directories = new HashMap<>();

  private final LongSet files = new LongSet();
  private final LongSet transients = new LongSet();

  /** Target of owning edges to the number of them. */
  private final Map<Long, Integer> fileOwners = new HashMap<>();

  /** Directory to the directory whose current edge leads to it; doubles are told when found. */
  private final Map<Long, Long> directoryParents = new HashMap<>();

  private final LongSet blocks = new LongSet();
  private final Map<Long, BlockServiceDeprecatedInfo> services = new HashMap<>();

  Fsck(EggsClient client, int problemsMax) {
    this.client = client;
    this.problemsMax = problemsMax;
  }

  void run(ProgressLine progress) throws EggsException, IOException {
    AllBlockServicesDeprecatedResponse table =
        client.shuckle().call(new AllBlockServicesDeprecatedRequest());
    table.blockServices().forEach(service -> services.put(service.id(), service));
    Parallel.map(
        IntStream.range(0, ProtocolConstants.SHARD_COUNT).boxed().toList(),
        shard -> {
          checkShard(shard, progress);
          return true;
        });
    checkOwners();
    checkTree();
  }

  List<String> problems() {
    return problems;
  }

  long problemCount() {
    return problemCount.get();
  }

  int directoryCount() {
    return directories.size();
  }

  int fileCount() {
    return files.size();
  }

  int transientCount() {
    return transients.size();
  }

  long spanCount() {
    return spanCount.get();
  }

  int blockCount() {
    return blocks.size();
  }

  private void problem(String invariant, String text) {
    problemCount.incrementAndGet();
    synchronized (problems) {
      if (problems.size() < problemsMax) {
        problems.add(invariant + ": " + text);
      }
    }
  }

  // ---- one shard ----

  private void checkShard(int shard, ProgressLine progress) throws EggsException, IOException {
    Map<Long, TreeSet<Long>> filesOfService = new HashMap<>();
    long begin = 0;
    do {
      VisitDirectoriesResponse page = client.shard(shard, new VisitDirectoriesRequest(begin, 0));
      for (long id : page.ids()) {
        checkShardOf(id, shard);
        checkDirectory(shard, id);
        progress.addItem();
      }
      begin = page.nextId();
    } while (begin != 0);
    do {
      VisitFilesResponse page = client.shard(shard, new VisitFilesRequest(begin, 0));
      for (long id : page.ids()) {
        checkShardOf(id, shard);
        synchronized (files) {
          files.add(id);
        }
        checkFile(shard, id, filesOfService);
        progress.addItem();
      }
      begin = page.nextId();
    } while (begin != 0);
    do {
      VisitTransientFilesResponse page =
          client.shard(shard, new VisitTransientFilesRequest(begin, 0));
      for (var file : page.files()) {
        checkShardOf(file.id(), shard);
        synchronized (transients) {
          transients.add(file.id());
        }
        checkTransientFile(shard, file.id(), filesOfService);
        progress.addItem();
      }
      begin = page.nextId();
    } while (begin != 0);
    checkBlockServiceFiles(shard, filesOfService);
  }

  private void checkShardOf(long id, int shard) {
    if (InodeIds.shard(id) != shard) {
      problem("ids", "shard " + shard + " holds inode " + InodeIds.format(id));
    }
  }

  // ---- directories ----

  private void checkDirectory(int shard, long id) throws EggsException, IOException {
    StatDirectoryResponse stat;
    try {
      stat = client.shard(shard, new StatDirectoryRequest(id));
    } catch (EggsException e) {
      problem("directories", InodeIds.format(id) + " is visited but " + Failures.words(e));
      return;
    }
    synchronized (directories) {
      directories.put(id, stat.owner());
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
    order.finish();
  }

  /** Looks at the edges of one directory in the order of their keys (shard.md section 2.1). */
  private final class EdgeOrder {
    private final long directory;
    private final boolean snapshotDirectory;
    private final long mtime;

    /** Time of the newest snapshot edge of a name, by name. */
    private final Map<String, Long> newest = new HashMap<>();

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
      Long snapshot = newest.get(key(edge));
      if (snapshot != null && Long.compareUnsigned(snapshot, edge.creationTime()) >= 0) {
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
        synchronized (directoryParents) {
          Long other = directoryParents.put(target, directory);
          if (other != null) {
            problem("I4", where(edge) + " is a second current edge to " + InodeIds.format(target));
          }
        }
      } else {
        synchronized (fileOwners) {
          fileOwners.merge(target, 1, Integer::sum);
        }
      }
    }

    void finish() {
      newest.clear();
    }

    private String key(Edge edge) {
      return new String(edge.name(), java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    private String where(Edge edge) {
      return "directory "
          + InodeIds.format(directory)
          + " edge '"
          + EggsPath.text(edge.name())
          + "' of "
          + MessageJson.timeText(edge.creationTime());
    }
  }

  // ---- files ----

  private void checkFile(int shard, long id, Map<Long, TreeSet<Long>> filesOfService)
      throws EggsException, IOException {
    try {
      StatFileResponse stat = client.shard(shard, new StatFileRequest(id));
      checkSize(id, stat.size(), spans(shard, id, filesOfService));
    } catch (EggsException e) {
      problem("files", InodeIds.format(id) + " is visited but " + Failures.words(e));
    }
  }

  private void checkTransientFile(int shard, long id, Map<Long, TreeSet<Long>> filesOfService)
      throws EggsException, IOException {
    try {
      StatTransientFileResponse stat = client.shard(shard, new StatTransientFileRequest(id));
      checkSize(id, stat.size(), spans(shard, id, filesOfService));
    } catch (EggsException e) {
      problem("files", "transient " + InodeIds.format(id) + ": " + Failures.words(e));
    }
  }

  private void checkSize(long id, long size, long end) {
    if (size != end) {
      problem("I13", InodeIds.format(id) + " has size " + size + " but spans to " + end);
    }
  }

  /** Checks the spans of a file; the result is where the last one ends. */
  private long spans(int shard, long id, Map<Long, TreeSet<Long>> filesOfService)
      throws EggsException, IOException {
    return InodeIds.isFile(id)
        ? fullSpans(shard, id, filesOfService)
        : localSpans(shard, id, filesOfService);
  }

  private long fullSpans(int shard, long id, Map<Long, TreeSet<Long>> filesOfService)
      throws EggsException, IOException {
    long end = 0;
    long offset = 0;
    do {
      FileSpansResponse page = client.shard(shard, new FileSpansRequest(id, offset, 0, 0));
      for (FetchedFullSpan span : page.spans()) {
        end = follow(id, end, span.header().byteOffset(), span.header().size());
        switch (span.body()) {
          case FetchedInlineSpan inline -> checkInline(id, inline, span.header().size());
          case FetchedLocations locations -> {
            for (FetchedBlockServices location : locations.locations()) {
              checkBlocks(
                  id,
                  location.storageClass(),
                  location.blocks(),
                  page.blockServices(),
                  filesOfService);
            }
          }
        }
      }
      offset = next(id, offset, page.nextOffset());
    } while (offset != 0);
    return end;
  }

  /** Symlinks have no listing of all locations. */
  private long localSpans(int shard, long id, Map<Long, TreeSet<Long>> filesOfService)
      throws EggsException, IOException {
    long end = 0;
    long offset = 0;
    do {
      LocalFileSpansResponse page =
          client.shard(shard, new LocalFileSpansRequest(id, offset, 0, 0));
      for (FetchedSpan span : page.spans()) {
        end = follow(id, end, span.header().byteOffset(), span.header().size());
        switch (span.body()) {
          case FetchedInlineSpan inline -> checkInline(id, inline, span.header().size());
          case FetchedBlocksSpan body ->
              checkBlocks(
                  id,
                  span.header().storageClass(),
                  body.blocks(),
                  page.blockServices(),
                  filesOfService);
        }
      }
      offset = next(id, offset, page.nextOffset());
    } while (offset != 0);
    return end;
  }

  private long next(long id, long offset, long next) {
    if (next != 0 && Long.compareUnsigned(next, offset) <= 0) {
      problem("listing", InodeIds.format(id) + " lists its spans without end");
      return 0;
    }
    return next;
  }

  private long follow(long id, long end, long offset, long size) {
    spanCount.incrementAndGet();
    if (offset != end) {
      problem("I13", InodeIds.format(id) + " has a span at " + offset + ", expected at " + end);
    }
    if (size == 0) {
      problem("I13", InodeIds.format(id) + " has an empty span at " + offset);
    }
    return offset + size;
  }

  private void checkInline(long id, FetchedInlineSpan inline, long size) {
    if (inline.body().length > size) {
      problem("I13", InodeIds.format(id) + " has an inline body longer than its span");
    }
  }

  private void checkBlocks(
      long id,
      int storageClass,
      List<FetchedBlock> spanBlocks,
      List<BlockService> table,
      Map<Long, TreeSet<Long>> filesOfService) {
    Set<Long> ids = new HashSet<>();
    Set<String> domains = new HashSet<>();
    for (FetchedBlock block : spanBlocks) {
      synchronized (blocks) {
        if (!blocks.add(block.blockId())) {
          problem("I11", "block " + MessageJson.hex(block.blockId()) + " is in two spans");
        }
      }
      long serviceId = table.get(block.blockServiceIx()).id();
      filesOfService.computeIfAbsent(serviceId, _ -> new TreeSet<>()).add(id);
      if (!ids.add(serviceId)) {
        problem("I14", InodeIds.format(id) + " has a span twice on " + MessageJson.hex(serviceId));
      }
      BlockServiceDeprecatedInfo service = services.get(serviceId);
      if (service == null) {
        problem(
            "I14", InodeIds.format(id) + " is on unknown service " + MessageJson.hex(serviceId));
        continue;
      }
      if (!domains.add(Tables.failureDomain(service.failureDomain()))) {
        problem(
            "I14",
            InodeIds.format(id)
                + " has a span twice in failure domain "
                + Tables.failureDomain(service.failureDomain()));
      }
      if (service.storageClass() != storageClass) {
        problem(
            "I14",
            InodeIds.format(id) + " has a block of another class on " + MessageJson.hex(serviceId));
      }
    }
  }

  /** I12 as far as the wire shows it: which files have blocks on a service, not how many. */
  private void checkBlockServiceFiles(int shard, Map<Long, TreeSet<Long>> filesOfService)
      throws EggsException, IOException {
    Set<Long> known = new HashSet<>(services.keySet());
    known.addAll(filesOfService.keySet());
    for (long service : known) {
      TreeSet<Long> listed = new TreeSet<>();
      long start = 0;
      while (true) {
        BlockServiceFilesResponse page =
            client.shard(shard, new BlockServiceFilesRequest(service, start));
        if (page.fileIds().length == 0) {
          break;
        }
        for (long id : page.fileIds()) {
          listed.add(id);
        }
        start = page.fileIds()[page.fileIds().length - 1] + 1;
      }
      TreeSet<Long> expected = filesOfService.getOrDefault(service, new TreeSet<>());
      if (!listed.equals(expected)) {
        problem(
            "I12",
            "shard "
                + shard
                + " lists "
                + listed.size()
                + " files on service "
                + MessageJson.hex(service)
                + ", spans say "
                + expected.size());
      }
    }
  }

  // ---- all shards ----

  private void checkOwners() {
    fileOwners.forEach(
        (id, count) -> {
          if (count > 1) {
            problem("I2", InodeIds.format(id) + " has " + count + " owning edges");
          }
          if (transients.contains(id)) {
            problem("I2", InodeIds.format(id) + " is transient but has an owning edge");
          } else if (!files.contains(id)) {
            problem("I2", InodeIds.format(id) + " has an owning edge but does not exist");
          }
        });
    files.forEach(
        id -> {
          if (!fileOwners.containsKey(id)) {
            problem("I2", InodeIds.format(id) + " has no owning edge");
          }
          if (transients.contains(id)) {
            problem("I1", InodeIds.format(id) + " is both linked and transient");
          }
        });
  }

  private void checkTree() {
    if (!directories.containsKey(InodeIds.ROOT)) {
      problem("I9", "there is no root directory");
    }
    directoryParents.forEach(
        (id, parent) -> {
          Long owner = directories.get(id);
          if (owner == null) {
            problem("I4", InodeIds.format(id) + " has a current edge but does not exist");
          } else if (owner.longValue() != parent) {
            problem(
                "I4",
                InodeIds.format(id)
                    + " is owned by "
                    + InodeIds.format(owner)
                    + " but its edge is in "
                    + InodeIds.format(parent));
          }
        });
    directories.forEach(
        (id, owner) -> {
          if (owner != InodeIds.NULL && !directoryParents.containsKey(id)) {
            problem("I4", InodeIds.format(id) + " has an owner but no current edge");
          }
        });
    Set<Long> rooted = new HashSet<>(Set.of(InodeIds.ROOT));
    for (long id : directories.keySet()) {
      checkPathToRoot(id, rooted);
    }
  }

  private void checkPathToRoot(long start, Set<Long> rooted) {
    List<Long> path = new ArrayList<>();
    Set<Long> seen = new HashSet<>();
    long id = start;
    while (!rooted.contains(id)) {
      if (!seen.add(id)) {
        problem("I9", InodeIds.format(start) + " is in a loop of directories");
        return;
      }
      path.add(id);
      Long owner = directories.get(id);
      if (owner == null || owner == InodeIds.NULL) {
        // A removed directory ends its path, a missing one was told above.
        return;
      }
      id = owner;
    }
    rooted.addAll(path);
  }
}
