package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code fsck}: checks the metadata of a running instance over the wire, all shards together. */
@Command(
    name = "fsck",
    description = {
      "Check the invariants of all shards of a running instance together.",
      "It compares what shards answer one after another, so changes meanwhile can look like",
      "damage: what is found is looked for a second time, and only what is found twice is told.",
      "For a stopped instance: eggs fsck --data-dir D."
    })
final class FsckCommand extends LookingCommand {
  /** Time for a transaction that was in the way to end. */
  private static final long PAUSE_MILLIS = 2000;

  @Option(
      names = "--max-problems",
      paramLabel = "N",
      description = "Print at most this many problems (default ${DEFAULT-VALUE}).")
  private int problemsMax = 100;

  @Option(names = "--once", description = "Do not look a second time.")
  private boolean once;

  @Override
  int run(EggsClient client) throws Exception {
    Fsck fsck = check(client);
    if (fsck.problemCount() > 0 && !once) {
      Thread.sleep(PAUSE_MILLIS);
      Fsck second = check(client);
      second.keepOnly(fsck.problems());
      fsck = second;
    }
    report(fsck);
    return fsck.problemCount() == 0 ? ExitCodes.OK : ExitCodes.FAILED;
  }

  private Fsck check(EggsClient client) throws EggsException, IOException {
    Fsck fsck = new Fsck(client);
    try (ProgressLine progress = ProgressLine.start("inodes")) {
      fsck.run(progress);
    }
    return fsck;
  }

  private void report(Fsck fsck) {
    if (json) {
      ObjectNode node = object();
      node.put("directories", fsck.directoryCount())
          .put("files", fsck.fileCount())
          .put("transientFiles", fsck.transientCount())
          .put("spans", fsck.spanCount())
          .put("blocks", fsck.blockCount())
          .put("problemCount", fsck.problemCount());
      fsck.problems().stream().limit(problemsMax).forEach(node.putArray("problems")::add);
      print(node);
    } else {
      fsck.problems().stream().limit(problemsMax).forEach(out::println);
      if (fsck.problemCount() > problemsMax) {
        out.println("... and " + (fsck.problemCount() - problemsMax) + " more");
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
  }
}
