package org.eggsfs.run;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.eggsfs.blocks.server.BlockServerConfig;
import org.eggsfs.cdc.server.CdcConfig;
import org.eggsfs.cli.CommandFailure;
import org.eggsfs.cli.ExitCodes;
import org.eggsfs.gc.GcConfig;
import org.eggsfs.gc.ShardWork;
import org.eggsfs.gc.collect.CollectConfig;
import org.eggsfs.gc.destruct.DestructConfig;
import org.eggsfs.gc.repair.RepairSettings;
import org.eggsfs.shard.server.ShardHostConfig;
import org.eggsfs.shuckle.server.ShuckleConfig;

/** The configuration of each role of a local instance, from the options of the whole. */
final class RoleConfigs {
  private static final long SECOND = 1_000_000_000L;

  /**
   * On one machine looking often costs nothing, and an instance is then ready at once and notices a
   * lost block server soon.
   */
  static final long REFRESH_INTERVAL = 5 * SECOND;

  /** How often block servers and shards say that they are there. */
  static final long REGISTER_INTERVAL = 15 * SECOND;

  /** 40 TB in a month, in the background of everything else. */
  static final double SCRUB_BYTES_PER_SECOND = 16 << 20;

  /** The same for small blocks, half a billion in a month. */
  static final double SCRUB_BLOCKS_PER_SECOND = 200;

  private final InstanceOptions options;
  private final InstanceLayout layout;

  RoleConfigs(InstanceOptions options, InstanceLayout layout) {
    this.options = options;
    this.layout = layout;
  }

  InetAddress host() throws CommandFailure {
    try {
      return InetAddress.getByName(options.host);
    } catch (UnknownHostException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--host " + options.host + ": no such address");
    }
  }

  ShuckleConfig shuckle() throws CommandFailure {
    return ShuckleConfig.builder(layout.shuckle())
        .bindAddresses(List.of(new InetSocketAddress(host(), options.shucklePort)))
        .stalenessDelay(
            InstanceOptions.orElse(options.stalenessDelay, ShuckleConfig.STALENESS_DELAY))
        .build();
  }

  long refreshInterval() {
    return InstanceOptions.orElse(options.refreshInterval, REFRESH_INTERVAL);
  }

  long registerInterval() {
    return InstanceOptions.orElse(options.registerInterval, REGISTER_INTERVAL);
  }

  ShardHostConfig shards(List<InetSocketAddress> shuckle) throws CommandFailure {
    return ShardHostConfig.of(layout.shards(), shuckle)
        .withAddresses(List.of(host()), 0)
        .withIntervals(
            InstanceOptions.orElse(
                options.transientDeadlineInterval, ShardHostConfig.TRANSIENT_DEADLINE_INTERVAL),
            refreshInterval(),
            registerInterval());
  }

  CdcConfig cdc(List<InetSocketAddress> shuckle) throws CommandFailure {
    return cdc(
        layout.cdc(),
        List.of(new InetSocketAddress(host(), 0)),
        shuckle,
        0,
        null,
        refreshInterval(),
        registerInterval());
  }

  /** A CDC's configuration; null stands for the default of a time. */
  static CdcConfig cdc(
      Path dataDirectory,
      List<InetSocketAddress> bindAddresses,
      List<InetSocketAddress> shuckle,
      int locationId,
      Long shardTimeout,
      Long refreshInterval,
      Long registerInterval) {
    return new CdcConfig(
        dataDirectory,
        bindAddresses,
        shuckle,
        locationId,
        shardTimeout,
        refreshInterval,
        registerInterval);
  }

  /** Repair and migration, gently: all disks of a local instance may be one. */
  GcRepairOptions gcRepair() {
    GcRepairOptions repair = new GcRepairOptions();
    repair.scrub = true;
    repair.scrubBlocks = SCRUB_BLOCKS_PER_SECOND;
    repair.scrubBytes = SCRUB_BYTES_PER_SECOND;
    repair.migrate = true;
    repair.memory = RepairSettings.MEMORY_BYTES_MIN;
    return repair;
  }

  GcConfig gc() {
    ShardWork work =
        ShardWork.everyNanos(
            InstanceOptions.orElse(options.gcCycleMin, ShardWork.DEFAULT.cycleNanosMin()));
    return new GcConfig(
        layout.gc(),
        GcConfig.allShards(),
        false,
        Optional.of(
            CollectConfig.DEFAULT
                .withMinEdgeAge(
                    InstanceOptions.orElse(
                        options.gcMinEdgeAge, CollectConfig.DEFAULT.minEdgeAgeNanos()))
                .withWork(work)),
        Optional.of(
            DestructConfig.DEFAULT
                .withSlack(
                    InstanceOptions.orElse(options.gcSlack, DestructConfig.DEFAULT.slackNanos()))
                .withWork(work)),
        false,
        false);
  }

  BlockServerConfig blocks(int server, List<Integer> classes, List<InetSocketAddress> shuckle)
      throws CommandFailure {
    List<BlockServerConfig.Disk> disks = new ArrayList<>();
    for (int i = 0; i < classes.size(); i++) {
      disks.add(new BlockServerConfig.Disk(layout.blockService(server, i), classes.get(i)));
    }
    return BlockServerConfig.of(
            disks, InstanceLayout.blockServer(server), new InetSocketAddress(host(), 0), shuckle)
        .withLimits(
            InstanceOptions.orElse(options.eraseCutoff, BlockServerConfig.ERASE_CUTOFF),
            InstanceOptions.orElse(options.blockWriteCutoff, BlockServerConfig.WRITE_CUTOFF),
            options.reservedStorage,
            registerInterval());
  }
}
