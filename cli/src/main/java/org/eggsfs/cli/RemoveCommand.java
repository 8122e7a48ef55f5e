package org.eggsfs.cli;

import java.io.IOException;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.ResolvedPath;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code rm}: removes names. What they led to stays as a snapshot until its policy expires. */
@Command(
    name = "rm",
    description = "Remove files, symlinks and (with -r) directories with all that is in them.")
final class RemoveCommand extends ClientCommand {
  @Option(
      names = {"-r", "-R", "--recursive"},
      description = "Remove directories and what is in them.")
  private boolean recursive;

  @Option(
      names = {"-f", "--force"},
      description = "A missing path is no error.")
  private boolean force;

  @Parameters(paramLabel = "PATH", arity = "1..*")
  private List<String> paths;

  @Override
  int run(EggsClient client) throws Exception {
    return EachPath.apply("rm", paths, path -> remove(client, path));
  }

  private void remove(EggsClient client, String path)
      throws EggsException, IOException, CommandFailure {
    if (path.equals("/")) {
      throw new CommandFailure("/: the root cannot be removed");
    }
    ResolvedPath resolved;
    try {
      resolved = client.paths().resolve(path);
    } catch (EggsException e) {
      if (force && Failures.isNotFound(e)) {
        return;
      }
      throw e;
    }
    if (InodeIds.isDirectory(resolved.id()) && !recursive) {
      throw new CommandFailure(path + ": is a directory; use -r");
    }
    Removal.remove(client, resolved.ownerId(), resolved.name(), resolved.id());
  }
}
