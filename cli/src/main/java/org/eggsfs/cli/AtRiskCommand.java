package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code at-risk}: files below a level of redundancy. */
@Command(
    name = "at-risk",
    description = {
      "List files with a span that can lose fewer blocks than it should.",
      "Removed files that can still be brought back are included. Exit code 1 when there are any."
    })
final class AtRiskCommand extends LookingCommand {
  @Parameters(paramLabel = "PATH", arity = "0..1", description = "Where to look (default /).")
  private String root = "/";

  @Option(
      names = "--below",
      paramLabel = "N",
      description =
          "Only files with a span that can lose fewer than N more blocks; 0: only unreadable"
              + " ones (default: any that has lost one).")
  private Integer below;

  @Option(names = "--check", description = "Let the block servers read and check each block.")
  private boolean check;

  private final AtomicLong files = new AtomicLong();
  private final AtomicLong atRisk = new AtomicLong();

  private BlockServices services;

  @Override
  int run(EggsClient client) throws Exception {
    services = BlockServices.read(client);
    try (ProgressLine progress = ProgressLine.start("files")) {
      TreeWalks.run(
          client,
          EggsPath.parse(root),
          true,
          out,
          entry -> {
            if (entry.owned() && !InodeIds.isDirectory(entry.id())) {
              look(client, entry, progress);
            }
          });
    }
    if (!json) {
      out.println(atRisk.get() + " of " + files.get() + " files at risk");
    }
    return atRisk.get() == 0 ? ExitCodes.OK : ExitCodes.FAILED;
  }

  private void look(EggsClient client, WalkedEntry entry, ProgressLine progress)
      throws EggsException, IOException {
    files.incrementAndGet();
    int[] worst = {Integer.MAX_VALUE, 0};
    try {
      StoredSpan.visit(
          client,
          entry.id(),
          span -> {
            for (StoredSpan.Copy copy : span.copies()) {
              Health.CopyHealth health = Health.of(client, services, span, copy, check);
              worst[0] = Math.min(worst[0], health.remaining());
              worst[1] = Math.max(worst[1], health.lost());
            }
            return true;
          });
    } catch (EggsException e) {
      if (Failures.isNotFound(e)) {
        return;
      }
      throw e;
    }
    progress.addItem();
    if (below == null ? worst[1] == 0 : worst[0] >= below) {
      return;
    }
    atRisk.incrementAndGet();
    if (json) {
      ObjectNode node = object();
      EggsPath.put(node, "path", entry.path());
      Attributes.putIds(node, entry.id(), entry.creationTime());
      node.put("current", entry.current()).put("remaining", worst[0]).put("lost", worst[1]);
      progress.println(out, node.toString());
    } else {
      progress.println(
          out,
          InodeIds.format(entry.id())
              + " remaining "
              + worst[0]
              + " lost "
              + worst[1]
              + " "
              + EggsPath.shown(entry.path())
              + (entry.current() ? "" : " (removed)"));
    }
  }
}
