package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.shuckle.LocationsRequest;
import org.eggsfs.protocol.shuckle.LocationsResponse;
import picocli.CommandLine.Command;

/** {@code locations}: the sites that the shuckle knows. */
@Command(name = "locations", description = "List the locations (sites).")
final class LocationsCommand extends LookingCommand {
  @Override
  int run(EggsClient client) throws Exception {
    LocationsResponse answer = client.shuckle().call(new LocationsRequest());
    if (json) {
      ArrayNode list = object().arrayNode();
      answer
          .locations()
          .forEach(
              location ->
                  list.addObject()
                      .put("id", location.id())
                      .put("name", EggsPath.text(location.name())));
      print(list);
      return ExitCodes.OK;
    }
    TablePrinter table = new TablePrinter(">ID", "NAME");
    answer
        .locations()
        .forEach(location -> table.row(location.id(), EggsPath.text(location.name())));
    table.print(out);
    return ExitCodes.OK;
  }
}
