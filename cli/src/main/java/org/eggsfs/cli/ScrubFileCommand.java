package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.Map;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.gc.scrub.FileHealth;
import org.eggsfs.gc.scrub.ScrubCounters;
import org.eggsfs.gc.scrub.ScrubSettings;
import org.eggsfs.gc.scrub.Scrubber;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code scrub-file}: checks and repairs single files (cli.md 2.1). */
@Command(
    name = "scrub-file",
    description = "Check every block of files and rebuild what is missing or damaged.")
final class ScrubFileCommand extends JobCommand {
  @Parameters(paramLabel = "PATH|INODE", arity = "0..*")
  private List<String> files = List.of();

  @Option(names = "--id", paramLabel = "INODE", description = "The same, in TernFS's spelling.")
  private String id;

  @Override
  int job(EggsClient client) throws Exception {
    if (files.isEmpty() == (id == null)) {
      throw new CommandFailure(ExitCodes.USAGE, "which files? give paths or inodes");
    }
    List<String> wanted = id == null ? files : List.of(id);
    int bad = 0;
    try (Scrubber scrubber = new Scrubber(client, ScrubSettings.UNLIMITED, new ScrubCounters())) {
      for (String file : wanted) {
        FileArgument argument = FileArgument.file(client, file);
        try {
          FileHealth health = scrubber.scrubFile(argument.id());
          report(argument, health);
          bad += health.isGood() ? 0 : 1;
        } catch (InterruptedIOException e) {
          report(Map.of(), true, List.of());
          return ExitCodes.PARTIAL;
        } catch (EggsException | IOException e) {
          CommandRunner.error(spec.name(), argument.text() + ": " + FailureList.chain(e));
          bad++;
        }
      }
    }
    return bad == 0 ? ExitCodes.OK : bad == wanted.size() ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }

  private void report(FileArgument argument, FileHealth health) {
    if (json) {
      ObjectNode node = object();
      EggsPath.put(node, "file", argument.name());
      node.put("id", InodeIds.format(argument.id()))
          .put("spans", health.spans())
          .put("checkedBlocks", health.checkedBlocks())
          .put("checkedBytes", health.checkedBytes())
          .put("bad", health.bad().size())
          .put("unchecked", health.unchecked().size())
          .put("repaired", health.repaired().size());
      print(node);
      return;
    }
    health
        .bad()
        .forEach(
            found ->
                out.println(
                    ScrubReport.of(found.block())
                        + ": "
                        + CommandRunner.describe(found.verdict())));
    health
        .unchecked()
        .forEach(
            skipped ->
                out.println(
                    ScrubReport.of(skipped.block()) + ": not checked, " + skipped.reason()));
    health.repaired().forEach(block -> out.println(ScrubReport.of(block)));
    out.printf(
        "%s: %d spans, %d blocks checked, %d bad, %d repaired, %d unchecked%n",
        argument.text(),
        health.spans(),
        health.checkedBlocks(),
        health.bad().size(),
        health.repaired().size(),
        health.unchecked().size());
  }
}
