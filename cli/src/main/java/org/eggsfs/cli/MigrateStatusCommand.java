package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code migrate-status}: what is still to be moved off disks that were given up. */
@Command(
    name = "migrate-status",
    description = {
      "Show how many files still have blocks on decommissioned block services, asking the shards.",
      "Exit code 1 while there are any."
    })
final class MigrateStatusCommand extends LookingCommand {
  @Option(
      names = "--flags",
      paramLabel = "A|B",
      description = "Services with any of these flags (default DECOMMISSIONED).")
  private String flags = "DECOMMISSIONED";

  @Option(names = "--all", description = "All block services.")
  private boolean all;

  private record Remaining(BlockServiceDeprecatedInfo service, long files) {}

  @Override
  int run(EggsClient client) throws Exception {
    int mask = Tables.flagMask(flags);
    List<Remaining> remaining = new ArrayList<>();
    boolean unfinished = false;
    try (ProgressLine progress = ProgressLine.start("files")) {
      for (BlockServiceDeprecatedInfo service : BlockServices.read(client).all()) {
        if (all || (service.flags() & mask) != 0) {
          long files = count(client, service.id(), progress);
          remaining.add(new Remaining(service, files));
          unfinished |= files > 0 && (service.flags() & BlockServiceFlags.DECOMMISSIONED) != 0;
        }
      }
    }
    if (json) {
      ArrayNode list = object().arrayNode();
      for (Remaining one : remaining) {
        list.addObject()
            .put("id", MessageJson.hex(one.service.id()))
            .put("failureDomain", Tables.failureDomain(one.service.failureDomain()))
            .put("flags", Tables.flags(one.service.flags()))
            .put("flagsLastChanged", MessageJson.timeText(one.service.flagsLastChanged()))
            .put("hasFiles", one.service.hasFiles())
            .put("files", one.files);
      }
      print(list);
    } else if (remaining.isEmpty()) {
      out.println("no block service has flag " + flags);
    } else {
      TablePrinter table = new TablePrinter("ID", "DOMAIN", "FLAGS", ">SINCE", ">FILES", "PATH");
      Instant now = Instant.now();
      for (Remaining one : remaining) {
        table.row(
            MessageJson.hex(one.service.id()),
            Tables.failureDomain(one.service.failureDomain()),
            Tables.flags(one.service.flags()),
            Units.ago(one.service.flagsLastChanged(), now),
            one.files,
            EggsPath.text(one.service.path()));
      }
      table.print(out);
    }
    return unfinished ? ExitCodes.FAILED : ExitCodes.OK;
  }

  private static long count(EggsClient client, long service, ProgressLine progress)
      throws EggsException, IOException {
    return Parallel.map(
            Shards.all(),
            shard -> {
              long[] files = {0};
              Shards.visitFilesOfService(
                  client,
                  shard,
                  service,
                  id -> {
                    files[0]++;
                    progress.addItem();
                    return true;
                  });
              return files[0];
            })
        .stream()
        .mapToLong(Long::longValue)
        .sum();
  }
}
