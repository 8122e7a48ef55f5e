package org.eggsfs.cli;

import java.nio.charset.StandardCharsets;
import org.eggsfs.client.EggsClient;
import org.eggsfs.protocol.shuckle.UpdateBlockServicePathRequest;
import org.eggsfs.protocol.struct.BlockServiceDeprecatedInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code update-blockservice-path}: a disk has moved to another mount point or host. */
@Command(
    name = "update-blockservice-path",
    description = {
      "Record another path of a block service, PREFIX:DIRECTORY, while no server serves its disk.",
      "A server that does tells its own path, at its next registration within about a minute."
    })
final class UpdateBlockServicePathCommand extends ClientCommand {
  private static final int PATH_BYTES_MAX = 255;

  @Option(names = "--id", paramLabel = "ID", required = true, description = "The block service.")
  private String id;

  @Option(
      names = "--new-path",
      paramLabel = "PATH",
      required = true,
      description = "Where it is now.")
  private String newPath;

  @Override
  int run(EggsClient client) throws Exception {
    byte[] path = newPath.getBytes(StandardCharsets.UTF_8);
    if (path.length == 0 || path.length > PATH_BYTES_MAX) {
      throw new CommandFailure(ExitCodes.USAGE, "--new-path: 1 to 255 bytes");
    }
    BlockServiceDeprecatedInfo service = BlockServices.read(client).named("--id", id);
    client.shuckle().call(new UpdateBlockServicePathRequest(service.id(), path));
    out.println(BlockServices.describe(service) + " -> " + newPath);
    return ExitCodes.OK;
  }
}
