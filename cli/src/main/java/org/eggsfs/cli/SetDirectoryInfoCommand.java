package org.eggsfs.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code set-dir-info}: {@code set-policy} by inode, in TernFS's spelling (cli.md 2.2). */
@Command(
    name = "set-dir-info",
    description = "Set a policy of a directory given by inode; see set-policy for the JSON.")
final class SetDirectoryInfoCommand extends DirectoryInfoCommand {
  @Option(names = "--body", paramLabel = "JSON", required = true, description = "The policy.")
  private String policy;

  @Override
  byte[] body(int tagNumber) throws CommandFailure {
    return Policies.encode(tagNumber, policy);
  }
}
