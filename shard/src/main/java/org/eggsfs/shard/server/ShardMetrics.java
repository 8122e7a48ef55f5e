package org.eggsfs.shard.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.ToLongFunction;
import org.eggsfs.net.DirectoryMetrics;
import org.eggsfs.net.Measurement;
import org.eggsfs.net.RequestMetrics;
import org.eggsfs.protocol.shard.ShardKind;

/** What a host of shards tells InfluxDB, with its shards as the tag {@code shards}. */
final class ShardMetrics {
  private final String shards;
  private final Path dataDirectory;
  private final List<ShardEngine> engines;

  ShardMetrics(BitSet shards, Path dataDirectory, List<ShardEngine> engines) {
    this.shards = ranges(shards);
    this.dataDirectory = dataDirectory;
    this.engines = List.copyOf(engines);
  }

  /** Numbers and ranges, as the command line has them. */
  static String ranges(BitSet shards) {
    StringBuilder text = new StringBuilder();
    for (int from = shards.nextSetBit(0); from >= 0; ) {
      int end = shards.nextClearBit(from);
      text.append(text.isEmpty() ? "" : ",").append(from);
      if (end - from > 1) {
        text.append('-').append(end - 1);
      }
      from = shards.nextSetBit(end);
    }
    return text.toString();
  }

  List<Measurement> now() {
    List<Measurement> all =
        new ArrayList<>(
            RequestMetrics.measurements(
                "eggsfs_shard",
                this::tagged,
                ShardKind::name,
                engines.stream().map(engine -> engine.requests).toList()));
    all.add(
        tagged(new Measurement("eggsfs_shard_queue"))
            .field("writes_in_flight", sum(ShardEngine::inFlightCount))
            .field("writes_dropped", sum(engine -> engine.drops.sum())));
    all.add(
        tagged(new Measurement("eggsfs_shard_packets"))
            .field("reads", sum(engine -> engine.reads.sum()))
            .field("writes", sum(engine -> engine.writes.sum()))
            .field("repeats", sum(engine -> engine.repeats.sum()))
            .field("malformed", sum(engine -> engine.malformed.sum())));
    all.add(
        tagged(new Measurement("eggsfs_shard_log"))
            .field("entries", sum(engine -> engine.entries.sum()))
            .field("batches", sum(engine -> engine.batches.sum())));
    all.add(DirectoryMetrics.of(tagged(new Measurement("eggsfs_shard_storage")), dataDirectory));
    return all;
  }

  private Measurement tagged(Measurement measurement) {
    return measurement.tag("shards", shards);
  }

  private long sum(ToLongFunction<ShardEngine> of) {
    return engines.stream().mapToLong(of).sum();
  }
}
