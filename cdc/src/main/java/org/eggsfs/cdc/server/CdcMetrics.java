package org.eggsfs.cdc.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.net.DirectoryMetrics;
import org.eggsfs.net.Measurement;
import org.eggsfs.net.RequestMetrics;
import org.eggsfs.protocol.cdc.CdcKind;
import org.eggsfs.protocol.shard.ShardKind;

/** What the CDC tells InfluxDB (cdc.md section 10). */
final class CdcMetrics {
  private CdcMetrics() {}

  static List<Measurement> of(CdcEngine engine, Path dataDirectory) {
    List<Measurement> all = new ArrayList<>();
    all.addAll(
        RequestMetrics.measurements(
            "eggsfs_cdc", measurement -> measurement, CdcKind::name, List.of(engine.answered)));
    all.addAll(
        RequestMetrics.measurements(
            "eggsfs_cdc_shard",
            measurement -> measurement,
            ShardKind::name,
            List.of(engine.shardsAnswered)));
    all.add(
        new Measurement("eggsfs_cdc_transactions")
            .field("in_flight", engine.lastTransactionCount())
            .field("stuck", engine.stuckCount())
            .field("dropped", engine.drops.sum()));
    all.add(
        new Measurement("eggsfs_cdc_packets")
            .field("requests", engine.requests.sum())
            .field("repeats", engine.duplicates.sum())
            .field("malformed", engine.malformed.sum())
            .field("to_shards", engine.shardRequests.sum())
            .field("to_shards_again", engine.shardRepeats.sum()));
    all.add(
        new Measurement("eggsfs_cdc_log")
            .field("entries", engine.entries.sum())
            .field("items", engine.entryItems.sum())
            .field("batches", engine.batches.sum()));
    all.add(DirectoryMetrics.of(new Measurement("eggsfs_cdc_storage"), dataDirectory));
    return all;
  }
}
