package org.eggsfs.gc;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.DirectoryInfoTag;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.Frames;
import org.eggsfs.protocol.FullReadDirFlags;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileRequest;
import org.eggsfs.protocol.cdc.CrossShardHardUnlinkFileResponse;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryRequest;
import org.eggsfs.protocol.cdc.HardUnlinkDirectoryResponse;
import org.eggsfs.protocol.shard.FullReadDirRequest;
import org.eggsfs.protocol.shard.FullReadDirResponse;
import org.eggsfs.protocol.shard.RemoveInodeRequest;
import org.eggsfs.protocol.shard.RemoveInodeResponse;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeRequest;
import org.eggsfs.protocol.shard.RemoveNonOwnedEdgeResponse;
import org.eggsfs.protocol.shard.RemoveSpanCertifyRequest;
import org.eggsfs.protocol.shard.RemoveSpanCertifyResponse;
import org.eggsfs.protocol.shard.RemoveSpanInitiateRequest;
import org.eggsfs.protocol.shard.RemoveSpanInitiateResponse;
import org.eggsfs.protocol.shard.RemoveZeroBlockServiceFilesRequest;
import org.eggsfs.protocol.shard.RemoveZeroBlockServiceFilesResponse;
import org.eggsfs.protocol.shard.SameShardHardFileUnlinkRequest;
import org.eggsfs.protocol.shard.SameShardHardFileUnlinkResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.VisitDirectoriesRequest;
import org.eggsfs.protocol.shard.VisitDirectoriesResponse;
import org.eggsfs.protocol.shard.VisitFilesRequest;
import org.eggsfs.protocol.shard.VisitFilesResponse;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedRequest;
import org.eggsfs.protocol.shuckle.AllBlockServicesDeprecatedResponse;
import org.eggsfs.protocol.shuckle.EraseDecommissionedBlockRequest;
import org.eggsfs.protocol.shuckle.EraseDecommissionedBlockResponse;
import org.eggsfs.protocol.shuckle.ShuckleRequest;
import org.eggsfs.protocol.shuckle.ShuckleResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.BlockProof;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import org.eggsfs.protocol.struct.DirectoryInfo;
import org.eggsfs.protocol.struct.DirectoryInfoEntry;
import org.eggsfs.protocol.struct.Edge;
import org.eggsfs.protocol.struct.FailureDomain;
import org.eggsfs.protocol.struct.FullReadDirCursor;
import org.eggsfs.protocol.struct.IpPort;
import org.eggsfs.protocol.struct.RemoveSpanInitiateBlockInfo;
import org.eggsfs.protocol.struct.SnapshotPolicy;
import org.eggsfs.protocol.struct.TransientFile;

/**
 * A cluster in memory that answers what collection and destruction ask, by the rules of shard.md
 * section 10, with small pages. Tests fill it, and put failures in its way. One lock for all.
 */
@SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
public final class FakeCluster implements Cluster {
  /** The proof of an erasure is the certificate plus this. */
  private static final long PROOF = 1_000_000;

  private static final AddrsInfo ADDRESSES =
      new AddrsInfo(new IpPort(0x7f000001, 1), new IpPort(0, 0));

  /** Thrown instead of an answer. */
  public interface Fault {
    /** Throws, or lets the request pass. */
    void before(Object request) throws EggsException, IOException;
  }

  /** A directory: who owns it, its own policy or null, and its edges in the order of a shard. */
  public static final class Directory {
    long owner;
    SnapshotPolicy policy;
    final TreeSet<Edge> edges =
        new TreeSet<>(
            Comparator.comparing(Edge::current)
                .thenComparing(Edge::nameHash, Long::compareUnsigned)
                .thenComparing(Edge::name, Arrays::compare)
                .thenComparingLong(edge -> edge.current() ? 0 : edge.creationTime()));

    /** Its edges. */
    public List<Edge> edges() {
      return List.copyOf(edges);
    }
  }

  /** A span of a transient file: for each block the block service; none is an inline span. */
  public record Span(long... services) {}

  private static final class Transient {
    long deadline;
    final List<Span> spans = new ArrayList<>();
    boolean condemned;
  }

  private final Map<Long, Directory> directories = new TreeMap<>();
  private final Map<Long, Transient> transients = new TreeMap<>();
  private final Map<Long, Integer> serviceFlags = new HashMap<>();
  private final List<Long> erased = new ArrayList<>();
  private final List<Object> requests = new CopyOnWriteArrayList<>();
  private volatile Fault fault = request -> {};
  private int pageSize = 3;
  private long now = 1_000_000;
  private List<BlockServiceDeprecatedInfo> services = List.of();
  private int erasesNow;
  private int erasesAtOnceMax;

  // Set-up.

