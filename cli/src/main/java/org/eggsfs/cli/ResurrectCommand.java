package org.eggsfs.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.Edge;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code resurrect}: undelete, of files or of a tree as of a time (cli.md 2.1). */
@Command(
    name = "resurrect",
    // They would take the name --version.
    mixinStandardHelpOptions = false,
    description = {"Bring removed or overwritten files back, as long as their snapshots are kept."})
final class ResurrectCommand extends LookingCommand {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help message and exit.")
  @SuppressWarnings("UnusedVariable") // the parser ends with the help when it sees it
  private boolean help;

  @Parameters(paramLabel = "PATH", arity = "0..*")
  private List<String> paths = new ArrayList<>();

  @Option(names = "--path", paramLabel = "PATH", description = "The same, in TernFS's spelling.")
  private String path;

  @Option(names = "--list", paramLabel = "FILE", description = "Paths, one on a line.")
  private Path list;

  @Option(
      names = "--version",
      paramLabel = "TIME|DUR|INODE",
      description = "The version of a file that was current then; the removed one by default.")
  private String version;

  @Option(names = "--to", paramLabel = "PATH", description = "Restore to here.")
  private String to;

  @Option(names = "--overwrite", description = "Replace what has the name now.")
  private boolean overwrite;

  @Option(
      names = {"-r", "--recursive"},
      description = "PATH was a directory: restore it as of a time.")
  private boolean recursive;

  @Option(
      names = "--as-of",
      paramLabel = "TIME|DUR",
      description = "With -r: the time, RFC 3339 or how long ago.")
  private String asOf;

  @Option(
      names = "--exact",
      description = {
        "With -r: also remove what came later (it stays as snapshots), if all that was there comes",
        "back."
      })
  private boolean exact;

  @Option(
      names = {"-v", "--details"},
      description = "With -r: tell each name that is restored.")
  private boolean details;

  @Option(names = "--dry-run", description = "Only tell what would be done.")
  private boolean dryRun;

  @Override
  int run(EggsClient client) throws Exception {
    List<String> wanted = wanted();
    if (wanted.isEmpty()) {
      throw new CommandFailure(ExitCodes.USAGE, "which files? give paths or --list");
    }
    if (to != null && wanted.size() > 1) {
      throw new CommandFailure(ExitCodes.USAGE, "--to is about one path");
    }
    if (!recursive && (asOf != null || exact)) {
      throw new CommandFailure(ExitCodes.USAGE, "--as-of and --exact go with -r");
    }
    return recursive ? restoreTree(client, wanted) : restoreFiles(client, wanted);
  }

  private int restoreTree(EggsClient client, List<String> wanted) throws Exception {
    if (asOf == null || version != null || wanted.size() > 1) {
      throw new CommandFailure(
          ExitCodes.USAGE, "-r takes one directory and --as-of TIME (see 'snapshots')");
    }
    if (to != null && exact) {
      throw new CommandFailure(ExitCodes.USAGE, "--exact restores in place; leave out --to");
    }
    long nanos = Numbers.moment("--as-of", asOf, Instant.now());
    if (Long.compareUnsigned(nanos, Units.nanos(Instant.now())) > 0) {
      throw new CommandFailure(ExitCodes.USAGE, "--as-of " + asOf + " is not over yet");
    }
    try (ProgressLine progress = ProgressLine.start("names")) {
      TreeRestore restore =
          new TreeRestore(
              client,
              new TreeRestore.Options(nanos, overwrite, exact, dryRun),
              (action, where, id, detail) -> {
                progress.addItem();
                report(progress, action, where, id, detail);
              });
      if (to == null) {
        restore.inPlace(wanted.getFirst());
      } else {
        restore.copyTo(wanted.getFirst(), EggsPath.parse(to));
      }
      return summarise(progress, restore, nanos);
    }
  }

