package org.eggsfs.blocks.server;

import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongSupplier;
import org.eggsfs.protocol.ProtocolConstants;
import org.eggsfs.protocol.StorageClass;

/**
 * Configuration of a {@link BlockServer}. Durations are nanoseconds.
 *
 * @param disks directories to serve, one block service each
 * @param failureDomain 1..16 bytes of UTF-8; what fails together with this process
 * @param locationId the site
 * @param bindAddresses one or two IPv4 endpoints to bind and advertise; port 0 = any
 * @param pathPrefix host part of the advertised paths
 * @param shuckleAddresses where the shuckle is; empty = no registration
 * @param eraseCutoff how old a block must be before it may be erased
 * @param writeCutoff how old a block may be when it is written
 * @param connectionTimeout limit of a pause between requests, and of one request
 * @param reservedBytes subtracted from the reported capacity and free space
 * @param registerInterval between two registrations
 * @param verifyWrites whether a written file is read again before it is acknowledged
 * @param connectionsMax at a time; beyond it one that has been idle for a while is closed for a new
 *     one, and if there is none, the new one is
 * @param idleMin what counts as idle for a while
 * @param diskTimes how closely the disks are watched
 * @param wallClock nanoseconds since the epoch
 */
public record BlockServerConfig(
    List<Disk> disks,
    String failureDomain,
    int locationId,
    List<InetSocketAddress> bindAddresses,
    String pathPrefix,
    List<InetSocketAddress> shuckleAddresses,
    long eraseCutoff,
    long writeCutoff,
    long connectionTimeout,
    long reservedBytes,
    long registerInterval,
    boolean verifyWrites,
    int connectionsMax,
    long idleMin,
    DiskTimes diskTimes,
    LongSupplier wallClock) {
  private static final long SECOND = 1_000_000_000L;

  /** Default age before which a block cannot be erased: one hour. */
  public static final long ERASE_CUTOFF = 3600 * SECOND;

  /** Default age after which a block cannot be written: five minutes. */
  public static final long WRITE_CUTOFF = 300 * SECOND;

  /** Default connection limit: ten minutes. */
  public static final long CONNECTION_TIMEOUT = 600 * SECOND;

  /** Default reserve: 100 GiB. */
  public static final long RESERVED_BYTES = 100L << 30;

  /** Default registration period. */
  public static final long REGISTER_INTERVAL = 60 * SECOND;

  /** Default limit of connections, each of which has a thread. */
  public static final int CONNECTIONS_MAX = 2000;

  /** Default of what counts as an idle connection: ten seconds. */
  public static final long IDLE_MIN = 10 * SECOND;

  /** One block service. */
  public record Disk(Path directory, int storageClass) {
    /** Only HDD and FLASH hold blocks. */
    public Disk {
      if (storageClass != StorageClass.HDD && storageClass != StorageClass.FLASH) {
        throw new IllegalArgumentException(
            "storage class "
                + StorageClass.name(storageClass)
                + " of "
                + directory
                + "; use HDD or FLASH");
      }
    }
  }

  /** Checks ranges. */
  public BlockServerConfig {
    int domainLength = failureDomain.getBytes(StandardCharsets.UTF_8).length;
    if (domainLength < 1 || domainLength > 16) {
      throw new IllegalArgumentException(
          "the failure domain '" + failureDomain + "' must have 1 to 16 bytes");
    }
    if (disks.isEmpty()) {
      throw new IllegalArgumentException("at least one directory with its storage class");
    }
    if (bindAddresses.isEmpty() || bindAddresses.size() > 2) {
      throw new IllegalArgumentException("one or two addresses, not " + bindAddresses.size());
    }
    if (locationId < 0 || locationId >= ProtocolConstants.INVALID_LOCATION) {
      throw new IllegalArgumentException("location " + locationId + " is not 0..254");
    }
    if (connectionsMax < 1 || idleMin <= 0) {
      throw new IllegalArgumentException("at least one connection, idle for some time");
    }
    if (eraseCutoff < 0 || writeCutoff <= 0 || registerInterval <= 0 || reservedBytes < 0) {
      throw new IllegalArgumentException("cut-offs, interval and reserve must not be negative");
    }
  }

  /** Default settings for some disks. */
  public static BlockServerConfig of(
      List<Disk> disks,
      String failureDomain,
      InetSocketAddress bindAddress,
      List<InetSocketAddress> shuckleAddresses) {
    return new BlockServerConfig(
        disks,
        failureDomain,
        ProtocolConstants.DEFAULT_LOCATION,
        List.of(bindAddress),
        failureDomain,
        shuckleAddresses,
        ERASE_CUTOFF,
        WRITE_CUTOFF,
        CONNECTION_TIMEOUT,
        RESERVED_BYTES,
        REGISTER_INTERVAL,
        false,
        CONNECTIONS_MAX,
        IDLE_MIN,
        DiskTimes.STANDARD,
        BlockServerConfig::now);
  }

  private static long now() {
    java.time.Instant now = java.time.Instant.now();
    return now.getEpochSecond() * SECOND + now.getNano();
  }

  /** The same with other cut-offs and reserve. */
  public BlockServerConfig withLimits(
      long newEraseCutoff, long newWriteCutoff, long newReservedBytes, long newRegisterInterval) {
    return new BlockServerConfig(
        disks,
        failureDomain,
        locationId,
        bindAddresses,
        pathPrefix,
        shuckleAddresses,
        newEraseCutoff,
        newWriteCutoff,
        connectionTimeout,
        newReservedBytes,
        newRegisterInterval,
        verifyWrites,
        connectionsMax,
        idleMin,
        diskTimes,
        wallClock);
  }

  /** The same with another clock and connection limit, for tests. */
  public BlockServerConfig withClock(LongSupplier newWallClock, long newConnectionTimeout) {
    return new BlockServerConfig(
        disks,
        failureDomain,
        locationId,
        bindAddresses,
        pathPrefix,
        shuckleAddresses,
        eraseCutoff,
        writeCutoff,
        newConnectionTimeout,
        reservedBytes,
        registerInterval,
        verifyWrites,
        connectionsMax,
        idleMin,
        diskTimes,
        newWallClock);
  }

  /** The same with another limit of connections and closer watch on the disks, for tests. */
  public BlockServerConfig withWatch(
      int newConnectionsMax, long newIdleMin, DiskTimes newDiskTimes) {
    return new BlockServerConfig(
        disks,
        failureDomain,
        locationId,
        bindAddresses,
        pathPrefix,
        shuckleAddresses,
        eraseCutoff,
        writeCutoff,
        connectionTimeout,
        reservedBytes,
        registerInterval,
        verifyWrites,
        newConnectionsMax,
        newIdleMin,
        newDiskTimes,
        wallClock);
  }
}