  /** What happens before each request. */
  public void setFault(Fault newFault) {
    fault = newFault;
  }

  /** Entries of a page. */
  public synchronized void setPageSize(int entries) {
    pageSize = entries;
  }

  /** The cluster's clock. */
  public synchronized void setNow(long time) {
    now = time;
  }

  /** The cluster's clock. */
  public synchronized long now() {
    return now;
  }

  /** When the shuckle heard of a block server. */
  public synchronized void setLastSeen(long time) {
    services = List.of(service(BlockServiceFlags.NO_WRITE, time));
  }

  /** The block services that the shuckle lists, from {@link #service}. */
  public synchronized void setServices(List<BlockServiceDeprecatedInfo> all) {
    services = List.copyOf(all);
  }

  /** Adds a directory. */
  public synchronized Directory addDirectory(long id, long owner, SnapshotPolicy policy) {
    Directory directory = new Directory();
    directory.owner = owner;
    directory.policy = policy;
    directories.put(id, directory);
    return directory;
  }

  /** Adds an edge. */
  public synchronized void addEdge(long directory, Edge edge) {
    directories.get(directory).edges.add(edge);
  }

  /** Removes an edge behind the collector's back. */
  public synchronized void removeEdge(long directory, Edge edge) {
    directories.get(directory).edges.remove(edge);
  }

  /** A directory, or null. */
  public synchronized Directory directory(long id) {
    return directories.get(id);
  }

  /** Adds a transient file. */
  public synchronized void addTransient(long id, long deadline, Span... spans) {
    Transient file = new Transient();
    file.deadline = deadline;
    file.spans.addAll(List.of(spans));
    transients.put(id, file);
  }

  /** Ids of the transient files. */
  public synchronized List<Long> transientIds() {
    return List.copyOf(transients.keySet());
  }

  /** How many spans a transient file still has. */
  public synchronized int spanCount(long id) {
    return transients.get(id).spans.size();
  }

  /** What shards say about a block service. */
  public synchronized void setServiceFlags(long service, int flags) {
    serviceFlags.put(service, flags);
  }

  /** Ids of blocks that were erased on their services, in order. */
  public synchronized List<Long> erased() {
    return List.copyOf(erased);
  }

  /** Most erasures that ran at the same time. */
  public synchronized int erasesAtOnceMax() {
    return erasesAtOnceMax;
  }

  /** Requests of one sort, in order. */
  public <T> List<T> requests(Class<T> sort) {
    return requests.stream().filter(sort::isInstance).map(sort::cast).toList();
  }

  // Answers.

  private void before(Object request) throws EggsException, IOException {
    requests.add(request);
    fault.before(request);
  }

  @Override
  public <R extends ShardResponse> R shard(int shard, ShardRequest request)
      throws EggsException, IOException {
    before(request);
    synchronized (this) {
      now++;
      return (R)
          switch (request) {
            case StatDirectoryRequest r -> stat(existing(r.id()));
            case VisitDirectoriesRequest r -> visitDirectories(shard, r.beginId());
            case VisitFilesRequest r -> new VisitFilesResponse(0, new long[] {r.beginId() + 1});
            case FullReadDirRequest r -> readDir(existing(r.dirId()), r);
            case RemoveNonOwnedEdgeRequest r -> removeNonOwned(existing(r.dirId()), r);
            case SameShardHardFileUnlinkRequest r -> {
              unlink(r.ownerId(), r.targetId(), r.name(), r.creationTime());
              yield new SameShardHardFileUnlinkResponse();
            }
            case VisitTransientFilesRequest r -> visitTransient(shard, r.beginId());
            case RemoveSpanInitiateRequest r -> condemn(r.fileId(), r.cookie());
            case RemoveSpanCertifyRequest r -> certify(r);
            case RemoveInodeRequest r -> removeInode(r.id());
            case RemoveZeroBlockServiceFilesRequest r ->
                new RemoveZeroBlockServiceFilesResponse(
                    2, r.startBlockService() < 2 ? r.startBlockService() + 1 : 0, 0);
            default -> throw new AssertionError("unexpected " + request);
          };
    }
  }

  private Directory existing(long id) throws EggsException {
    Directory directory = directories.get(id);
    if (directory == null) {
      throw new EggsException(ErrorCode.DIRECTORY_NOT_FOUND);
    }
    return directory;
  }

  private static StatDirectoryResponse stat(Directory directory) {
    List<DirectoryInfoEntry> entries = new ArrayList<>();
    if (directory.policy != null) {
      var body = Frames.buffer(directory.policy.encodedSize());
      directory.policy.encode(body);
      entries.add(new DirectoryInfoEntry(DirectoryInfoTag.SNAPSHOT, body.array()));
    }
    return new StatDirectoryResponse(1, directory.owner, new DirectoryInfo(entries));
  }

