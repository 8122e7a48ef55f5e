package org.eggsfs.cli;

import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ln -s}: makes a symlink. */
@Command(name = "ln", description = "Make a symlink (there are no hard links).")
final class LinkCommand extends ClientCommand {
  @Option(
      names = {"-s", "--symbolic"},
      required = true,
      description = "A symlink; required.")
  private boolean symbolic;

  @Parameters(index = "0", paramLabel = "TARGET", description = "The text of the symlink.")
  private String target;

  @Parameters(index = "1", paramLabel = "PATH", description = "Where to put it.")
  private String path;

  @Override
  int run(EggsClient client) throws Exception {
    String link = EggsPath.parse(path);
    String text = EggsPath.given(target);
    if (!symbolic) {
      throw new CommandFailure(ExitCodes.USAGE, "only symlinks are possible: use -s");
    }
    if (MoveCommand.isDirectory(client, link)) {
      link = EggsPath.child(link, EggsPath.name(text));
    }
    try {
      client.paths().symlink(text, link);
    } catch (EggsException e) {
      throw Failures.at(link, e);
    }
    return ExitCodes.OK;
  }
}
