package org.eggsfs.shuckle.server;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import org.eggsfs.net.HostClock;
import org.eggsfs.protocol.ProtocolConstants;

/**
 * Configuration of a {@link ShuckleServer}. Durations are nanoseconds. Made by {@link #builder}.
 *
 * @param dataDirectory holds the database
 * @param bindAddresses one or two IPv4 endpoints to listen on; port 0 = any
 * @param advertisedAddresses what is published; empty = what is bound
 * @param locationId the site whose shards are the "local" ones
 * @param stalenessDelay a block service not seen for so long is flagged STALE
 * @param useDelay a block service must be unchanged for so long before shards write to it
 * @param minAutoDecommissionInterval between two automatic decommissionings
 * @param unavailableDomainsMax an automatic decommissioning must leave fewer failure domains than
 *     this unreadable
 * @param maxWritablePerShard block services of one storage class that a shard may write to
 * @param assignmentInterval the assignment is recomputed at least so often
 * @param maxConnections at a time; further ones take the places of idle ones, or are closed
 * @param enforceStableIp a registration must share an address with the previous one
 * @param enforceStableLeader leaders change by MOVE requests only
 * @param clock the times of entries, and how long block services have been silent
 */
public record ShuckleConfig(
    Path dataDirectory,
    List<InetSocketAddress> bindAddresses,
    List<InetSocketAddress> advertisedAddresses,
    int locationId,
    long stalenessDelay,
    long useDelay,
    long minAutoDecommissionInterval,
    int unavailableDomainsMax,
    int maxWritablePerShard,
    long assignmentInterval,
    int maxConnections,
    boolean enforceStableIp,
    boolean enforceStableLeader,
    HostClock clock) {
  private static final long SECOND = 1_000_000_000L;

  /** TernFS's default port. */
  public static final int DEFAULT_PORT = 10_001;

  /** Default of {@link #stalenessDelay}: three minutes. */
  public static final long STALENESS_DELAY = 180 * SECOND;

  /** Default of {@link #minAutoDecommissionInterval}: one hour. */
  public static final long MIN_AUTO_DECOMMISSION_INTERVAL = 3600 * SECOND;

  /** Default of {@link #unavailableDomainsMax}: data survives the loss of four blocks per span. */
  public static final int UNAVAILABLE_DOMAINS_MAX = 3;

  /** Default of {@link #maxWritablePerShard}: two of the widest default spans. */
  public static final int MAX_WRITABLE_PER_SHARD = 28;

  /** Default of {@link #assignmentInterval}: half an hour. */
  public static final long ASSIGNMENT_INTERVAL = 1800 * SECOND;

  /** Default of {@link #maxConnections}. */
  public static final int MAX_CONNECTIONS = 4_000;

  /** Checks ranges. */
  public ShuckleConfig {
    bindAddresses = List.copyOf(bindAddresses);
    advertisedAddresses = List.copyOf(advertisedAddresses);
    if (bindAddresses.isEmpty() || bindAddresses.size() > 2 || advertisedAddresses.size() > 2) {
      throw new IllegalArgumentException(
          "one or two addresses, not " + bindAddresses + " and " + advertisedAddresses);
    }
    if (locationId < 0 || locationId >= ProtocolConstants.INVALID_LOCATION) {
      throw new IllegalArgumentException("location " + locationId + " is not 0..254");
    }
    if (stalenessDelay <= 0 || assignmentInterval <= 0) {
      throw new IllegalArgumentException(
          "the staleness delay and the assignment interval must be positive");
    }
    if (useDelay < 0 || minAutoDecommissionInterval < 0) {
      throw new IllegalArgumentException("delays must not be negative");
    }
    if (unavailableDomainsMax < 1 || maxWritablePerShard < 1 || maxConnections < 1) {
      throw new IllegalArgumentException("limits must be positive");
    }
    if (maxWritablePerShard > ProtocolConstants.MAX_LIST_LENGTH) {
      throw new IllegalArgumentException(
          "at most 65535 writable block services per shard, not " + maxWritablePerShard);
    }
  }

  /** Starts from the defaults: loopback, port {@value #DEFAULT_PORT}. */
  public static Builder builder(Path dataDirectory) {
    return new Builder(dataDirectory);
  }

  /** Collects settings; each method sets the component of its name. */
  public static final class Builder {
    private final Path dataDirectory;
    private List<InetSocketAddress> bindAddresses =
        List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), DEFAULT_PORT));
    private List<InetSocketAddress> advertisedAddresses = List.of();
    private int locationId;
    private long stalenessDelay = STALENESS_DELAY;
    private long useDelay;
    private long minAutoDecommissionInterval = MIN_AUTO_DECOMMISSION_INTERVAL;
    private int unavailableDomainsMax = UNAVAILABLE_DOMAINS_MAX;
    private int maxWritablePerShard = MAX_WRITABLE_PER_SHARD;
    private long assignmentInterval = ASSIGNMENT_INTERVAL;
    private int maxConnections = MAX_CONNECTIONS;
    private boolean enforceStableIp;
    private boolean enforceStableLeader;
    private HostClock clock = HostClock.SYSTEM;

    private Builder(Path dataDirectory) {
      this.dataDirectory = dataDirectory;
    }

    /** Endpoints to listen on. */
    public Builder bindAddresses(List<InetSocketAddress> value) {
      bindAddresses = value;
      return this;
    }

    /** Endpoints to publish. */
    public Builder advertisedAddresses(List<InetSocketAddress> value) {
      advertisedAddresses = value;
      return this;
    }

    /** The site. */
    public Builder locationId(int value) {
      locationId = value;
      return this;
    }

    /** Silence after which a block service is stale. */
    public Builder stalenessDelay(long value) {
      stalenessDelay = value;
      return this;
    }

    /** Time without changes before a block service is written to. */
    public Builder useDelay(long value) {
      useDelay = value;
      return this;
    }

    /** Time between automatic decommissionings. */
    public Builder minAutoDecommissionInterval(long value) {
      minAutoDecommissionInterval = value;
      return this;
    }

    /** Limit of unreadable failure domains. */
    public Builder unavailableDomainsMax(int value) {
      unavailableDomainsMax = value;
      return this;
    }

    /** Block services per shard and class. */
    public Builder maxWritablePerShard(int value) {
      maxWritablePerShard = value;
      return this;
    }

    /** Time between assignments. */
    public Builder assignmentInterval(long value) {
      assignmentInterval = value;
      return this;
    }

    /** Limit of connections. */
    public Builder maxConnections(int value) {
      maxConnections = value;
      return this;
    }

    /** Refuse registrations from elsewhere. */
    public Builder enforceStableIp(boolean value) {
      enforceStableIp = value;
      return this;
    }

    /** Refuse claims of leadership. */
    public Builder enforceStableLeader(boolean value) {
      enforceStableLeader = value;
      return this;
    }

    /** The clocks. */
    public Builder clock(HostClock value) {
      clock = value;
      return this;
    }

    /** Checks everything. */
    public ShuckleConfig build() {
      return new ShuckleConfig(
          dataDirectory,
          bindAddresses,
          advertisedAddresses,
          locationId,
          stalenessDelay,
          useDelay,
          minAutoDecommissionInterval,
          unavailableDomainsMax,
          maxWritablePerShard,
          assignmentInterval,
          maxConnections,
          enforceStableIp,
          enforceStableLeader,
          clock);
    }
  }
}
