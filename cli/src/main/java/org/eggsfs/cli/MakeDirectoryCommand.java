package org.eggsfs.cli;

import java.io.IOException;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
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
    return EachPath.apply("mkdir", paths, path -> make(client, path));
  }

  private void make(EggsClient client, String path) throws EggsException, IOException {
    if (parents) {
      client.paths().mkdirs(path);
      return;
    }
    if (path.equals("/")) {
      throw new EggsException(ErrorCode.CANNOT_OVERRIDE_NAME);
    }
    long parent = client.paths().resolve(EggsPath.parent(path)).id();
    byte[] name = EggsPath.bytes(EggsPath.name(path));
    try {
      client.inodes().lookup(parent, name);
    } catch (EggsException e) {
      if (e.code() == ErrorCode.NAME_NOT_FOUND) {
        client.inodes().mkdir(parent, name);
        return;
      }
      throw e;
    }
    // The CDC would answer with the directory that is there, as it must for repeated requests.
    throw new EggsException(ErrorCode.CANNOT_OVERRIDE_NAME);
  }
}
