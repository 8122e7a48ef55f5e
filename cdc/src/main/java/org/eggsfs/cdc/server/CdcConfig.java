package org.eggsfs.cdc.server;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import org.eggsfs.protocol.ProtocolConstants;

/**
 * Configuration of a {@link CdcServer}. Durations are nanoseconds.
 *
 * @param dataDirectory holds the database and the chosen ports
 * @param bindAddresses one or two UDP addresses to bind and advertise; port 0 = any free one,
 *     remembered in the data directory
 * @param shuckleAddresses where the shuckle is
 * @param locationId the site
 * @param shardTimeout after which silence a shard is asked again the first time
 * @param refreshInterval between two fetches of the shards' addresses
 * @param registerInterval between two registrations
 * @param cdcKey key of the signed channel to the shards, 16 bytes
 * @param snapshotEnabled whether anybody may make checkpoints of the database by CDC_SNAPSHOT
 */
public record CdcConfig(
    Path dataDirectory,
    List<InetSocketAddress> bindAddresses,
    List<InetSocketAddress> shuckleAddresses,
    int locationId,
    long shardTimeout,
    long refreshInterval,
    long registerInterval,
    byte[] cdcKey,
    boolean snapshotEnabled) {
  private static final long SECOND = 1_000_000_000L;

  /** Default time to wait for a shard. */
  public static final long SHARD_TIMEOUT = SECOND / 10;

  /** Default period of address fetches. */
  public static final long REFRESH_INTERVAL = 60 * SECOND;

  /** Default period of registrations. */
  public static final long REGISTER_INTERVAL = 60 * SECOND;

  /** Checks ranges. */
  public CdcConfig {
    bindAddresses = List.copyOf(bindAddresses);
    shuckleAddresses = List.copyOf(shuckleAddresses);
    if (bindAddresses.isEmpty() || bindAddresses.size() > 2) {
      throw new IllegalArgumentException("one or two addresses, not " + bindAddresses.size());
    }
    if (locationId < 0 || locationId >= ProtocolConstants.INVALID_LOCATION) {
      throw new IllegalArgumentException("location " + locationId + " is not 0..254");
    }
    if (shardTimeout <= 0 || refreshInterval <= 0 || registerInterval <= 0) {
      throw new IllegalArgumentException("times must be positive");
    }
    if (cdcKey.length != 16) {
      throw new IllegalArgumentException("the CDC key has 16 bytes, not " + cdcKey.length);
    }
  }

  /** With the public key and without snapshots; a time that is null takes its default. */
  public CdcConfig(
      Path dataDirectory,
      List<InetSocketAddress> bindAddresses,
      List<InetSocketAddress> shuckleAddresses,
      int locationId,
      Long shardTimeout,
      Long refreshInterval,
      Long registerInterval) {
    this(
        dataDirectory,
        bindAddresses,
        shuckleAddresses,
        locationId,
        shardTimeout == null ? SHARD_TIMEOUT : shardTimeout,
        refreshInterval == null ? REFRESH_INTERVAL : refreshInterval,
        registerInterval == null ? REGISTER_INTERVAL : registerInterval,
        ProtocolConstants.keyCdc(),
        false);
  }

  /** The same with another key for the channel to the shards. */
  public CdcConfig withCdcKey(byte[] newKey) {
    return new CdcConfig(
        dataDirectory,
        bindAddresses,
        shuckleAddresses,
        locationId,
        shardTimeout,
        refreshInterval,
        registerInterval,
        newKey,
        snapshotEnabled);
  }

  /** The same with CDC_SNAPSHOT allowed or not. */
  public CdcConfig withSnapshots(boolean enabled) {
    return new CdcConfig(
        dataDirectory,
        bindAddresses,
        shuckleAddresses,
        locationId,
        shardTimeout,
        refreshInterval,
        registerInterval,
        cdcKey,
        enabled);
  }
}
