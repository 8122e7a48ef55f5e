package org.eggsfs.client;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
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
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.cdc.CdcRequest;
import org.eggsfs.protocol.cdc.CdcResponse;
import org.eggsfs.protocol.shard.ShardRequest;
import org.eggsfs.protocol.shard.ShardResponse;
import org.eggsfs.protocol.shuckle.LocalCdcRequest;
import org.eggsfs.protocol.shuckle.LocalCdcResponse;
import org.eggsfs.protocol.shuckle.LocalShardsRequest;
import org.eggsfs.protocol.shuckle.LocalShardsResponse;
import org.eggsfs.protocol.struct.AddrsInfo;
import org.eggsfs.protocol.struct.ShardInfo;

/**
 * A client of one cluster. It owns the sockets, the connection pools, the buffer memory and about
 * five threads, and sends requests; what is done with them is in three parts: {@link #paths} by
 * path, {@link #inodes} names, attributes and policies by id, {@link #files} content by id. {@link
 * TreeWalk} walks whole trees. Thread-safe; calls block and may be made from virtual threads. One
 * client per process is enough.
 *
 * <p>A write walks {@link FileWriter} → {@link SpanUploader} → {@link BlockChannel}, a read {@link
 * FileReader} → {@link SpanReader} → {@link BlockChannel}; both ask shards through {@link
 * MetadataChannel}.
 */
public final class EggsClient implements AutoCloseable, ShardCaller {
  /** Overhead of IP and UDP headers. */
  private static final int IP_UDP_HEADER_SIZE = 28;

  /** How long closing waits for abandoned files to be scrapped. */
  private static final long COURTESY_NANOS_MAX = TimeUnit.SECONDS.toNanos(2);

  private final ShuckleClient shuckle;
  private final MetadataChannel metadata;
  private final BlockChannel blocks;
  private final BufferPool pool;
  private final SpanUploader uploader;
  private final SpanReader spanReader;
  private final PathOperations paths;
  private final InodeOperations inodes;
  private final FileStreams files;
  private final NewNames newNames;
  private final LostAnswers lostAnswers = new LostAnswers(this);
  private final Set<Thread> courtesies = ConcurrentHashMap.newKeySet();

  private EggsClient(
      ClientConfig config, ShuckleClient shuckle, MetadataChannel metadata, BlockChannel blocks) {
    this.shuckle = shuckle;
    this.metadata = metadata;
    this.blocks = blocks;
    this.pool = new BufferPool(config.memoryBudget());
    PolicyCache policies =
        new PolicyCache(
            request -> shard(InodeIds.shard(request.id()), request), config.policyTtl().toNanos());
    this.uploader = new SpanUploader(this, blocks, config.writeDeadline().toNanos());
    this.spanReader = new SpanReader(blocks, pool);
    this.inodes = new InodeOperations(this, policies);
    ShardSupport support = new ShardSupport(this, metadata, config.shardRetry());
    this.newNames = new NewNames(this, metadata, support, config.cdcRetry());
    this.files = new FileStreams(this, config, pool, policies, uploader, spanReader, support);
    this.paths = new PathOperations(inodes, files);
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

  /** Operations by path. */
  public PathOperations paths() {
    return paths;
  }

  /** Operations on names, attributes and policies by inode id. */
  public InodeOperations inodes() {
    return inodes;
  }

  /** Names that must be new. */
  public NewNames newNames() {
    return newNames;
  }

  /** Files and symbolic links to write and to read, by inode id. */
  public FileStreams files() {
    return files;
  }

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
