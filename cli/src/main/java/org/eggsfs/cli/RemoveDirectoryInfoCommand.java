package org.eggsfs.cli;

import picocli.CommandLine.Command;

/** {@code remove-dir-info}: lets a directory, given by inode, inherit a policy again. */
@Command(
    name = "remove-dir-info",
    description = "Let a directory given by inode inherit a policy again.")
final class RemoveDirectoryInfoCommand extends DirectoryInfoCommand {
  @Override
  byte[] body(int tagNumber) {
    return null;
  }
}
