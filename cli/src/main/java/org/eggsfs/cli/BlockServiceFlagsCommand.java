package org.eggsfs.cli;

import java.io.IOException;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shuckle.SetBlockServiceFlagsRequest;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code blockservice-flags}: sets or clears one flag of one or many disks (cli.md 2.1). */
@Command(
    name = "blockservice-flags",
    description = {
      "Set or clear a flag of block services.",
      "Flags: NO_WRITE (no new blocks), NO_READ (readers take other blocks),",
      "STALE (the shuckle's own), DECOMMISSIONED (given up for good)."
    })
final class BlockServiceFlagsCommand extends ClientCommand {
  @Option(names = "--id", paramLabel = "ID", description = "This block service.")
  private String id;

  @Option(names = "--failure-domain", paramLabel = "NAME", description = "All of a failure domain.")
  private String failureDomain;

  @Option(
      names = "--path-prefix",
      paramLabel = "PREFIX",
      description = "All whose path is PREFIX:DIRECTORY.")
  private String pathPrefix;

  @Option(names = "--set", paramLabel = "FLAG", description = "The flag to set.")
  private String set;

  @Option(names = "--unset", paramLabel = "FLAG", description = "The flag to clear.")
  private String unset;

  @Option(
      names = {"-y", "--yes"},
      description = "Do not ask before DECOMMISSIONED, or when it is more than one service.")
  private boolean yes;

  @Override
  int run(EggsClient client) throws Exception {
    if ((set == null) == (unset == null)) {
      throw new CommandFailure(ExitCodes.USAGE, "give one of --set and --unset");
    }
    int bit = Tables.flag(set == null ? unset : set);
    if (unset != null && bit == BlockServiceFlags.DECOMMISSIONED) {
      throw new CommandFailure(ExitCodes.USAGE, "DECOMMISSIONED is for good and cannot be unset");
    }
    List<BlockServiceDeprecatedInfo> selected =
        ServiceSelection.of(id, failureDomain, pathPrefix).select(BlockServices.read(client));
    if (selected.size() > 1 || (set != null && bit == BlockServiceFlags.DECOMMISSIONED)) {
      StringBuilder what = new StringBuilder();
      selected.forEach(s -> what.append(BlockServices.describe(s)).append('\n'));
      what.append(set == null ? "clear " + unset : "set " + set);
      if (bit == BlockServiceFlags.DECOMMISSIONED) {
        what.append(": permanent, their blocks are given up");
      }
      Confirmation.ask(yes, what.toString());
    }
    int failed = 0;
    for (BlockServiceDeprecatedInfo service : selected) {
      try {
        client
            .shuckle()
            .call(new SetBlockServiceFlagsRequest(service.id(), set == null ? 0 : bit, bit));
        out.println(BlockServices.describe(service) + (set == null ? " -" + unset : " +" + set));
      } catch (EggsException | IOException e) {
        CommandRunner.error(
            spec.name(), BlockServices.describe(service) + ": " + Failures.words(e));
        failed++;
      }
    }
    return failed == 0
        ? ExitCodes.OK
        : failed == selected.size() ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }
}
