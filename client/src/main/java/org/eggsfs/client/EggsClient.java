package org.eggsfs.client;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.eggsfs.client.blocks.BlockChannel;
import org.eggsfs.client.blocks.BlockDeadlines;
import org.eggsfs.client.memory.BufferPool;
import org.eggsfs.client.metadata.AddressBook;
import org.eggsfs.client.metadata.MetadataChannel;
import org.eggsfs.client.metadata.MetadataCounters;
import org.eggsfs.client.span.ReadCounters;
import org.eggsfs.client.span.ShardCaller;
import org.eggsfs.client.span.SpanReader;
import org.eggsfs.client.span.SpanUploader;
import org.eggsfs.core.InodeIds;
import org.eggsfs.net.ShuckleClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RenameFileResponse;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.ConstructFileRequest;
import org.eggsfs.protocol.shard.ConstructFileResponse;
import org.eggsfs.protocol.shard.LinkFileRequest;
import org.eggsfs.protocol.shard.LinkFileResponse;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ReadDirResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotResponse;
import org.eggsfs.protocol.shard.ScrapTransientFileRequest;
import org.eggsfs.protocol.shard.SetDirectoryInfoRequest;
import org.eggsfs.protocol.shard.SetTimeRequest;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;
import org.eggsfs.protocol.shuckle.LocalCdcRequest;
import org.eggsfs.protocol.shuckle.LocalCdcResponse;
import org.eggsfs.protocol.shuckle.LocalShardsRequest;
import org.eggsfs.protocol.shuckle.LocalShardsResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.protocol.struct.DirectoryInfo;
import org.eggsfs.protocol.struct.DirectoryInfoEntry;
import org.eggsfs.protocol.struct.ShardInfo;

/**
 * A client of one cluster: requests, path operations, streams, policies, the tree walk.
 * Thread-safe; calls block and may be made from virtual threads. One client per process is enough:
 * it owns the sockets, the connection pools, the buffer memory and about five threads.
 *
 * <p>A write walks {@link FileWriter} → {@link SpanUploader} → {@link BlockChannel}, a read {@link
 * FileReader} → {@link SpanReader} → {@link BlockChannel}; both ask shards through {@link
 * MetadataChannel}.
 *
 * <p>Methods that take paths name the path in their errors; those that take ids pass the server's
 * error on. Operations that a lock or a clock refuses for a moment are tried for about a second.
 */
public final class EggsClient implements AutoCloseable, ShardCaller {
  private static final long LOCKED_NANOS_MAX = TimeUnit.SECONDS.toNanos(1);
  private static final long LOCKED_PAUSE_MILLIS_MIN = 2;
  private static final long LOCKED_PAUSE_MILLIS_MAX = 100;
  private static final long SET = Long.MIN_VALUE;

  /** Overhead of IP and UDP headers. */
  private static final int IP_UDP_HEADER_SIZE = 28;

  /** How long closing waits for abandoned files to be scrapped. */
  private static final long COURTESY_NANOS_MAX = TimeUnit.SECONDS.toNanos(2);

  private static final int SYMLINK_SIZE_MAX = 1 << 20;

  private final ShuckleClient shuckle;
  private final MetadataChannel metadata;
  private final BlockChannel blocks;
  private final BufferPool pool;
  private final PolicyCache policies;
  private final SpanUploader uploader;
  private final SpanReader spanReader;
  private final LostAnswers lostAnswers = new LostAnswers(this);
  private final NewNames newNames;
  private final ClientConfig config;
  private final Set<Thread> courtesies = ConcurrentHashMap.newKeySet();

  private EggsClient(
      ClientConfig config, ShuckleClient shuckle, MetadataChannel metadata, BlockChannel blocks) {
    this.config = config;
    this.shuckle = shuckle;
    this.metadata = metadata;
    this.blocks = blocks;
    this.pool = new BufferPool(config.memoryBudget());
    this.policies =
        new PolicyCache(
            request -> shard(InodeIds.shard(request.id()), request), config.policyTtl().toNanos());
    this.uploader = new SpanUploader(this, blocks);
    this.spanReader = new SpanReader(blocks, pool);
    this.newNames = new NewNames(this, metadata, config.shardRetry(), config.cdcRetry());
  }

