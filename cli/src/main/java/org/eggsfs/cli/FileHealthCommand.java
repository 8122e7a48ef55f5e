package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.core.Parity;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code file-health}: what each span of a file can still lose. */
@Command(
    name = "file-health",
    description = {
      "Show for each span how many more blocks it can lose before it is unreadable.",
      "Exit code 1 when a span has less than its full redundancy."
    })
final class FileHealthCommand extends LookingCommand {
  @Parameters(paramLabel = "PATH|INODE")
  private String file;

  @Option(names = "--check", description = "Let the block servers read and check each block.")
  private boolean check;

  private BlockServices services;

  @Override
  int run(EggsClient client) throws Exception {
    services = BlockServices.read(client);
    FileArgument argument = FileArgument.file(client, file);
    List<Health.CopyHealth> copies = new ArrayList<>();
    int[] inline = {0};
    try {
      StoredSpan.visit(
          client,
          argument.id(),
          span -> {
            if (span.isInline()) {
              inline[0]++;
            }
            for (StoredSpan.Copy copy : span.copies()) {
              copies.add(Health.of(client, services, span, copy, check));
            }
            return true;
          });
    } catch (EggsException e) {
      throw Failures.at(argument.text(), e);
    }
    boolean full = copies.stream().allMatch(copy -> copy.lost() == 0);
    if (json) {
      print(toJson(argument, copies, inline[0]));
    } else {
      show(argument, copies, inline[0]);
    }
    return full ? ExitCodes.OK : ExitCodes.FAILED;
  }

  private static ObjectNode toJson(
      FileArgument argument, List<Health.CopyHealth> copies, int inline) {
    ObjectNode node = object();
    EggsPath.put(node, "file", argument.name());
    node.put("id", InodeIds.format(argument.id()));
    node.put("inlineSpans", inline);
    ArrayNode list = node.putArray("spans");
    for (Health.CopyHealth copy : copies) {
      ObjectNode span = list.addObject();
      span.put("offset", copy.span().offset())
          .put("size", copy.span().size())
          .put("location", copy.copy().location())
          .put("class", Policies.className(copy.copy().storageClass()))
          .put("parity", Parity.format(copy.copy().parity()))
          .put("lost", copy.lost())
          .put("remaining", copy.remaining());
      copy.problems().forEach(span.putArray("problems")::add);
    }
    copies.stream()
        .mapToInt(Health.CopyHealth::remaining)
        .min()
        .ifPresent(worst -> node.put("worst", worst));
    return node;
  }

  private void show(FileArgument argument, List<Health.CopyHealth> copies, int inline) {
    if (inline > 0) {
      out.println(argument.text() + ": " + inline + " inline spans, safe with the metadata");
    }
    if (copies.isEmpty()) {
      return;
    }
    TablePrinter table =
        new TablePrinter(
            ">OFFSET", ">SIZE", ">LOCATION", "CLASS", "PARITY", ">LOST", ">REMAINING", "STATE");
    for (Health.CopyHealth copy : copies) {
      table.row(
          copy.span().offset(),
          copy.span().size(),
          copy.copy().location(),
          Policies.className(copy.copy().storageClass()),
          Parity.format(copy.copy().parity()),
          copy.lost(),
          copy.remaining(),
          copy.lost() == 0 ? "full" : copy.remaining() < 0 ? "UNREADABLE" : "degraded");
    }
    table.print(out);
    copies.forEach(copy -> copy.problems().forEach(out::println));
  }
}
