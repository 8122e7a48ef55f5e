package org.eggsfs.cli;

import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Option;

/**
 * What {@code set-dir-info} and {@code remove-dir-info} share: a policy of a directory by inode.
 */
abstract class DirectoryInfoCommand extends ClientCommand {
  @Option(names = "--id", paramLabel = "INODE", required = true, description = "The directory.")
  private String id;

  @Option(
      names = "--tag",
      paramLabel = "TAG",
      required = true,
      description = "SNAPSHOT, SPAN, BLOCK or STRIPE.")
  private String tag;

  @Option(
      names = {"-y", "--yes"},
      description = "Do not ask.")
  private boolean yes;

  /** The policy's bytes for a tag; null to inherit. */
  abstract byte[] body(int tagNumber) throws CommandFailure;

  @Override
  final int run(EggsClient client) throws Exception {
    int number = Policies.tag(tag);
    byte[] body = body(number);
    long directory = Numbers.inode("--id", id);
    if (!InodeIds.isDirectory(directory)) {
      throw new CommandFailure(ExitCodes.USAGE, "--id: " + id + " is no directory");
    }
    if (body == null && directory == InodeIds.ROOT) {
      throw new CommandFailure(
          ExitCodes.USAGE, "the root must keep its policies; set another one instead");
    }
    Confirmation.ask(
        yes,
        InodeIds.format(directory)
            + " "
            + Policies.tagName(number)
            + ": "
            + (body == null ? "inherited" : Policies.decode(number, body)));
    try {
      client.inodes().setPolicy(directory, number, body);
    } catch (EggsException e) {
      throw Failures.at(InodeIds.format(directory), e);
    }
    return ExitCodes.OK;
  }
}