  /**
   * Finds the servers and starts.
   *
   * @throws IOException if no shuckle can be asked; shards that are not there yet are no error
   */
  public static EggsClient connect(ClientConfig config) throws EggsException, IOException {
    ShuckleClient shuckle = new ShuckleClient(config.shuckles());
    MetadataChannel metadata = null;
    BlockChannel blocks = null;
    boolean connected = false;
    try {
      AddressBook addresses = new AddressBook(addressSource(shuckle));
      addresses.refresh();
      int mtu = config.mtu() != 0 ? config.mtu() : mtuTowards(addresses.anyShard());
      metadata =
          new MetadataChannel(
              addresses,
              config.shardRetry(),
              config.cdcRetry(),
              mtu,
              config.metadataSockets(),
              config.metadataSource());
      blocks =
          new BlockChannel(
              config.blockLoops(),
              config.connectionsPerServer(),
              config.blockSources(),
              BlockDeadlines.DEFAULT);
      EggsClient client = new EggsClient(config, shuckle, metadata, blocks);
      connected = true;
      return client;
    } finally {
      if (!connected) {
        if (metadata != null) {
          metadata.close();
        }
        if (blocks != null) {
          blocks.close();
        }
        shuckle.close();
      }
    }
  }

  private static AddressBook.Source addressSource(ShuckleClient shuckle) {
    return new AddressBook.Source() {
      @Override
      public List<ShardInfo> shards() throws IOException, EggsException {
        LocalShardsResponse response = shuckle.call(new LocalShardsRequest());
        return response.shards();
      }

      @Override
      public AddrsInfo cdc() throws IOException, EggsException {
        LocalCdcResponse response = shuckle.call(new LocalCdcRequest());
        return response.addrs();
      }
    };
  }

  /**
   * Jumbo packets where the interface towards the shards carries them. A later hop that does not is
   * noticed by repeated silence (see {@link MetadataChannel}).
   */
  private static int mtuTowards(InetSocketAddress shard) {
    if (shard == null) {
      return ProtocolConstants.DEFAULT_UDP_MTU;
    }
    try (DatagramSocket probe = new DatagramSocket()) {
      probe.connect(shard);
      NetworkInterface through = NetworkInterface.getByInetAddress(probe.getLocalAddress());
      int payload = through == null ? 0 : through.getMTU() - IP_UDP_HEADER_SIZE;
      return payload >= ProtocolConstants.MAX_UDP_MTU
          ? ProtocolConstants.MAX_UDP_MTU
          : ProtocolConstants.DEFAULT_UDP_MTU;
    } catch (IOException e) {
      return ProtocolConstants.DEFAULT_UDP_MTU;
    }
  }

  // Requests.

  /**
   * Sends a request to a shard and waits for the answer.
   *
   * @throws EggsException the shard's error, or TIMEOUT
   */
  @Override
  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  public <R extends ShardResponse> R shard(int shard, ShardRequest request)
      throws EggsException, IOException {
    MetadataChannel.Attempts attempts = new MetadataChannel.Attempts();
    try {
      return (R) metadata.shard(shard, request, attempts);
    } catch (EggsException e) {
      ShardResponse meant = lostAnswers.resolve(request, e, attempts.count());
      if (meant == null) {
        throw e;
      }
      return (R) meant;
    }
  }

  /** Sends a request to the CDC and waits for the answer. */
  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
  public <R extends CdcResponse> R cdc(CdcRequest request) throws EggsException, IOException {
    MetadataChannel.Attempts attempts = new MetadataChannel.Attempts();
    try {
      return (R) metadata.cdc(request, attempts);
    } catch (EggsException e) {
      CdcResponse meant = lostAnswers.resolve(request, e, attempts.count());
      if (meant == null) {
        throw e;
      }
      return (R) meant;
    }
  }

  /**
   * Sends a request to a shard. The future completes on a thread of the channel: what depends on it
   * must be short and must not wait. Lost answers are not interpreted.
   */
  public CompletableFuture<ShardResponse> shardAsync(int shard, ShardRequest request) {
    return metadata.shardAsync(shard, request);
  }

  /** Sends a request to a shard once and does not wait. */
  public void shardForget(int shard, ShardRequest request) {
    metadata.shardForget(shard, request);
  }

  /** The connection to the shuckle. */
  public ShuckleClient shuckle() {
    return shuckle;
  }

