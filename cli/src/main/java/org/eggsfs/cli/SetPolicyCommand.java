package org.eggsfs.cli;

import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code set-policy}: gives a directory a policy of its own, or takes it away. */
@Command(
    name = "set-policy",
    description = "Set or remove a policy of a directory; it holds for files written later.",
    footer = {
      "Policies as JSON:",
      "  SNAPSHOT  {\"DeleteAfterTime\":\"720h\",\"DeleteAfterVersions\":5}",
      "  SPAN      {\"Entries\":[{\"MaxSize\":65536,\"Parity\":[1,4]}]}",
      "  BLOCK     {\"Entries\":[{\"StorageClass\":\"FLASH\",\"MinSize\":0}]}",
      "  STRIPE    {\"TargetStripeSize\":1048576}"
    })
final class SetPolicyCommand extends ClientCommand {
  @Option(names = "--remove", description = "Inherit the policy again.")
  private boolean remove;

  @Option(
      names = {"-y", "--yes"},
      description = "Do not ask.")
  private boolean yes;

  @Parameters(index = "0", paramLabel = "PATH")
  private String path;

  @Parameters(index = "1", paramLabel = "TAG", description = "SNAPSHOT, SPAN, BLOCK or STRIPE.")
  private String tag;

  @Parameters(index = "2", arity = "0..1", paramLabel = "JSON")
  private String policy;

  @Override
  int run(EggsClient client) throws Exception {
    String directory = EggsPath.parse(path);
    int number = Policies.tag(tag);
    if (remove == (policy != null)) {
      throw new CommandFailure(ExitCodes.USAGE, "give either the policy as JSON or --remove");
    }
    byte[] body = remove ? null : Policies.encode(number, policy);
    try {
      long id = client.paths().resolve(directory).id();
      if (!InodeIds.isDirectory(id)) {
        throw new CommandFailure(directory + ": is not a directory; files have no policies");
      }
      if (remove && id == InodeIds.ROOT) {
        throw new CommandFailure("/: the root must keep its policies; set another one instead");
      }
      Confirmation.ask(
          yes,
          EggsPath.shown(directory)
              + " "
              + Policies.tagName(number)
              + ": "
              + (body == null ? "inherited" : Policies.decode(number, body)));
      client.inodes().setPolicy(id, number, body);
      return ExitCodes.OK;
    } catch (EggsException e) {
      throw Failures.at(directory, e);
    }
  }
}
