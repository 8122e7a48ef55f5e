package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code get-policy}: the policies that hold in a directory. */
@Command(
    name = "get-policy",
    description = "Show the policies of a directory and where each comes from.")
final class GetPolicyCommand extends LookingCommand {
  @Parameters(index = "0", paramLabel = "PATH")
  private String path;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "TAG",
      description = "SNAPSHOT, SPAN, BLOCK or STRIPE; all by default.")
  private String tag;

  @Override
  int run(EggsClient client) throws Exception {
    String directory = EggsPath.parse(path);
    String wanted = tag == null ? null : Policies.tagName(Policies.tag(tag));
    try {
      long id = client.paths().resolve(directory).id();
      if (!InodeIds.isDirectory(id)) {
        throw new CommandFailure(directory + ": is not a directory; files have no policies");
      }
      ObjectNode policies = StatCommand.policies(client, id);
      if (wanted != null) {
        policies.retain(wanted);
      }
      if (json) {
        print(policies);
      } else {
        TablePrinter table = new TablePrinter("TAG", "FROM", "POLICY");
        policies
            .properties()
            .forEach(
                entry ->
                    table.row(
                        entry.getKey(),
                        entry.getValue().path("inherited").asBoolean()
                            ? entry.getValue().path("from").asText()
                            : "here",
                        entry.getValue().path("policy")));
        table.print(out);
      }
      return ExitCodes.OK;
    } catch (EggsException e) {
      throw Failures.at(directory, e);
    }
  }
}