  /** The connections to the block servers. */
  public BlockChannel blocks() {
    return blocks;
  }

  /** What the metadata channel did. */
  public MetadataCounters metadataCounters() {
    return metadata.counters();
  }

  /** What readers did beyond plain fetching. */
  public ReadCounters readCounters() {
    return spanReader.counters();
  }

  /** How often a span had to be written again because blocks failed. */
  public long spanRetries() {
    return uploader.spanRetries();
  }

  /** Bytes of stream buffers in use or set aside. */
  public long bufferBytes() {
    return pool.chargedBytes();
  }

  // Paths.

  /** What may be tried again. */
  interface Work<T> {
    T run() throws EggsException, IOException;
  }

  /** Puts the path into the error. */
  private static <T> T named(String path, Work<T> work) throws EggsException, IOException {
    try {
      return work.run();
    } catch (EggsException e) {
      throw new EggsException(e.code(), path);
    } catch (InterruptedIOException e) {
      throw e;
    } catch (IOException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
    }
  }

  /** Tries again for about a second what is refused only for the moment. */
  static <T> T patiently(Work<T> work) throws EggsException, IOException {
    long startNanos = System.nanoTime();
    long pauseMillis = LOCKED_PAUSE_MILLIS_MIN;
    while (true) {
      try {
        return work.run();
      } catch (EggsException e) {
        boolean passing =
            switch (e.code()) {
              case NAME_IS_LOCKED,
                  EDGE_IS_LOCKED,
                  MTIME_IS_TOO_RECENT,
                  MORE_RECENT_SNAPSHOT_EDGE,
                  MORE_RECENT_CURRENT_EDGE ->
                  true;
              default -> false;
            };
        if (!passing || System.nanoTime() - startNanos > LOCKED_NANOS_MAX) {
          throw e;
        }
      }
      try {
        Thread.sleep(pauseMillis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw (InterruptedIOException)
            new InterruptedIOException("interrupted while waiting for a lock").initCause(e);
      }
      pauseMillis = Math.min(2 * pauseMillis, LOCKED_PAUSE_MILLIS_MAX);
    }
  }

  /** Looks every component up, from the root. Symbolic links are not followed. */
  public ResolvedPath resolve(String path) throws EggsException, IOException {
    List<byte[]> components = ClientPaths.components(path);
    ResolvedPath at = new ResolvedPath(InodeIds.ROOT, 0, InodeIds.NULL, new byte[0]);
    for (int i = 0; i < components.size(); i++) {
      at = step(components, i, at.id());
    }
    return at;
  }

  private ResolvedPath step(List<byte[]> components, int index, long directory)
      throws EggsException, IOException {
    byte[] name = components.get(index);
    return named(
        ClientPaths.join(components, index + 1),
        () -> {
          if (!InodeIds.isDirectory(directory)) {
            throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
          }
          LookupResponse found = lookupEdge(directory, name);
          return new ResolvedPath(found.targetId(), found.creationTime(), directory, name);
        });
  }

  /** The directory that a path's last component is or would be in. */
  private ResolvedPath parent(String path) throws EggsException, IOException {
    List<byte[]> components = ClientPaths.components(path);
    if (components.isEmpty()) {
      throw new EggsException(ErrorCode.BAD_NAME, path + ": the root directory");
    }
    long directory =
        components.size() == 1
            ? InodeIds.ROOT
            : resolve(ClientPaths.join(components, components.size() - 1)).id();
    if (!InodeIds.isDirectory(directory)) {
      throw new EggsException(
          ErrorCode.TYPE_IS_NOT_DIRECTORY, ClientPaths.join(components, components.size() - 1));
    }
    return new ResolvedPath(InodeIds.NULL, 0, directory, components.getLast());
  }

  /** Attributes. */
  public Stat stat(String path) throws EggsException, IOException {
    ResolvedPath at = resolve(path);
    return named(path, () -> stat(at.id()));
  }

  /** The live entries of a directory, in the server's order. */
  public List<CurrentEdge> list(String path) throws EggsException, IOException {
    ResolvedPath at = resolve(path);
    List<CurrentEdge> entries = new ArrayList<>();
    named(
        path,
        () -> {
          list(at.id(), entries::add);
          return null;
        });
    return entries;
  }

  /** Creates a directory in an existing one. */
  public long mkdir(String path) throws EggsException, IOException {
    ResolvedPath parent = parent(path);
    return named(path, () -> mkdir(parent.ownerId(), parent.name()));
  }

  /** Creates a directory and those above it that do not exist. */
  public long mkdirs(String path) throws EggsException, IOException {
    List<byte[]> components = ClientPaths.components(path);
    long at = InodeIds.ROOT;
    for (int i = 0; i < components.size(); i++) {
      long directory = at;
      byte[] name = components.get(i);
      at =
          named(
              ClientPaths.join(components, i + 1),
              () -> {
                long found = lookupOrMkdir(directory, name);
                if (!InodeIds.isDirectory(found)) {
                  throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
                }
                return found;
              });
    }
    return at;
  }

  private long lookupOrMkdir(long directory, byte[] name) throws EggsException, IOException {
    try {
      return lookup(directory, name);
    } catch (EggsException e) {
      if (e.code() != ErrorCode.NAME_NOT_FOUND) {
        throw e;
      }
    }
    try {
      return mkdir(directory, name);
    } catch (EggsException e) {
      if (e.code() != ErrorCode.CANNOT_OVERRIDE_NAME) {
        throw e;
      }
      // Somebody else has just made it.
      return lookup(directory, name);
    }
  }

  /** Removes a file or symbolic link; policies say how long it can be brought back. */
  public void unlink(String path) throws EggsException, IOException {
    ResolvedPath parent = parent(path);
    named(
        path,
        () -> {
          unlink(parent.ownerId(), parent.name());
          return null;
        });
  }

  /** Removes an empty directory. */
  public void rmdir(String path) throws EggsException, IOException {
    ResolvedPath parent = parent(path);
    named(
        path,
        () -> {
          rmdir(parent.ownerId(), parent.name());
          return null;
        });
  }

  /** Renames; an existing file of the new name becomes a snapshot. */
  public void rename(String from, String to) throws EggsException, IOException {
    ResolvedPath old = parent(from);
    ResolvedPath fresh = parent(to);
    named(
        from + " to " + to,
        () -> {
          rename(old.ownerId(), old.name(), fresh.ownerId(), fresh.name());
          return null;
        });
  }

  /** Creates a symbolic link; returns its id. */
  public long symlink(String target, String path) throws EggsException, IOException {
    ResolvedPath parent = parent(path);
    return named(
        path,
        () -> symlink(parent.ownerId(), parent.name(), target.getBytes(StandardCharsets.UTF_8)));
  }

  /** The target of a symbolic link. */
  public String readlink(String path) throws EggsException, IOException {
    ResolvedPath at = resolve(path);
    return named(path, () -> ClientPaths.text(readlink(at.id())));
  }

  /** Sets times of a file or symbolic link in nanoseconds since 1970; -1 leaves one as it is. */
  public void setTimes(String path, long mtime, long atime) throws EggsException, IOException {
    ResolvedPath at = resolve(path);
    named(
        path,
        () -> {
          setTimes(at.id(), mtime, atime);
          return null;
        });
  }

  /** Begins a new file that gets this name when it is committed. */
  public FileWriter create(String path) throws EggsException, IOException {
    ResolvedPath parent = parent(path);
    return named(path, () -> create(parent.ownerId(), parent.name()));
  }

  /** Opens a file for reading. */
  public FileReader open(String path) throws EggsException, IOException {
    ResolvedPath at = resolve(path);
    return named(path, () -> open(at.id()));
  }

  // Ids.

  /** What a name leads to, with the edge's creation time. */
  public LookupResponse lookupEdge(long directory, byte[] name) throws EggsException, IOException {
    return shard(InodeIds.shard(directory), new LookupRequest(directory, name));
  }

  /** What a name leads to. */
  public long lookup(long directory, byte[] name) throws EggsException, IOException {
    return lookupEdge(directory, name).targetId();
  }

  /** Attributes. */
  public Stat stat(long id) throws EggsException, IOException {
    if (InodeIds.isDirectory(id)) {
      StatDirectoryResponse stat = shard(InodeIds.shard(id), new StatDirectoryRequest(id));
      return new Stat(
          id, InodeType.DIRECTORY, 0, stat.mtime(), stat.mtime(), stat.owner(), stat.info());
    }
    StatFileResponse stat = shard(InodeIds.shard(id), new StatFileRequest(id));
    return new Stat(
        id, InodeIds.type(id), stat.size(), stat.mtime(), stat.atime(), InodeIds.NULL, null);
  }

  /** The live entries of a directory, page by page in the server's order. */
  public void list(long directory, Consumer<? super CurrentEdge> to)
      throws EggsException, IOException {
    long hash = 0;
    do {
      ReadDirResponse page =
          shard(InodeIds.shard(directory), new ReadDirRequest(directory, hash, 0));
      page.results().forEach(to);
      if (page.nextHash() != 0 && Long.compareUnsigned(page.nextHash(), hash) <= 0) {
        throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "directory listing goes backwards");
      }
      hash = page.nextHash();
    } while (hash != 0);
  }

