package org.eggsfs.cli;

import java.io.IOException;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code mv}: renames, or moves into a directory. */
@Command(name = "mv", description = "Rename files and directories, or move them into a directory.")
final class MoveCommand extends ClientCommand {
  @Parameters(paramLabel = "PATH", arity = "2..*", description = "Sources, then the destination.")
  private List<String> paths;

  @Override
  int run(EggsClient client) throws Exception {
    String destination = EggsPath.parse(paths.getLast());
    List<String> sources = paths.subList(0, paths.size() - 1);
    boolean into = isDirectory(client, destination);
    if (!into && sources.size() > 1) {
      throw new CommandFailure(ExitCodes.USAGE, destination + ": is not a directory");
    }
    return EachPath.apply(
        "mv",
        sources,
        source ->
            client
                .paths()
                .rename(
                    source,
                    into ? EggsPath.child(destination, EggsPath.name(source)) : destination));
  }

  static boolean isDirectory(EggsClient client, String path) throws EggsException, IOException {
    try {
      return InodeIds.isDirectory(client.paths().resolve(path).id());
    } catch (EggsException e) {
      if (Failures.isNotFound(e)) {
        return false;
      }
      throw e;
    }
  }
}