  private VisitDirectoriesResponse visitDirectories(int shard, long beginId) {
    List<Long> ids =
        directories.keySet().stream()
            .filter(id -> InodeIds.shard(id) == shard && id >= beginId)
            .toList();
    List<Long> page = ids.subList(0, Math.min(pageSize, ids.size()));
    return new VisitDirectoriesResponse(
        page.size() < ids.size() ? ids.get(page.size()) : 0,
        page.stream().mapToLong(id -> id).toArray());
  }

  private FullReadDirResponse readDir(Directory directory, FullReadDirRequest r) {
    boolean sameName = (r.flags() & FullReadDirFlags.SAME_NAME) != 0;
    List<Edge> page = new ArrayList<>();
    for (Edge edge : directory.edges) {
      boolean wanted =
          sameName
              ? Arrays.equals(edge.name(), r.startName())
                  && (edge.current() || edge.creationTime() >= r.startTime())
              : isFrom(directory, edge, r);
      if (!wanted) {
        continue;
      }
      if (page.size() == pageSize) {
        long time = edge.current() ? 0 : edge.creationTime();
        return new FullReadDirResponse(
            new FullReadDirCursor(edge.current(), edge.name(), time), page);
      }
      page.add(edge);
    }
    return new FullReadDirResponse(new FullReadDirCursor(false, new byte[0], 0), page);
  }

  private static boolean isFrom(Directory directory, Edge edge, FullReadDirRequest r) {
    if (r.startName().length == 0) {
      return true;
    }
    boolean current = (r.flags() & FullReadDirFlags.CURRENT) != 0;
    Edge start = new Edge(current, 0, hash(r.startName()), r.startName(), r.startTime());
    return directory.edges.comparator().compare(edge, start) >= 0;
  }

  /** A name's place in a directory. */
  public static long hash(byte[] name) {
    return Arrays.hashCode(name) & 0xffff_ffffL;
  }

  private Edge find(Directory directory, byte[] name, long creationTime) {
    return directory.edges.stream()
        .filter(edge -> !edge.current() && edge.creationTime() == creationTime)
        .filter(edge -> Arrays.equals(edge.name(), name))
        .findFirst()
        .orElse(null);
  }

  private RemoveNonOwnedEdgeResponse removeNonOwned(
      Directory directory, RemoveNonOwnedEdgeRequest r) throws EggsException {
    Edge edge = find(directory, r.name(), r.creationTime());
    if (edge != null) {
      if (InodeIds.extra(edge.targetId())) {
        throw new EggsException(ErrorCode.EDGE_NOT_FOUND);
      }
      directory.edges.remove(edge);
    }
    return new RemoveNonOwnedEdgeResponse();
  }

  private void unlink(long owner, long target, byte[] name, long creationTime)
      throws EggsException {
    if (transients.containsKey(target)) {
      return;
    }
    Directory directory = existing(owner);
    Edge edge = find(directory, name, creationTime);
    if (edge == null || !InodeIds.extra(edge.targetId())) {
      throw new EggsException(ErrorCode.EDGE_NOT_FOUND);
    }
    if (InodeIds.withoutExtra(edge.targetId()) != target) {
      throw new EggsException(ErrorCode.MISMATCHING_TARGET);
    }
    directory.edges.remove(edge);
    addTransient(target, now);
  }

  private VisitTransientFilesResponse visitTransient(int shard, long beginId) {
    List<Map.Entry<Long, Transient>> all =
        transients.entrySet().stream()
            .filter(e -> InodeIds.shard(e.getKey()) == shard && e.getKey() >= beginId)
            .toList();
    List<TransientFile> page =
        all.stream()
            .limit(pageSize)
            .map(e -> new TransientFile(e.getKey(), cookie(e.getKey()), e.getValue().deadline))
            .toList();
    return new VisitTransientFilesResponse(
        page.size() < all.size() ? all.get(page.size()).getKey() : 0, page);
  }

  /** The cookie of a file. */
  public static long cookie(long id) {
    return id ^ 0x5a5a;
  }

  private Transient transientFile(long id) throws EggsException {
    Transient file = transients.get(id);
    if (file == null) {
      throw new EggsException(ErrorCode.FILE_NOT_FOUND);
    }
    return file;
  }

