package org.eggsfs.client;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.metadata.RetryPolicy;
import org.eggsfs.client.span.SpanUploader;
import org.eggsfs.net.Addresses;
import org.eggsfs.protocol.ProtocolConstants;

/**
 * What a client can be told (client.md section 13). Immutable; made with {@link #builder}, which
 * checks every value.
 */
public final class ClientConfig {
  /** Buffers of streams: enough for four spans of the default policy in flight. */
  public static final long MEMORY_BUDGET_DEFAULT = 192L << 20;

  private static final long MEMORY_BUDGET_MIN = 8L << 20;

  private final List<InetSocketAddress> shuckles;
  private final InetSocketAddress metadataSource;
  private final List<InetSocketAddress> blockSources;
  private final RetryPolicy shardRetry;
  private final RetryPolicy cdcRetry;
  private final int mtu;
  private final int metadataSockets;
  private final long memoryBudget;
  private final int blockLoops;
  private final int connectionsPerServer;
  private final Duration policyTtl;
  private final Duration readDeadline;
  private final Duration writeDeadline;
  private final int spansInFlight;

  private ClientConfig(Builder b) {
    shuckles = List.copyOf(b.shuckles);
    metadataSource = b.metadataSource;
    blockSources = List.copyOf(b.blockSources);
    shardRetry = b.shardRetry;
    cdcRetry = b.cdcRetry;
    mtu = b.mtu;
    // Only one socket can have a certain port.
    metadataSockets = b.metadataSource.getPort() == 0 ? b.metadataSockets : 1;
    memoryBudget = b.memoryBudget;
    blockLoops = b.blockLoops;
    connectionsPerServer = b.connectionsPerServer;
    policyTtl = b.policyTtl;
    readDeadline = b.readDeadline;
    writeDeadline = b.writeDeadline;
    spansInFlight = b.spansInFlight;
    require(!shuckles.isEmpty(), "at least one shuckle address is needed");
    require(blockSources.size() <= 2, "at most two local addresses for block connections");
    require(
        mtu == 0
            || (mtu >= ProtocolConstants.DEFAULT_UDP_MTU && mtu <= ProtocolConstants.MAX_UDP_MTU),
        "mtu must be 0 (find out) or 1472 to 8972");
    require(
        b.metadataSockets >= 1
            && b.metadataSockets <= 16
            && Integer.bitCount(b.metadataSockets) == 1,
        "the number of metadata sockets must be 1, 2, 4, 8 or 16");
    require(memoryBudget >= MEMORY_BUDGET_MIN, "the memory budget must be at least 8 MiB");
    require(blockLoops >= 1 && blockLoops <= 64, "1 to 64 block loops");
    require(
        connectionsPerServer >= 1 && connectionsPerServer <= 64, "1 to 64 connections per server");
    require(!policyTtl.isNegative(), "the policy time to live is negative");
    require(!readDeadline.isNegative(), "the read deadline is negative");
    require(!writeDeadline.isNegative(), "the write deadline is negative");
    require(spansInFlight >= 1 && spansInFlight <= 64, "1 to 64 spans in flight");
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /** A builder with all defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** Addresses of the shuckle's replicas. */
  public List<InetSocketAddress> shuckles() {
    return shuckles;
  }

  /** Local address of the UDP sockets; port 0 = any. With another port there is one socket. */
  public InetSocketAddress metadataSource() {
    return metadataSource;
  }

  /** Local addresses of block connections, used in turn; none = the system chooses. */
  public List<InetSocketAddress> blockSources() {
    return blockSources;
  }

  /** Time-outs of shard requests. */
  public RetryPolicy shardRetry() {
    return shardRetry;
  }

  /** Time-outs of CDC requests. */
  public RetryPolicy cdcRetry() {
    return cdcRetry;
  }

  /** Largest metadata answer to ask for; 0 = as large as the local interface carries. */
  public int mtu() {
    return mtu;
  }

  /** UDP sockets, each with a receiver thread. */
  public int metadataSockets() {
    return metadataSockets;
  }

  /** Bytes of stream buffers. */
  public long memoryBudget() {
    return memoryBudget;
  }

  /** Threads that do the I/O of block connections. */
  public int blockLoops() {
    return blockLoops;
  }

  /** Most TCP connections to one block server for fetches, and as many for writes. */
  public int connectionsPerServer() {
    return connectionsPerServer;
  }

  /** How long a directory's policies are believed. */
  public Duration policyTtl() {
    return policyTtl;
  }

  /** How long a read of an unreadable span is tried again. */
  public Duration readDeadline() {
    return readDeadline;
  }

  /** How long places are waited for while too few block servers can be written to. */
  public Duration writeDeadline() {
    return writeDeadline;
  }

  /** Most spans of one file that are written at the same time. */
  public int spansInFlight() {
    return spansInFlight;
  }

  /** Collects the values. */
  public static final class Builder {
    private final List<InetSocketAddress> shuckles = new ArrayList<>();
    private InetSocketAddress metadataSource = new InetSocketAddress(0);
    private final List<InetSocketAddress> blockSources = new ArrayList<>();
    private RetryPolicy shardRetry = RetryPolicy.SHARD;
    private RetryPolicy cdcRetry = RetryPolicy.CDC;
    private int mtu;
    private int metadataSockets = 2;
    private long memoryBudget = MEMORY_BUDGET_DEFAULT;
    private int blockLoops = 2;
    private int connectionsPerServer = 4;
    private Duration policyTtl = Duration.ofHours(1);
    private Duration readDeadline = Duration.ofSeconds(60);
    private Duration writeDeadline = Duration.ofNanos(SpanUploader.PLACES_NANOS_MAX);
    private int spansInFlight = 4;

    private Builder() {}

    /** Adds a shuckle address. */
    public Builder shuckle(InetSocketAddress address) {
      shuckles.add(address);
      return this;
    }

    /** Adds shuckle addresses written as {@code host:port}, separated by commas. */
    public Builder shuckle(String addresses) {
      shuckles.addAll(Addresses.parseList(addresses));
      return this;
    }

    /** See {@link ClientConfig#metadataSource}. */
    public Builder metadataSource(InetSocketAddress address) {
      metadataSource = address;
      return this;
    }

    /** See {@link ClientConfig#blockSources}. */
    public Builder blockSource(InetSocketAddress address) {
      blockSources.add(address);
      return this;
    }

    /** See {@link ClientConfig#shardRetry}. */
    public Builder shardRetry(RetryPolicy policy) {
      shardRetry = policy;
      return this;
    }

    /** See {@link ClientConfig#cdcRetry}. */
    public Builder cdcRetry(RetryPolicy policy) {
      cdcRetry = policy;
      return this;
    }

    /** See {@link ClientConfig#mtu}. */
    public Builder mtu(int bytes) {
      mtu = bytes;
      return this;
    }

    /** See {@link ClientConfig#metadataSockets}. */
    public Builder metadataSockets(int count) {
      metadataSockets = count;
      return this;
    }

    /** See {@link ClientConfig#memoryBudget}. */
    public Builder memoryBudget(long bytes) {
      memoryBudget = bytes;
      return this;
    }

    /** See {@link ClientConfig#blockLoops}. */
    public Builder blockLoops(int count) {
      blockLoops = count;
      return this;
    }

    /** See {@link ClientConfig#connectionsPerServer}. */
    public Builder connectionsPerServer(int count) {
      connectionsPerServer = count;
      return this;
    }

    /** See {@link ClientConfig#policyTtl}. */
    public Builder policyTtl(Duration ttl) {
      policyTtl = ttl;
      return this;
    }

    /** See {@link ClientConfig#readDeadline}. */
    public Builder readDeadline(Duration deadline) {
      readDeadline = deadline;
      return this;
    }

    /** See {@link ClientConfig#writeDeadline}. */
    public Builder writeDeadline(Duration deadline) {
      writeDeadline = deadline;
      return this;
    }

    /** See {@link ClientConfig#spansInFlight}. */
    public Builder spansInFlight(int count) {
      spansInFlight = count;
      return this;
    }

    /**
     * The configuration.
     *
     * @throws IllegalArgumentException if a value is out of range
     */
    public ClientConfig build() {
      return new ClientConfig(this);
    }
  }
}
