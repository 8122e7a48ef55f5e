package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.shuckle.InfoRequest;
import org.eggsfs.protocol.shuckle.InfoResponse;
import picocli.CommandLine.Command;

/** {@code df}: space of the whole cluster. */
@Command(name = "df", description = "Show the space of the cluster.")
final class DiskFreeCommand extends LookingCommand {
  @Override
  int run(EggsClient client) throws Exception {
    InfoResponse info = client.shuckle().call(new InfoRequest());
    long used = Math.max(0, info.capacity() - info.available());
    if (json) {
      ObjectNode node = object();
      node.put("capacity", info.capacity())
          .put("used", used)
          .put("available", info.available())
          .put("blocks", info.blocks())
          .put("blockServices", info.numBlockServices())
          .put("failureDomains", info.numFailureDomains());
      print(node);
      return ExitCodes.OK;
    }
    TablePrinter table =
        new TablePrinter(
            ">CAPACITY", ">USED", ">AVAILABLE", ">USE%", ">BLOCKS", ">SERVICES", ">DOMAINS");
    table.row(
        Units.bytes(info.capacity()),
        Units.bytes(used),
        Units.bytes(info.available()),
        info.capacity() == 0 ? "-" : Math.round(used * 100.0 / info.capacity()) + "%",
        info.blocks(),
        info.numBlockServices(),
        info.numFailureDomains());
    table.print(out);
    return ExitCodes.OK;
  }
}
