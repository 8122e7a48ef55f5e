package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.Durations;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.audit.BlockAudit;
import org.eggsfs.protocol.BlockServiceFlags;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code audit-blocks}: are the block files on disks the blocks that files have there? */
@Command(
    name = "audit-blocks",
    description = {
      "Compare the block files on disks with the blocks that files have there.",
      "Finds blocks that nothing refers to, and missing, misplaced and truncated ones.",
      "Changes nothing unless --quarantine is given. Exit code 1 when something is wrong."
    })
final class AuditBlocksCommand extends LookingCommand {
  /** Nothing answers for these, so nothing can be listed. */
  private static final int SILENT = BlockServiceFlags.STALE | BlockServiceFlags.DECOMMISSIONED;

  @Option(names = "--id", paramLabel = "ID", description = "This block service.")
  private String id;

  @Option(
      names = "--failure-domain",
      paramLabel = "NAME",
      description = "The block services of this failure domain.")
  private String failureDomain;

  @Option(
      names = "--path-prefix",
      paramLabel = "PREFIX",
      description = "The block services of this server.")
  private String pathPrefix;

  @Option(names = "--all", description = "All block services that answer.")
  private boolean all;

  @Option(
      names = "--older-than",
      paramLabel = "DUR",
      description = "Look only at blocks of this age (default ${DEFAULT-VALUE}).")
  private String olderThan = "24h";

  @Option(
      names = "--quarantine",
      description =
          "Move block files that nothing refers to into the disk's directory 'quarantine'.")
  private boolean quarantine;

  @Option(
      names = {"-y", "--yes"},
      description = "Do not ask.")
  private boolean yes;

  @Override
  int run(EggsClient client) throws Exception {
    long createdBefore = Units.nanos(Instant.now()) - age();
    List<BlockServiceDeprecatedInfo> services = services(BlockServices.read(client));
    if (quarantine) {
      Confirmation.ask(
          yes, "put aside what nothing refers to on " + services.size() + " block services");
    }
    BlockAudit audit = new BlockAudit(client);
    ArrayNode results = object().arrayNode();
    boolean clean = true;
    for (BlockServiceDeprecatedInfo service : services) {
      BlockAudit.Report report;
      try {
        report = audit.audit(service, createdBefore);
      } catch (EggsException e) {
        throw new CommandFailure(
            ExitCodes.FAILED, BlockServices.describe(service) + ": " + Failures.words(e), e);
      }
      clean &= report.isClean();
      int aside = quarantine ? putAside(audit, service, report) : 0;
      if (json) {
        results.add(toJson(service, report, aside));
      } else {
        show(service, report, aside);
      }
    }
    if (json) {
      print(results);
    }
    return clean ? ExitCodes.OK : ExitCodes.FAILED;
  }

  private long age() throws CommandFailure {
    try {
      return Durations.parse(olderThan);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--older-than: " + e.getMessage());
    }
  }

  private List<BlockServiceDeprecatedInfo> services(BlockServices known) throws CommandFailure {
    if (!all) {
      return ServiceSelection.of(id, failureDomain, pathPrefix).select(known);
    }
    if (id != null || failureDomain != null || pathPrefix != null) {
      throw new CommandFailure(ExitCodes.USAGE, "--all or a selection, not both");
    }
    return known.all().stream().filter(service -> (service.flags() & SILENT) == 0).toList();
  }

  private static int putAside(
      BlockAudit audit, BlockServiceDeprecatedInfo service, BlockAudit.Report report)
      throws Exception {
    int count = 0;
    for (BlockAudit.Finding finding : report.findings()) {
      if (finding.kind() == BlockAudit.Kind.UNREFERENCED) {
        audit.quarantine(service, finding);
        count++;
      }
    }
    return count;
  }

  private void show(BlockServiceDeprecatedInfo service, BlockAudit.Report report, int aside) {
    out.printf(
        "%s: %d block files older than %s, %d referenced, %d findings%s%n",
        BlockServices.describe(service),
        report.listed(),
        olderThan,
        report.referenced(),
        report.findings().size() + report.leftOut(),
        aside == 0 ? "" : ", " + aside + " put aside");
    for (BlockAudit.Finding finding : report.findings()) {
      List<String> words = new ArrayList<>();
      words.add("  " + words(finding.kind()) + " " + MessageJson.hex(finding.blockId()));
      if (finding.fileSize() > 0) {
        words.add(finding.fileSize() + " bytes");
      }
      if (finding.file() != 0) {
        words.add("of file " + InodeIds.format(finding.file()));
      }
      out.println(String.join(", ", words));
    }
    if (report.leftOut() > 0) {
      out.println("  and " + report.leftOut() + " more");
    }
  }

  private static String words(BlockAudit.Kind kind) {
    return switch (kind) {
      case UNREFERENCED -> "unreferenced block";
      case MISSING -> "missing block";
      case WRONG_SIZE -> "block of the wrong size";
      case MISPLACED -> "misplaced block";
    };
  }

  private static ObjectNode toJson(
      BlockServiceDeprecatedInfo service, BlockAudit.Report report, int aside) {
    ObjectNode node = object();
    node.put("id", MessageJson.hex(service.id()))
        .put("listed", report.listed())
        .put("referenced", report.referenced())
        .put("putAside", aside)
        .put("leftOut", report.leftOut());
    ArrayNode list = node.putArray("findings");
    for (BlockAudit.Finding finding : report.findings()) {
      list.addObject()
          .put("kind", finding.kind().name())
          .put("block", MessageJson.hex(finding.blockId()))
          .put("fileSize", finding.fileSize())
          .put("file", InodeIds.format(finding.file()));
    }
    return node;
  }
}