  private void report(
      ProgressLine progress, TreeRestore.Action action, String where, long id, String detail) {
    if (json) {
      ObjectNode node = object();
      EggsPath.put(node, "path", where);
      node.put("action", action.words()).put("id", InodeIds.format(id));
      if (!detail.isEmpty()) {
        node.put("detail", detail);
      }
      progress.println(out, node.toString());
    } else if (action.isFailure()) {
      progress.println(System.err, EggsPath.shown(where) + ": " + action.words() + ": " + detail);
    } else if (details || dryRun) {
      progress.println(
          out,
          action.words()
              + " "
              + EggsPath.shown(where)
              + (detail.isEmpty() ? "" : " (" + detail + ")"));
    }
  }

  private int summarise(ProgressLine progress, TreeRestore restore, long nanos) {
    long good = 0;
    long bad = 0;
    StringBuilder words = new StringBuilder();
    ObjectNode node = object();
    for (TreeRestore.Action action : TreeRestore.Action.values()) {
      long count = restore.count(action);
      good += action.isFailure() ? 0 : count;
      bad += action.isFailure() ? count : 0;
      node.put(action.words(), count);
      if (count > 0) {
        words.append(words.isEmpty() ? "" : ", ").append(count).append(' ').append(action.words());
      }
    }
    if (json) {
      node.put("asOf", MessageJson.timeText(nanos)).put("bytesCopied", restore.bytesCopied());
      node.put("dryRun", dryRun).put("removalSkipped", restore.isRemovalSkipped());
      progress.println(out, node.toString());
    } else {
      if (restore.isRemovalSkipped()) {
        progress.println(
            System.err, "what came later is left alone, since not all that was there came back");
      }
      progress.println(
          out,
          (dryRun ? "would be, as of " : "as of ")
              + MessageJson.timeText(nanos)
              + ": "
              + (words.isEmpty() ? "nothing was there" : words)
              + (restore.bytesCopied() == 0
                  ? ""
                  : "; " + Units.bytes(restore.bytesCopied()) + " copied"));
    }
    return bad == 0 ? ExitCodes.OK : good == 0 ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }

  private List<String> wanted() throws CommandFailure {
    List<String> wanted = new ArrayList<>();
    for (String given : paths) {
      wanted.add(EggsPath.parse(given));
    }
    if (path != null) {
      wanted.add(EggsPath.parse(path));
    }
    if (list != null) {
      try {
        for (String line : Files.readAllLines(list)) {
          if (!line.isBlank()) {
            wanted.add(EggsPath.parse(line));
          }
        }
      } catch (IOException e) {
        throw new CommandFailure(ExitCodes.FAILED, list + ": " + CommandRunner.describe(e), e);
      }
    }
    return wanted;
  }

  private int restoreFiles(EggsClient client, List<String> wanted) throws Exception {
    FileRestore restore = new FileRestore(client, overwrite, dryRun);
    List<Boolean> done;
    try (ProgressLine progress = ProgressLine.start("files")) {
      done =
          Parallel.map(
              wanted,
              from -> {
                try {
                  String target = to == null ? from : EggsPath.parse(to);
                  Edge edge = restore.restore(from, version, target);
                  progress.addItem();
                  report(progress, from, target, edge);
                  return true;
                } catch (CommandFailure e) {
                  CommandRunner.error(spec.name(), e.getMessage());
                } catch (InterruptedIOException e) {
                  throw e;
                } catch (EggsException | IOException e) {
                  CommandRunner.error(spec.name(), from + ": " + Failures.words(e));
                }
                return false;
              });
    }
    long failed = done.stream().filter(ok -> !ok).count();
    return failed == 0
        ? ExitCodes.OK
        : failed == wanted.size() ? ExitCodes.FAILED : ExitCodes.PARTIAL;
  }

  private void report(ProgressLine progress, String from, String target, Edge edge) {
    long id = InodeIds.withoutExtra(edge.targetId());
    if (json) {
      ObjectNode node = object();
      EggsPath.put(node, "path", from);
      EggsPath.put(node, "to", target);
      node.put("id", InodeIds.format(id));
      node.put("created", MessageJson.timeText(edge.creationTime()));
      node.put("dryRun", dryRun);
      progress.println(out, node.toString());
    } else {
      progress.println(
          out,
          EggsPath.shown(from)
              + (target.equals(from) ? "" : " -> " + EggsPath.shown(target))
              + ": "
              + InodeIds.format(id)
              + (dryRun ? " would be resurrected" : " resurrected"));
    }
  }
}