  /**
   * Creates a directory; one that is there already is the answer. For programs that want a
   * directory and do not care who makes it.
   */
  public long mkdir(long directory, byte[] name) throws EggsException, IOException {
    MakeDirectoryResponse made = patiently(() -> cdc(new MakeDirectoryRequest(directory, name)));
    return made.id();
  }

  /**
   * Creates a directory, or fails: of several clients that make one name one succeeds. With a CDC
   * of TernFS two that come at the same moment may both succeed.
   *
   * @throws EggsException CANNOT_OVERRIDE_NAME if the name exists
   */
  public long makeNewDirectory(long directory, byte[] name) throws EggsException, IOException {
    return newNames.makeDirectory(directory, name);
  }

  /** Finds out ahead, without waiting, what {@link #makeNewDirectory} will need to know. */
  public void prepareForNewNames() {
    newNames.prepare();
  }

  /** Removes a file or symbolic link. */
  public void unlink(long directory, byte[] name) throws EggsException, IOException {
    patiently(
        () -> {
          LookupResponse edge = lookupEdge(directory, name);
          if (InodeIds.isDirectory(edge.targetId())) {
            throw new EggsException(ErrorCode.TYPE_IS_DIRECTORY);
          }
          return shard(
              InodeIds.shard(directory),
              new SoftUnlinkFileRequest(directory, edge.targetId(), name, edge.creationTime()));
        });
  }

