package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import java.time.Instant;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.shuckle.AllCdcRequest;
import org.eggsfs.protocol.shuckle.AllCdcResponse;
import org.eggsfs.protocol.struct.CdcInfo;
import picocli.CommandLine.Command;

/** {@code cdc}: where the cross-directory coordinator is. */
@Command(name = "cdc", description = "List the replicas of the cross-directory coordinator.")
final class CdcCommand extends LookingCommand {
  @Override
  int run(EggsClient client) throws Exception {
    AllCdcResponse answer = client.shuckle().call(new AllCdcRequest());
    ArrayNode list = object().arrayNode();
    TablePrinter table = new TablePrinter(">REPLICA", ">LOCATION", "LEADER", "ADDRESSES", ">SEEN");
    Instant now = Instant.now();
    for (CdcInfo cdc : answer.replicas()) {
      if (cdc.addrs().addr1().port() == 0) {
        continue;
      }
      list.addObject()
          .put("replica", cdc.replicaId())
          .put("location", cdc.locationId())
          .put("leader", cdc.isLeader())
          .put("addresses", Tables.addresses(cdc.addrs()))
          .put("lastSeen", MessageJson.timeText(cdc.lastSeen()));
      table.row(
          cdc.replicaId(),
          cdc.locationId(),
          cdc.isLeader() ? "yes" : "no",
          Tables.addresses(cdc.addrs()),
          Units.ago(cdc.lastSeen(), now));
    }
    if (json) {
      print(list);
    } else {
      table.print(out);
    }
    return ExitCodes.OK;
  }
}
