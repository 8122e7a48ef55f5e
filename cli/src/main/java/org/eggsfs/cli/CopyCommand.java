package org.eggsfs.cli;

import java.util.List;
import org.eggsfs.client.EggsClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cp}: copies into the file system and out of it. */
@Command(
    name = "cp",
    description = "Copy files in (LOCAL eggs:/PATH) or out (eggs:/PATH LOCAL); - is a stream.")
final class CopyCommand extends ClientCommand {
  private static final int JOBS_DEFAULT = 16;
  private static final int JOBS_MAX = 256;

  @Option(
      names = {"-r", "-R", "--recursive"},
      description = "Copy directories with all that is in them.")
  private boolean recursive;

  @Option(
      names = {"-v", "--print"},
      description = {
        "Print each file when it is safely copied; copying out waits for the local disk then."
      })
  private boolean print;

  @Option(
      names = {"-j", "--jobs"},
      paramLabel = "N",
      description = "Files copied at the same time (default ${DEFAULT-VALUE}).")
  private int jobs = JOBS_DEFAULT;

  @Parameters(
      paramLabel = "PATH",
      arity = "2..*",
      description = "Sources, then the destination; one side begins with eggs:.")
  private List<String> paths;

  @Override
  int run(EggsClient client) throws Exception {
    if (jobs < 1 || jobs > JOBS_MAX) {
      throw new CommandFailure(ExitCodes.USAGE, "--jobs is 1 to " + JOBS_MAX);
    }
    String destination = paths.getLast();
    List<String> sources = paths.subList(0, paths.size() - 1);
    boolean in = EggsPath.isMarked(destination);
    for (String source : sources) {
      if (EggsPath.isMarked(source) == in) {
        throw new CommandFailure(
            ExitCodes.USAGE,
            in
                ? source + ": both sides are in EggsFS; copy out, then in"
                : source + " and " + destination + " are both local; mark ours with eggs:");
      }
    }
    try (ProgressLine progress = ProgressLine.start("files");
        CopyJobs work = new CopyJobs(jobs, print ? out : null, progress)) {
      if (in) {
        new CopyIn(client, work, progress, recursive).copy(sources, EggsPath.parse(destination));
      } else {
        new CopyOut(client, work, progress, recursive, print).copy(sources, destination);
      }
      return work.finish();
    }
  }
}