  /** Removes the edge to a file or symbolic link that a lookup has just found. */
  public void unlink(long directory, byte[] name, long target, long creationTime)
      throws EggsException, IOException {
    shard(
        InodeIds.shard(directory),
        new SoftUnlinkFileRequest(directory, target, name, creationTime));
  }

  /** Removes an empty directory. */
  public void rmdir(long directory, byte[] name) throws EggsException, IOException {
    patiently(
        () -> {
          LookupResponse edge = lookupEdge(directory, name);
          if (!InodeIds.isDirectory(edge.targetId())) {
            throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
          }
          return cdc(
              new SoftUnlinkDirectoryRequest(
                  directory, edge.targetId(), edge.creationTime(), name));
        });
  }

  /** Renames, within a directory or between two. Renaming something to itself does nothing. */
  public void rename(long oldDirectory, byte[] oldName, long newDirectory, byte[] newName)
      throws EggsException, IOException {
    patiently(
        () -> {
          LookupResponse edge = lookupEdge(oldDirectory, oldName);
          long target = edge.targetId();
          long created = edge.creationTime();
          if (oldDirectory == newDirectory) {
            if (!Arrays.equals(oldName, newName)) {
              shard(
                  InodeIds.shard(oldDirectory),
                  new SameDirectoryRenameRequest(target, oldDirectory, oldName, created, newName));
            }
          } else if (InodeIds.isDirectory(target)) {
            cdc(
                new RenameDirectoryRequest(
                    target, oldDirectory, oldName, created, newDirectory, newName));
          } else {
            cdc(
                new RenameFileRequest(
                    target, oldDirectory, oldName, created, newDirectory, newName));
          }
          return null;
        });
  }

  /**
   * Renames, within a directory or between two, and replaces nothing. With servers of TernFS a name
   * that appears at the same moment may be replaced.
   *
   * @return the inode that has the new name
   * @throws EggsException CANNOT_OVERRIDE_NAME if the new name exists
   */
  public long renameNoReplace(long oldDirectory, byte[] oldName, long newDirectory, byte[] newName)
      throws EggsException, IOException {
    return newNames.rename(oldDirectory, oldName, newDirectory, newName);
  }