  private RemoveSpanInitiateResponse condemn(long id, long cookie) throws EggsException {
    Transient file = transientFile(id);
    if (cookie != cookie(id)) {
      throw new EggsException(ErrorCode.BAD_COOKIE);
    }
    if (file.deadline >= now) {
      throw new EggsException(ErrorCode.DEADLINE_NOT_PASSED);
    }
    if (file.spans.isEmpty()) {
      throw new EggsException(ErrorCode.FILE_EMPTY);
    }
    int last = file.spans.size() - 1;
    Span span = file.spans.get(last);
    if (span.services.length == 0) {
      file.spans.removeLast();
      return new RemoveSpanInitiateResponse(last, List.of());
    }
    file.condemned = true;
    List<RemoveSpanInitiateBlockInfo> blocks = new ArrayList<>();
    for (int i = 0; i < span.services.length; i++) {
      long block = blockId(id, last, i);
      blocks.add(
          new RemoveSpanInitiateBlockInfo(
              ADDRESSES,
              span.services[i],
              new FailureDomain(new byte[16]),
              serviceFlags.getOrDefault(span.services[i], 0),
              block,
              block + 1));
    }
    return new RemoveSpanInitiateResponse(last, blocks);
  }

  /** The id of a block. */
  public static long blockId(long file, int span, int block) {
    return file * 10_000 + span * 100L + block;
  }

  private RemoveSpanCertifyResponse certify(RemoveSpanCertifyRequest r) throws EggsException {
    Transient file = transientFile(r.fileId());
    int index = (int) r.byteOffset();
    if (index >= file.spans.size()) {
      return new RemoveSpanCertifyResponse();
    }
    if (!file.condemned || index != file.spans.size() - 1) {
      throw new EggsException(ErrorCode.SPAN_NOT_FOUND);
    }
    if (r.proofs().size() != file.spans.get(index).services.length) {
      throw new EggsException(ErrorCode.BAD_NUMBER_OF_BLOCKS_PROOFS);
    }
    for (int i = 0; i < r.proofs().size(); i++) {
      long block = blockId(r.fileId(), index, i);
      if (!r.proofs().get(i).equals(new BlockProof(block, block + 1 + PROOF))) {
        throw new EggsException(ErrorCode.BAD_BLOCK_PROOF);
      }
    }
    file.spans.removeLast();
    file.condemned = false;
    return new RemoveSpanCertifyResponse();
  }

  private RemoveInodeResponse removeInode(long id) throws EggsException {
    Transient file = transients.get(id);
    if (file != null) {
      if (!file.spans.isEmpty()) {
        throw new EggsException(ErrorCode.FILE_NOT_EMPTY);
      }
      transients.remove(id);
    }
    return new RemoveInodeResponse();
  }

  @Override
  public <R extends CdcResponse> R cdc(CdcRequest request) throws EggsException, IOException {
    before(request);
    synchronized (this) {
      return (R)
          switch (request) {
            case CrossShardHardUnlinkFileRequest r -> {
              unlink(r.ownerId(), r.targetId(), r.name(), r.creationTime());
              yield new CrossShardHardUnlinkFileResponse();
            }
            case HardUnlinkDirectoryRequest r -> {
              Directory directory = directories.get(r.dirId());
              if (directory != null && directory.owner != InodeIds.NULL) {
                throw new EggsException(ErrorCode.DIRECTORY_HAS_OWNER);
              }
              if (directory != null && !directory.edges.isEmpty()) {
                throw new EggsException(ErrorCode.DIRECTORY_NOT_EMPTY);
              }
              directories.remove(r.dirId());
              yield new HardUnlinkDirectoryResponse();
            }
            default -> throw new AssertionError("unexpected " + request);
          };
    }
  }

  @Override
  public <R extends ShuckleResponse> R shuckle(ShuckleRequest request)
      throws EggsException, IOException {
    before(request);
    synchronized (this) {
      return (R)
          switch (request) {
            case EraseDecommissionedBlockRequest r ->
                new EraseDecommissionedBlockResponse(r.certificate() + PROOF);
            case AllBlockServicesDeprecatedRequest r ->
                new AllBlockServicesDeprecatedResponse(services);
            default -> throw new AssertionError("unexpected " + request);
          };
    }
  }

  /** A block service of which the shuckle heard then. */
  public static BlockServiceDeprecatedInfo service(int flags, long lastSeen) {
    return new BlockServiceDeprecatedInfo(
        1,
        ADDRESSES,
        2,
        new FailureDomain(new byte[16]),
        new byte[16],
        flags,
        0,
        0,
        0,
        new byte[0],
        lastSeen,
        false,
        0);
  }

  /** An erasure, for faults. */
  public record Erase(long serviceId, long blockId) {}

  @Override
  public long erase(AddrsInfo addrs, long serviceId, long blockId, long certificate)
      throws EggsException, IOException {
    synchronized (this) {
      erasesNow++;
      erasesAtOnceMax = Math.max(erasesAtOnceMax, erasesNow);
    }
    try {
      before(new Erase(serviceId, blockId));
      synchronized (this) {
        erased.add(blockId);
      }
      return certificate + PROOF;
    } finally {
      synchronized (this) {
        erasesNow--;
      }
    }
  }
}
