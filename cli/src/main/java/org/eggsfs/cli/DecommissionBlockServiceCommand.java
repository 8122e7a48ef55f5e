package org.eggsfs.cli;

import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.DecommissionBlockServiceRequest;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code decommission-blockservice}: gives a disk up, within the shuckle's limits (cli.md 2.1). */
@Command(
    name = "decommission-blockservice",
    description = {
      "Give a block service up for good; its blocks are rebuilt elsewhere by migration.",
      "The shuckle refuses when it would be too many at once."
    })
final class DecommissionBlockServiceCommand extends ClientCommand {
  @Option(names = "--id", paramLabel = "ID", required = true, description = "The block service.")
  private String id;

  @Option(
      names = {"-y", "--yes"},
      description = "Do not ask.")
  private boolean yes;

  @Override
  int run(EggsClient client) throws Exception {
    BlockServiceDeprecatedInfo service = BlockServices.read(client).named("--id", id);
    Confirmation.ask(yes, "decommission for good: " + BlockServices.describe(service));
    try {
      client.shuckle().call(new DecommissionBlockServiceRequest(service.id()));
    } catch (EggsException e) {
      throw new CommandFailure(
          ExitCodes.FAILED, BlockServices.describe(service) + ": " + Failures.words(e), e);
    }
    out.println(MessageJson.hex(service.id()) + " decommissioned; see 'eggs cli migrate-status'");
    return ExitCodes.OK;
  }
}
