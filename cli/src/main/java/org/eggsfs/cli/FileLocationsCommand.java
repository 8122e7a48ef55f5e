package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.TreeMap;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code file-locations}: what a file takes on the disks of each location (cli.md 2.3). */
@Command(
    name = "file-locations",
    description = "Show the bytes of a file on the disks of each location.")
final class FileLocationsCommand extends LookingCommand {
  @Parameters(paramLabel = "PATH|INODE", arity = "0..1")
  private String file;

  @Option(names = "--id", paramLabel = "INODE", description = "The same, in TernFS's spelling.")
  private String id;

  @Override
  int run(EggsClient client) throws Exception {
    if ((file == null) == (id == null)) {
      throw new CommandFailure(ExitCodes.USAGE, "name one file, by path or by inode");
    }
    FileArgument argument = FileArgument.file(client, file == null ? id : file);
    Map<Integer, Long> bytes = new TreeMap<>();
    long[] inline = {0};
    try {
      StoredSpan.visit(
          client,
          argument.id(),
          span -> {
            inline[0] += Math.max(0, span.inlineBytes());
            span.copies()
                .forEach(copy -> bytes.merge(copy.location(), copy.physicalBytes(), Long::sum));
            return true;
          });
    } catch (EggsException e) {
      throw Failures.at(argument.text(), e);
    }
    if (json) {
      ObjectNode node = object();
      EggsPath.put(node, "file", argument.name());
      node.put("id", InodeIds.format(argument.id()));
      node.put("inlineBytes", inline[0]);
      var list = node.putArray("locations");
      bytes.forEach(
          (location, size) -> list.addObject().put("location", location).put("bytes", size));
      print(node);
      return ExitCodes.OK;
    }
    TablePrinter table = new TablePrinter(">LOCATION", ">BYTES");
    bytes.forEach(table::row);
    table.row("inline", inline[0]);
    table.print(out);
    return ExitCodes.OK;
  }
}
