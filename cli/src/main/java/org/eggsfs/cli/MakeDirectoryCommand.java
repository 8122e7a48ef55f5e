package org.eggsfs.cli;

import java.io.IOException;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code mkdir}: makes directories. */
@Command(name = "mkdir", description = "Make directories.")
final class MakeDirectoryCommand extends ClientCommand {
  @Option(
      names = {"-p", "--parents"},
      description = "Make missing parents; an existing directory is no error.")
  private boolean parents;

  @Parameters(paramLabel = "PATH", arity = "1..*")
  private List<String> paths;

  @Override
  int run(EggsClient client) throws Exception {
    return EachPath.apply(
        "mkdir",
        paths,
        path -> {
          make(client, path);
        });
  }

  private void make(EggsClient client, String path) throws EggsException, IOException {
    if (parents) {
      client.mkdirs(path);
    } else {
      client.mkdir(path);
    }
  }
}
