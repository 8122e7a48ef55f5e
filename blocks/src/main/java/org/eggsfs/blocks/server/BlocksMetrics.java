package org.eggsfs.blocks.server;

import java.util.ArrayList;
import java.util.List;
import org.eggsfs.net.Measurement;
import org.eggsfs.net.RequestMetrics;
import org.eggsfs.protocol.StorageClass;
import org.eggsfs.protocol.blocks.BlocksKind;

/**
 * What a block server tells InfluxDB (blocks.md section 8): the measurements that TernFS has, for
 * each disk, and beside them its requests by kind, its queue, and the server's connections.
 */
final class BlocksMetrics {
  private final BlockServerConfig config;

  BlocksMetrics(BlockServerConfig config) {
    this.config = config;
  }

  /** Of one disk. */
  List<Measurement> of(BlockService service) {
    DiskMetrics disk = service.metrics;
    List<Measurement> all = new ArrayList<>();
    all.add(
        tagged(service, "eggsfs_blocks_write")
            .field("bytes", disk.bytesWritten.sum())
            .field("blocks", disk.blocksWritten.sum()));
    all.add(
        tagged(service, "eggsfs_blocks_read")
            .field("bytes", disk.bytesRead.sum())
            .field("blocks", disk.blocksRead.sum()));
    all.add(tagged(service, "eggsfs_blocks_erase").field("blocks", disk.blocksErased.sum()));
    all.add(
        tagged(service, "eggsfs_blocks_check")
            .field("blocks", disk.blocksChecked.sum())
            .field("bytes", disk.bytesChecked.sum()));
    Measurement storage =
        tagged(service, "eggsfs_blocks_storage")
            .tag("storageclass", StorageClass.name(service.storageClass))
            .field("capacity", service.health.capacityBytes())
            .field("available", service.health.availableBytes())
            .field("blocks", service.counter.count())
            .field("io_errors", service.health.ioErrors.sum());
    DiskStatistics.of(service.directory)
        .ifPresent(
            device ->
                storage
                    .field("read_ms", device.readMillis())
                    .field("write_ms", device.writeMillis())
                    .field("weighted_io_ms", device.weightedMillis()));
    all.add(storage);
    all.add(
        tagged(service, "eggsfs_blocks_queue")
            .field("running", service.queue.runningCount())
            .field("waiting", service.queue.waitingCount())
            .field("calls", service.callCount())
            .field("served", service.health.state().isServed() ? 1 : 0)
            .field("avoided", service.health.state().isAvoided() ? 1 : 0));
    all.addAll(
        RequestMetrics.measurements(
            "eggsfs_blocks",
            measurement -> tagged(service, measurement),
            BlocksKind::name,
            List.of(disk.requests)));
    return all;
  }

  /** Of the server as a whole. */
  Measurement connections(long open, long idle, long refused, long evicted) {
    return server(new Measurement("eggsfs_blocks_connections"))
        .field("open", open)
        .field("idle", idle)
        .field("refused", refused)
        .field("evicted", evicted);
  }

  private Measurement tagged(BlockService service, String name) {
    return tagged(service, new Measurement(name));
  }

  private Measurement tagged(BlockService service, Measurement measurement) {
    return server(measurement.tag("blockservice", String.format("0x%016x", service.id)));
  }

  private Measurement server(Measurement measurement) {
    return measurement
        .tag("failuredomain", config.failureDomain().replace(' ', '-'))
        .tag("pathprefix", config.pathPrefix());
  }
}
