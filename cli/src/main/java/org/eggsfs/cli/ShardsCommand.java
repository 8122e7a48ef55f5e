package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.shuckle.AllShardsRequest;
import org.eggsfs.protocol.shuckle.AllShardsResponse;
import org.eggsfs.protocol.struct.FullShardInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code shards}: where the shards are and when they were last heard of. */
@Command(name = "shards", description = "List the metadata shards.")
final class ShardsCommand extends LookingCommand {
  @Option(names = "--shard", paramLabel = "N", description = "Only this shard.")
  private int only = -1;

  @Option(names = "--location", paramLabel = "N", description = "Only this location.")
  private int location = -1;

  @Override
  int run(EggsClient client) throws Exception {
    AllShardsResponse answer = client.shuckle().call(new AllShardsRequest());
    List<FullShardInfo> shards =
        answer.shards().stream()
            .filter(shard -> only < 0 || (shard.shrid() & 255) == only)
            .filter(shard -> location < 0 || shard.locationId() == location)
            .filter(shard -> shard.addrs().addr1().port() != 0)
            .sorted(
                Comparator.comparingInt(shard -> (shard.shrid() & 255) << 8 | shard.shrid() >>> 8))
            .toList();
    if (json) {
      ArrayNode list = object().arrayNode();
      for (FullShardInfo shard : shards) {
        list.addObject()
            .put("shard", shard.shrid() & 255)
            .put("replica", shard.shrid() >>> 8)
            .put("location", shard.locationId())
            .put("leader", shard.isLeader())
            .put("addresses", Tables.addresses(shard.addrs()))
            .put("lastSeen", MessageJson.timeText(shard.lastSeen()));
      }
      print(list);
      return ExitCodes.OK;
    }
    Instant now = Instant.now();
    TablePrinter table =
        new TablePrinter(">SHARD", ">REPLICA", ">LOCATION", "LEADER", "ADDRESSES", ">SEEN");
    for (FullShardInfo shard : shards) {
      table.row(
          shard.shrid() & 255,
          shard.shrid() >>> 8,
          shard.locationId(),
          shard.isLeader() ? "yes" : "no",
          Tables.addresses(shard.addrs()),
          Units.ago(shard.lastSeen(), now));
    }
    table.print(out);
    return ExitCodes.OK;
  }
}
