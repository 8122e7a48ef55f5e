package org.eggsfs.cli;

import java.io.IOException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;

/**
 * An inode that an operator names by path or by id.
 *
 * @param name how it was named, cleaned
 * @param id the inode
 */
record FileArgument(String name, long id) {
  /** How it was named, for people. */
  String text() {
    return EggsPath.shown(name);
  }

  /** A file or symlink. */
  static FileArgument file(EggsClient client, String text)
      throws EggsException, IOException, CommandFailure {
    FileArgument found = any(client, text);
    if (InodeIds.isDirectory(found.id)) {
      throw new CommandFailure(found.text() + ": is a directory");
    }
    return found;
  }

  /** A directory. */
  static FileArgument directory(EggsClient client, String text)
      throws EggsException, IOException, CommandFailure {
    FileArgument found = any(client, text);
    if (!InodeIds.isDirectory(found.id)) {
      throw new CommandFailure(found.text() + ": is not a directory");
    }
    return found;
  }

  static FileArgument any(EggsClient client, String text)
      throws EggsException, IOException, CommandFailure {
    if (Numbers.looksLikeId(text)) {
      long id = Numbers.inode("inode", text);
      return new FileArgument(InodeIds.format(id), id);
    }
    String path = EggsPath.parse(text);
    try {
      return new FileArgument(path, client.paths().resolve(path).id());
    } catch (EggsException e) {
      throw Failures.at(path, e);
    }
  }
}
