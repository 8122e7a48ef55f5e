package org.eggsfs.tests.cluster;

import java.time.Duration;
import org.eggsfs.tests.faults.PacketFaults;

/**
 * The shape of a cluster.
 *
 * @param processes one process for each role and block server instead of one for all
 * @param blockServers failure domains; 18 are 14 for a span and 4 that may be lost
 * @param servicesPerClass HDD, and as many FLASH, block services of each block server
 * @param clientFaults what happens to packets between clients and shards or CDC
 * @param cdcFaults what happens to packets between CDC and shards; needs {@code processes}
 * @param ownClocks each process has a clock that can be stepped; needs {@code processes}
 * @param transientDeadline how long an unfinished file lives without a change
 */
public record ClusterConfig(
    boolean processes,
    int blockServers,
    int servicesPerClass,
    PacketFaults clientFaults,
    PacketFaults cdcFaults,
    boolean ownClocks,
    Duration transientDeadline) {

  /** Spans of 14 blocks still find a place when four servers are gone. */
  public static final int BLOCK_SERVERS = 18;

  /** Longer than a writer is held up by any fault, on a slow machine too. */
  private static final Duration PATIENT = Duration.ofSeconds(60);

  /** Everything in one process, no faults. */
  public static final ClusterConfig ONE_PROCESS =
      new ClusterConfig(
          false, BLOCK_SERVERS, 1, PacketFaults.NONE, PacketFaults.NONE, false, PATIENT);

  /** A process for each role and block server, no faults. */
  public static final ClusterConfig PROCESSES =
      new ClusterConfig(
          true, BLOCK_SERVERS, 1, PacketFaults.NONE, PacketFaults.NONE, false, PATIENT);

  /** The same with faulty networks. */
  public ClusterConfig withFaults(PacketFaults clients, PacketFaults cdc) {
    return new ClusterConfig(
        processes, blockServers, servicesPerClass, clients, cdc, ownClocks, transientDeadline);
  }

  /** The same with so many block services of each class in each block server. */
  public ClusterConfig withServices(int services) {
    return new ClusterConfig(
        processes, blockServers, services, clientFaults, cdcFaults, ownClocks, transientDeadline);
  }

  /** The same with so many block servers. */
  public ClusterConfig withBlockServers(int servers) {
    return new ClusterConfig(
        processes,
        servers,
        servicesPerClass,
        clientFaults,
        cdcFaults,
        ownClocks,
        transientDeadline);
  }

  /** The same with a clock for each process. */
  public ClusterConfig withOwnClocks() {
    return new ClusterConfig(
        processes,
        blockServers,
        servicesPerClass,
        clientFaults,
        cdcFaults,
        true,
        transientDeadline);
  }

  /** The same where unfinished files live so long without a change. */
  public ClusterConfig withTransientDeadline(Duration deadline) {
    return new ClusterConfig(
        processes, blockServers, servicesPerClass, clientFaults, cdcFaults, ownClocks, deadline);
  }

  /** The same in processes. */
  public ClusterConfig inProcesses() {
    return new ClusterConfig(
        true,
        blockServers,
        servicesPerClass,
        clientFaults,
        cdcFaults,
        ownClocks,
        transientDeadline);
  }
}