  /**
   * Moves one certain edge, or fails when it is not there any more.
   *
   * @return the creation time of the new edge
   */
  public long renameEdge(
      long target,
      long oldDirectory,
      byte[] oldName,
      long oldCreationTime,
      long newDirectory,
      byte[] newName)
      throws EggsException, IOException {
    return patiently(
        () -> {
          if (oldDirectory == newDirectory) {
            SameDirectoryRenameResponse renamed =
                shard(
                    InodeIds.shard(oldDirectory),
                    new SameDirectoryRenameRequest(
                        target, oldDirectory, oldName, oldCreationTime, newName));
            return renamed.newCreationTime();
          }
          if (InodeIds.isDirectory(target)) {
            RenameDirectoryResponse renamed =
                cdc(
                    new RenameDirectoryRequest(
                        target, oldDirectory, oldName, oldCreationTime, newDirectory, newName));
            return renamed.creationTime();
          }
          RenameFileResponse renamed =
              cdc(
                  new RenameFileRequest(
                      target, oldDirectory, oldName, oldCreationTime, newDirectory, newName));
          return renamed.creationTime();
        });
  }

  /**
   * Brings a removed or overwritten file back under a name of the same directory. A file that has
   * the name becomes a snapshot.
   *
   * @param creationTime of the snapshot edge, which must own the file
   * @return the creation time of the new edge
   */
  public long resurrect(long target, long directory, byte[] name, long creationTime, byte[] newName)
      throws EggsException, IOException {
    return patiently(
        () -> {
          SameDirectoryRenameSnapshotResponse restored =
              shard(
                  InodeIds.shard(directory),
                  new SameDirectoryRenameSnapshotRequest(
                      target, directory, name, creationTime, newName));
          return restored.newCreationTime();
        });
  }

  /** Creates a symbolic link. */
  public long symlink(long directory, byte[] name, byte[] target)
      throws EggsException, IOException {
    try (FileWriter writer = writer(directory, name, InodeType.SYMLINK)) {
      writer.write(target, 0, target.length);
      return writer.commit();
    }
  }

  /** The target of a symbolic link. */
  public byte[] readlink(long id) throws EggsException, IOException {
    if (!InodeIds.isSymlink(id)) {
      throw new EggsException(ErrorCode.TYPE_IS_DIRECTORY, "not a symbolic link");
    }
    try (FileReader reader = open(id)) {
      if (reader.size() > SYMLINK_SIZE_MAX) {
        throw new IOException("the target of a symbolic link has " + reader.size() + " bytes");
      }
      ByteBuffer target = ByteBuffer.allocate((int) reader.size());
      reader.readFully(0, target);
      return target.array();
    }
  }

  /** Sets times of a file or symbolic link in nanoseconds since 1970; -1 leaves one as it is. */
  public void setTimes(long id, long mtime, long atime) throws EggsException, IOException {
    patiently(() -> shard(InodeIds.shard(id), setTimeRequest(id, mtime, atime)));
  }

  static SetTimeRequest setTimeRequest(long id, long mtime, long atime) {
    return new SetTimeRequest(id, time(mtime), time(atime));
  }

  /** Notes an access without waiting or certainty. */
  public void touchAccessTime(long id, long atime) {
    shardForget(InodeIds.shard(id), new SetTimeRequest(id, 0, time(atime)));
  }

  private static long time(long value) {
    return value < 0 ? 0 : value | SET;
  }

  /** Begins a new file that gets this name when it is committed. */
  public FileWriter create(long directory, byte[] name) throws EggsException, IOException {
    return writer(directory, name, InodeType.FILE);
  }

  /** The same with a file that was constructed ahead in the directory's shard. */
  public FileWriter create(long directory, byte[] name, SpanUploader.TransientFile constructed)
      throws EggsException, IOException {
    if (InodeIds.shard(directory) != InodeIds.shard(constructed.id())) {
      throw new IllegalArgumentException("the directory is in another shard than the file");
    }
    FileWriter writer = writer(directory, name, InodeType.FILE);
    writer.adopt(constructed);
    return writer;
  }

