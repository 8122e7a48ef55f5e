package org.eggsfs.shard.server;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import org.eggsfs.protocol.ProtocolConstants;

/**
 * Configuration of a {@link ShardHost}. Durations are nanoseconds.
 *
 * @param dataDirectory holds the database, the chosen ports and the last block service list
 * @param shards which of the 256 shards this process hosts
 * @param addresses one or two IPv4 addresses to bind and advertise
 * @param firstPort UDP port of shard 0 on the first address, shard n is n higher, the second
 *     address 256 higher again; 0 = any free ports, remembered in the data directory
 * @param shuckleAddresses where the shuckle is
 * @param locationId the site
 * @param transientDeadlineInterval how long a file under construction lives without a change
 * @param refreshInterval between two full fetches of the block services
 * @param registerInterval between two registrations
 * @param cdcKey key of the signed channel, 16 bytes
 * @param loopCount event loops, but no more than shards; a shard belongs to one
 */
public record ShardHostConfig(
    Path dataDirectory,
    BitSet shards,
    List<InetAddress> addresses,
    int firstPort,
    List<InetSocketAddress> shuckleAddresses,
    int locationId,
    long transientDeadlineInterval,
    long refreshInterval,
    long registerInterval,
    byte[] cdcKey,
    int loopCount) {
  private static final long SECOND = 1_000_000_000L;

  /** Default life of a file under construction: two hours. */
  public static final long TRANSIENT_DEADLINE_INTERVAL = 2 * 3600 * SECOND;

  /** Default period of block service fetches. */
  public static final long REFRESH_INTERVAL = 20 * SECOND;

  /** Default period of registrations. */
  public static final long REGISTER_INTERVAL = 120 * SECOND;

  /** Checks ranges. */
  public ShardHostConfig {
    if (shards.isEmpty() || shards.length() > ProtocolConstants.SHARD_COUNT) {
      throw new IllegalArgumentException("shards must be some of 0..255, not " + shards);
    }
    if (addresses.isEmpty() || addresses.size() > 2) {
      throw new IllegalArgumentException("one or two addresses, not " + addresses.size());
    }
    if (firstPort < 0 || firstPort + addresses.size() * 256 > 65536) {
      throw new IllegalArgumentException(
          "first port " + firstPort + " leaves no room for 256 shards");
    }
    if (locationId < 0 || locationId >= ProtocolConstants.INVALID_LOCATION) {
      throw new IllegalArgumentException("location " + locationId + " is not 0..254");
    }
    if (transientDeadlineInterval <= 0 || refreshInterval <= 0 || registerInterval <= 0) {
      throw new IllegalArgumentException("intervals must be positive");
    }
    if (cdcKey.length != 16) {
      throw new IllegalArgumentException("the CDC key has 16 bytes, not " + cdcKey.length);
    }
    if (loopCount < 1) {
      throw new IllegalArgumentException("at least one event loop");
    }
  }

  /** All 256 shards on loopback with default settings. */
  public static ShardHostConfig of(Path dataDirectory, List<InetSocketAddress> shuckleAddresses) {
    BitSet all = new BitSet();
    all.set(0, ProtocolConstants.SHARD_COUNT);
    return new ShardHostConfig(
        dataDirectory,
        all,
        List.of(InetAddress.getLoopbackAddress()),
        0,
        shuckleAddresses,
        ProtocolConstants.DEFAULT_LOCATION,
        TRANSIENT_DEADLINE_INTERVAL,
        REFRESH_INTERVAL,
        REGISTER_INTERVAL,
        ProtocolConstants.keyCdc(),
        Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 16));
  }

  /** The same for other shards. */
  public ShardHostConfig withShards(BitSet newShards) {
    return new ShardHostConfig(
        dataDirectory,
        newShards,
        addresses,
        firstPort,
        shuckleAddresses,
        locationId,
        transientDeadlineInterval,
        refreshInterval,
        registerInterval,
        cdcKey,
        loopCount);
  }

  /** The same on other addresses. */
  public ShardHostConfig withAddresses(List<InetAddress> newAddresses, int newFirstPort) {
    return new ShardHostConfig(
        dataDirectory,
        shards,
        newAddresses,
        newFirstPort,
        shuckleAddresses,
        locationId,
        transientDeadlineInterval,
        refreshInterval,
        registerInterval,
        cdcKey,
        loopCount);
  }

  /** The same with other intervals, in nanoseconds. */
  public ShardHostConfig withIntervals(
      long newTransientDeadline, long newRefresh, long newRegister) {
    return new ShardHostConfig(
        dataDirectory,
        shards,
        addresses,
        firstPort,
        shuckleAddresses,
        locationId,
        newTransientDeadline,
        newRefresh,
        newRegister,
        cdcKey,
        loopCount);
  }
}
