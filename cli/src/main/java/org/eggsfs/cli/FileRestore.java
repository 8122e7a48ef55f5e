package org.eggsfs.cli;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.struct.Edge;

/**
 * Brings back one file or symlink whose directory still exists, by its snapshot edge
 * (SameDirectoryRenameSnapshot): metadata only, the inode stays the same.
 *
 * <p>Into another directory it takes two steps, a temporary name and a rename. If it is interrupted
 * between them the file is whole, under the temporary name.
 */
final class FileRestore {
  private static final String TEMPORARY = ".eggs-resurrect-";

  private final EggsClient client;
  private final boolean overwrite;
  private final boolean dryRun;

  FileRestore(EggsClient client, boolean overwrite, boolean dryRun) {
    this.client = client;
    this.overwrite = overwrite;
    this.dryRun = dryRun;
  }

  /**
   * Restores one name.
   *
   * @param version the inode or a moment of the version wanted; null for the one that was removed
   * @param to where to; the same path to restore it in place
   * @return what was restored
   */
  Edge restore(String path, String version, String to)
      throws EggsException, IOException, CommandFailure {
    if (path.equals("/")) {
      throw new CommandFailure("/: the root is never removed");
    }
    long directory = liveDirectory(EggsPath.parent(path));
    List<Edge> edges = new ArrayList<>();
    Edges.readName(client, directory, EggsPath.bytes(EggsPath.name(path)), edges::add);
    Edge chosen = version == null ? removed(path, edges) : version(path, edges, version);
    long target = InodeIds.withoutExtra(chosen.targetId());
    if (!InodeIds.extra(chosen.targetId())) {
      throw new CommandFailure(
          path
              + ": "
              + InodeIds.format(target)
              + " is not kept by this version: it was moved or restored; 'eggs cli resolve "
              + InodeIds.format(target)
              + "' tells where it is");
    }
    long toDirectory = to.equals(path) ? directory : liveDirectory(EggsPath.parent(to));
    byte[] toName = EggsPath.bytes(EggsPath.name(to));
    long newest = checkFree(to, toDirectory, toName);
    if (!dryRun) {
      move(client, target, directory, chosen, toDirectory, toName);
      if (!overwrite) {
        checkNoneReplaced(to, toDirectory, toName, newest);
      }
    }
    return chosen;
  }

  /**
   * Tells what somebody has written under the name between the look at it and the move, for which
   * there is no request that refuses to replace.
   */
  private void checkNoneReplaced(String to, long directory, byte[] name, long newestBefore)
      throws EggsException, IOException, CommandFailure {
    List<Edge> newest = Edges.newest(client, directory, name, 2);
    if (newest.size() < 2) {
      return;
    }
    Edge before = newest.getLast();
    long replaced = InodeIds.withoutExtra(before.targetId());
    if (replaced != InodeIds.NULL
        && InodeIds.extra(before.targetId())
        && Long.compareUnsigned(before.creationTime(), newestBefore) > 0) {
      throw new CommandFailure(
          to
              + ": restored, but replaced "
              + InodeIds.format(replaced)
              + ", which was written at that moment; it is kept: eggs cli resurrect "
              + to
              + " --version "
              + InodeIds.format(replaced)
              + " --to ELSEWHERE");
    }
  }

  /** Makes an owned snapshot edge a current edge, here or in another directory. */
  static long move(
      EggsClient client, long target, long directory, Edge edge, long toDirectory, byte[] toName)
      throws EggsException, IOException {
    if (toDirectory == directory) {
      return client.inodes().resurrect(target, directory, edge.name(), edge.creationTime(), toName);
    }
    byte[] temporary = EggsPath.bytes(TEMPORARY + InodeIds.format(target));
    long created =
        client.inodes().resurrect(target, directory, edge.name(), edge.creationTime(), temporary);
    return client.inodes().renameEdge(target, directory, temporary, created, toDirectory, toName);
  }

  private long liveDirectory(String path) throws EggsException, IOException, CommandFailure {
    try {
      long id = client.paths().resolve(path).id();
      if (!InodeIds.isDirectory(id)) {
        throw new CommandFailure(path + ": is not a directory");
      }
      return id;
    } catch (EggsException e) {
      if (!Failures.isNotFound(e)) {
        throw e;
      }
      throw new CommandFailure(
          path
              + ": is no directory now; bring it back first: eggs cli resurrect -r "
              + path
              + " --as-of TIME");
    }
  }

  /** The creation time of the newest edge of a name that may be taken; 0 for none. */
  private long checkFree(String to, long directory, byte[] name)
      throws EggsException, IOException, CommandFailure {
    List<Edge> newest = Edges.newest(client, directory, name, 1);
    if (newest.isEmpty()) {
      return 0;
    }
    long created = newest.getFirst().creationTime();
    if (!newest.getFirst().current()) {
      return created;
    }
    if (InodeIds.isDirectory(InodeIds.withoutExtra(newest.getFirst().targetId()))) {
      throw new CommandFailure(to + ": is a directory now; restore elsewhere with --to");
    }
    if (!overwrite) {
      throw new CommandFailure(
          to + ": exists; replace it with --overwrite or restore elsewhere with --to");
    }
    return created;
  }

  private static Edge removed(String path, List<Edge> newestFirst) throws CommandFailure {
    if (newestFirst.isEmpty()) {
      throw new CommandFailure(path + ": no version of it is kept");
    }
    Edge newest = newestFirst.getFirst();
    if (newest.current()) {
      throw new CommandFailure(
          path
              + ": exists; choose an older version with --version (eggs cli snapshots "
              + path
              + ")");
    }
    if (InodeIds.withoutExtra(newest.targetId()) != InodeIds.NULL || newestFirst.size() < 2) {
      throw new CommandFailure(path + ": its newest version is no deletion");
    }
    Edge before = newestFirst.get(1);
    if (InodeIds.isDirectory(InodeIds.withoutExtra(before.targetId()))) {
      throw new CommandFailure(path + ": was a directory; use -r with --as-of");
    }
    return before;
  }

  private static Edge version(String path, List<Edge> newestFirst, String version)
      throws CommandFailure {
    Edge found = null;
    if (version.startsWith("0x")) {
      long id = Numbers.inode("--version", version);
      for (Edge edge : newestFirst) {
        if (InodeIds.withoutExtra(edge.targetId()) == id
            && (found == null || InodeIds.extra(edge.targetId()))) {
          found = edge;
        }
      }
    } else {
      found = History.asOf(newestFirst, Numbers.moment("--version", version, Instant.now()));
    }
    if (found == null) {
      throw new CommandFailure(
          path + ": no version " + version + " is kept; see eggs cli snapshots " + path);
    }
    if (found.current()) {
      throw new CommandFailure(path + ": version " + version + " is the current one");
    }
    if (InodeIds.isDirectory(InodeIds.withoutExtra(found.targetId()))) {
      throw new CommandFailure(path + ": was a directory; use -r with --as-of");
    }
    return found;
  }
}
