package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.shard.VisitTransientFilesRequest;
import org.eggsfs.protocol.shard.VisitTransientFilesResponse;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code migrate-status}: what is still to be moved off disks that were given up. */
@Command(
    name = "migrate-status",
    description = {
      "Show how many files still have blocks on decommissioned block services, asking the shards.",
      "Exit code 1 while there are any on services with these flags, with --all as well. Unlinked",
      "files are being written, or wait to be destroyed: blocks that were moved wait there as well.",
      "OPEN are those that may still be linked: exit code 1 while there are any of them, too."
    })
final class MigrateStatusCommand extends LookingCommand {
  @Option(
      names = "--flags",
      paramLabel = "A|B",
      description = "Services with any of these flags (default DECOMMISSIONED).")
  private String flags = "DECOMMISSIONED";

  @Option(names = "--all", description = "All block services.")
  private boolean all;

  /**
   * What a service still has.
   *
   * @param files that are linked
   * @param unlinked that are not
   * @param open those of them whose deadline has not passed, so that they may be linked
   */
  private record Remaining(
      BlockServiceDeprecatedInfo service, long files, long unlinked, long open) {}

  @Override
  int run(EggsClient client) throws Exception {
    int mask = Tables.flagMask(flags);
    List<Remaining> remaining = new ArrayList<>();
    boolean unfinished = false;
    try (ProgressLine progress = ProgressLine.start("files")) {
      for (BlockServiceDeprecatedInfo service : BlockServices.read(client).all()) {
        if (all || (service.flags() & mask) != 0) {
          Remaining counted = count(client, service, progress);
          remaining.add(counted);
          unfinished |= counted.files + counted.open > 0 && (service.flags() & mask) != 0;
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
            .put("files", one.files)
            .put("unlinkedFiles", one.unlinked)
            .put("openFiles", one.open);
      }
      print(list);
    } else if (remaining.isEmpty()) {
      out.println("no block service has flag " + flags);
    } else {
      TablePrinter table =
          new TablePrinter(
              "ID", "DOMAIN", "FLAGS", ">SINCE", ">FILES", ">UNLINKED", ">OPEN", "PATH");
      Instant now = Instant.now();
      for (Remaining one : remaining) {
        table.row(
            MessageJson.hex(one.service.id()),
            Tables.failureDomain(one.service.failureDomain()),
            Tables.flags(one.service.flags()),
            Units.ago(one.service.flagsLastChanged(), now),
            one.files,
            one.unlinked,
            one.open,
            EggsPath.text(one.service.path()));
      }
      table.print(out);
    }
    return unfinished ? ExitCodes.FAILED : ExitCodes.OK;
  }

  private static Remaining count(
      EggsClient client, BlockServiceDeprecatedInfo service, ProgressLine progress)
      throws EggsException, IOException {
    AtomicLong linked = new AtomicLong();
    AtomicLong unlinked = new AtomicLong();
    AtomicLong open = new AtomicLong();
    Parallel.map(
        Shards.all(),
        shard -> {
          Shards.visitFilesOfService(
              client,
              shard,
              service.id(),
              id -> {
                if (isLinked(client, id)) {
                  linked.incrementAndGet();
                } else {
                  unlinked.incrementAndGet();
                  open.addAndGet(isOpen(client, shard, id) ? 1 : 0);
                }
                progress.addItem();
                return true;
              });
          return true;
        });
    return new Remaining(service, linked.get(), unlinked.get(), open.get());
  }

  /** Whether its writer may still link it; replaced blocks are in files that were given up. */
  private static boolean isOpen(EggsClient client, int shard, long id)
      throws EggsException, IOException {
    VisitTransientFilesResponse page = client.shard(shard, new VisitTransientFilesRequest(id, 0));
    if (page.files().isEmpty() || page.files().getFirst().id() != id) {
      // It was destroyed, or linked a moment ago.
      return isLinked(client, id);
    }
    return page.files().getFirst().deadlineTime() > Units.nanos(Instant.now());
  }

  private static boolean isLinked(EggsClient client, long id) throws EggsException, IOException {
    try {
      client.inodes().stat(id);
      return true;
    } catch (EggsException e) {
      if (Failures.isNotFound(e)) {
        return false;
      }
      throw e;
    }
  }
}