  /**
   * Constructs a file ahead of its use, so that the next creation in a shard need not wait for it.
   *
   * @param note what it is for, shown to operators who find it abandoned
   */
  public CompletableFuture<SpanUploader.TransientFile> construct(int shard, byte[] note) {
    return shardAsync(shard, new ConstructFileRequest(InodeType.FILE, note))
        .thenApply(
            response -> {
              ConstructFileResponse made = (ConstructFileResponse) response;
              return new SpanUploader.TransientFile(made.id(), made.cookie());
            });
  }

  /** Lets a file under construction expire at once; does not wait. */
  public void scrap(SpanUploader.TransientFile file) {
    shardForget(InodeIds.shard(file.id()), new ScrapTransientFileRequest(file.id(), file.cookie()));
  }

  private FileWriter writer(long directory, byte[] name, int type)
      throws EggsException, IOException {
    DirectoryPolicies resolved = policies.get(directory);
    int shard = InodeIds.shard(directory);
    return new FileWriter(
        this,
        pool,
        uploader,
        resolved,
        shard,
        type,
        name,
        config.spansInFlight(),
        linker(directory, name));
  }

  /** Gives a file under construction its name. */
  FileWriter.Linker linker(long directory, byte[] name) {
    return new FileWriter.Linker() {
      @Override
      public LinkFileRequest request(SpanUploader.TransientFile file) {
        return new LinkFileRequest(file.id(), file.cookie(), directory, name);
      }

      @Override
      public long link(SpanUploader.TransientFile file) throws EggsException, IOException {
        LinkFileResponse linked = patiently(() -> shard(InodeIds.shard(directory), request(file)));
        return linked.creationTime();
      }
    };
  }

  /** Opens a file or the text of a symbolic link for reading. */
  public FileReader open(long id) throws EggsException, IOException {
    if (InodeIds.isDirectory(id)) {
      throw new EggsException(ErrorCode.TYPE_IS_DIRECTORY);
    }
    return FileReader.open(spanReader, pool, this, id, config.readDeadline().toNanos());
  }

  /**
   * Opens the spans of a file under construction that have their place already.
   *
   * @param size up to where they reach
   */
  public FileReader openUnfinished(long id, long size) throws EggsException, IOException {
    return FileReader.openUnfinished(
        spanReader, pool, this, id, size, config.readDeadline().toNanos());
  }

  // Policies.

  /** The policies that hold in a directory, from the cache if they are fresh. */
  public DirectoryPolicies policies(long directory) throws EggsException, IOException {
    return policies.get(directory);
  }

  /**
   * Sets or removes a directory's own policy. Read, changed and written back: of two changes of one
   * directory at the same time one may be lost. Other clients see it when their caches have aged.
   *
   * @param tag of {@link org.eggsfs.protocol.DirectoryInfoTag}
   * @param body the encoded policy, null to inherit
   */
  public void setPolicy(long directory, int tag, byte[] body) throws EggsException, IOException {
    patiently(
        () -> {
          Stat stat = stat(directory);
          if (stat.info() == null) {
            throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
          }
          List<DirectoryInfoEntry> entries = new ArrayList<>();
          for (DirectoryInfoEntry entry : stat.info().entries()) {
            if (entry.tag() != tag) {
              entries.add(entry);
            }
          }
          if (body != null) {
            entries.add(new DirectoryInfoEntry(tag, body));
          }
          return shard(
              InodeIds.shard(directory),
              new SetDirectoryInfoRequest(directory, new DirectoryInfo(entries)));
        });
    policies.clear();
  }

  /** Runs a courtesy that nobody waits for, except, for a moment, the closing client. */
  void inBackground(String name, Runnable courtesy) {
    Thread thread =
        Thread.ofVirtual()
            .name(name)
            .unstarted(
                () -> {
                  try {
                    courtesy.run();
                  } finally {
                    courtesies.remove(Thread.currentThread());
                  }
                });
    courtesies.add(thread);
    thread.start();
  }

  private void awaitCourtesies() {
    long endNanos = System.nanoTime() + COURTESY_NANOS_MAX;
    try {
      for (Thread courtesy : courtesies) {
        courtesy.join(Duration.ofNanos(Math.max(1, endNanos - System.nanoTime())));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends all requests, connections and threads. Streams that are still open fail. */
  @Override
  public void close() {
    awaitCourtesies();
    metadata.close();
    blocks.close();
    shuckle.close();
    pool.close();
  }
}
