package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.eggsfs.client.EggsClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code fsck}: checks the metadata of a running instance over the wire, all shards together. */
@Command(
    name = "fsck",
    description = {
      "Check the invariants of all shards of a running instance together.",
      "It compares what shards answer one after another: changes meanwhile can look like damage,"
          + " so run it while nothing is written. For a stopped instance: eggs fsck --data-dir D."
    })
final class FsckCommand extends LookingCommand {
  @Option(
      names = "--max-problems",
      paramLabel = "N",
      description = "Print at most this many problems (default ${DEFAULT-VALUE}).")
  private int problemsMax = 100;

  @Override
  int run(EggsClient client) throws Exception {
    Fsck fsck = new Fsck(client, problemsMax);
    try (ProgressLine progress = ProgressLine.start("inodes")) {
      fsck.run(progress);
    }
    if (json) {
      ObjectNode node = object();
      node.put("directories", fsck.directoryCount())
          .put("files", fsck.fileCount())
          .put("transientFiles", fsck.transientCount())
          .put("spans", fsck.spanCount())
          .put("blocks", fsck.blockCount())
          .put("problemCount", fsck.problemCount());
      fsck.problems().forEach(node.putArray("problems")::add);
      print(node);
    } else {
      fsck.problems().forEach(out::println);
      if (fsck.problemCount() > fsck.problems().size()) {
        out.println("... and " + (fsck.problemCount() - fsck.problems().size()) + " more");
      }
      out.printf(
          "%d directories, %d files, %d transient files, %d spans, %d blocks: %s%n",
          fsck.directoryCount(),
          fsck.fileCount(),
          fsck.transientCount(),
          fsck.spanCount(),
          fsck.blockCount(),
          fsck.problemCount() == 0 ? "clean" : fsck.problemCount() + " problems");
    }
    return fsck.problemCount() == 0 ? ExitCodes.OK : ExitCodes.FAILED;
  }
}
