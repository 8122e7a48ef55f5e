package org.eggsfs.client;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.eggsfs.client.span.SpanUploader;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.InodeType;
import org.eggsfs.protocol.cdc.MakeDirectoryRequest;
import org.eggsfs.protocol.cdc.MakeDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameDirectoryRequest;
import org.eggsfs.protocol.cdc.RenameDirectoryResponse;
import org.eggsfs.protocol.cdc.RenameFileRequest;
import org.eggsfs.protocol.cdc.RenameFileResponse;
import org.eggsfs.protocol.cdc.SoftUnlinkDirectoryRequest;
import org.eggsfs.protocol.shard.LinkFileOverRequest;
import org.eggsfs.protocol.shard.LinkFileOverResponse;
import org.eggsfs.protocol.shard.LookupRequest;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.shard.ReadDirRequest;
import org.eggsfs.protocol.shard.ReadDirResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameResponse;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotRequest;
import org.eggsfs.protocol.shard.SameDirectoryRenameSnapshotResponse;
import org.eggsfs.protocol.shard.SetDirectoryInfoRequest;
import org.eggsfs.protocol.shard.SetTimeRequest;
import org.eggsfs.protocol.shard.SoftUnlinkFileRequest;
import org.eggsfs.protocol.shard.StatDirectoryRequest;
import org.eggsfs.protocol.shard.StatDirectoryResponse;
import org.eggsfs.protocol.shard.StatFileRequest;
import org.eggsfs.protocol.shard.StatFileResponse;
import org.eggsfs.protocol.struct.CurrentEdge;
import org.eggsfs.protocol.struct.DirectoryInfo;
import org.eggsfs.protocol.struct.DirectoryInfoEntry;

/**
 * Operations on names, attributes and policies by inode id, each one or a few requests to a shard
 * or the CDC; the server's error is passed on. Those that a lock or a clock refuses for a moment
 * are tried for about a second. Thread-safe.
 */
public final class InodeOperations {
  private static final long SET = Long.MIN_VALUE;

  private final EggsClient client;
  private final PolicyCache policies;

  InodeOperations(EggsClient client, PolicyCache policies) {
    this.client = client;
    this.policies = policies;
  }

  /** What a name leads to, with the edge's creation time. */
  public LookupResponse lookupEdge(long directory, byte[] name) throws EggsException, IOException {
    return client.shard(InodeIds.shard(directory), new LookupRequest(directory, name));
  }

  /** What a name leads to. */
  public long lookup(long directory, byte[] name) throws EggsException, IOException {
    return lookupEdge(directory, name).targetId();
  }

  /** Attributes. */
  public Stat stat(long id) throws EggsException, IOException {
    if (InodeIds.isDirectory(id)) {
      StatDirectoryResponse stat = client.shard(InodeIds.shard(id), new StatDirectoryRequest(id));
      return new Stat(
          id, InodeType.DIRECTORY, 0, stat.mtime(), stat.mtime(), stat.owner(), stat.info());
    }
    StatFileResponse stat = client.shard(InodeIds.shard(id), new StatFileRequest(id));
    return new Stat(
        id, InodeIds.type(id), stat.size(), stat.mtime(), stat.atime(), InodeIds.NULL, null);
  }

  /** The live entries of a directory, page by page in the server's order. */
  public void list(long directory, Consumer<? super CurrentEdge> to)
      throws EggsException, IOException {
    long hash = 0;
    do {
      ReadDirResponse page =
          client.shard(InodeIds.shard(directory), new ReadDirRequest(directory, hash, 0));
      page.results().forEach(to);
      if (page.nextHash() != 0 && Long.compareUnsigned(page.nextHash(), hash) <= 0) {
        throw new EggsException(ErrorCode.MALFORMED_RESPONSE, "directory listing goes backwards");
      }
      hash = page.nextHash();
    } while (hash != 0);
  }

  /** Creates a directory; one that is there already is the answer ({@link NewNames}). */
  public long mkdir(long directory, byte[] name) throws EggsException, IOException {
    MakeDirectoryResponse made =
        Patience.patiently(() -> client.cdc(new MakeDirectoryRequest(directory, name)));
    return made.id();
  }

  /** Removes a file or symbolic link. */
  public void unlink(long directory, byte[] name) throws EggsException, IOException {
    Patience.patiently(
        () -> {
          LookupResponse edge = lookupEdge(directory, name);
          if (InodeIds.isDirectory(edge.targetId())) {
            throw new EggsException(ErrorCode.TYPE_IS_DIRECTORY);
          }
          return client.shard(
              InodeIds.shard(directory),
              new SoftUnlinkFileRequest(directory, edge.targetId(), name, edge.creationTime()));
        });
  }

  /** Removes the edge to a file or symbolic link that a lookup has just found. */
  public void unlink(long directory, byte[] name, long target, long creationTime)
      throws EggsException, IOException {
    client.shard(
        InodeIds.shard(directory),
        new SoftUnlinkFileRequest(directory, target, name, creationTime));
  }

  /** Removes an empty directory. */
  public void rmdir(long directory, byte[] name) throws EggsException, IOException {
    Patience.patiently(
        () -> {
          LookupResponse edge = lookupEdge(directory, name);
          if (!InodeIds.isDirectory(edge.targetId())) {
            throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
          }
          return client.cdc(
              new SoftUnlinkDirectoryRequest(
                  directory, edge.targetId(), edge.creationTime(), name));
        });
  }

  /** Renames, within a directory or between two. Renaming something to itself does nothing. */
  public void rename(long oldDirectory, byte[] oldName, long newDirectory, byte[] newName)
      throws EggsException, IOException {
    Patience.patiently(
        () -> {
          LookupResponse edge = lookupEdge(oldDirectory, oldName);
          long target = edge.targetId();
          long created = edge.creationTime();
          if (oldDirectory == newDirectory) {
            if (!Arrays.equals(oldName, newName)) {
              client.shard(
                  InodeIds.shard(oldDirectory),
                  new SameDirectoryRenameRequest(target, oldDirectory, oldName, created, newName));
            }
          } else if (InodeIds.isDirectory(target)) {
            client.cdc(
                new RenameDirectoryRequest(
                    target, oldDirectory, oldName, created, newDirectory, newName));
          } else {
            client.cdc(
                new RenameFileRequest(
                    target, oldDirectory, oldName, created, newDirectory, newName));
          }
          return null;
        });
  }

  /**
   * Moves one certain edge, or fails when it is not there any more.
   *
   * @return the creation time of the new edge
   */
  public long renameEdge(
      long target,
      long oldDirectory,
      byte[] oldName,
      long oldCreationTime,
      long newDirectory,
      byte[] newName)
      throws EggsException, IOException {
    return Patience.patiently(
        () -> {
          if (oldDirectory == newDirectory) {
            SameDirectoryRenameResponse renamed =
                client.shard(
                    InodeIds.shard(oldDirectory),
                    new SameDirectoryRenameRequest(
                        target, oldDirectory, oldName, oldCreationTime, newName));
            return renamed.newCreationTime();
          }
          if (InodeIds.isDirectory(target)) {
            RenameDirectoryResponse renamed =
                client.cdc(
                    new RenameDirectoryRequest(
                        target, oldDirectory, oldName, oldCreationTime, newDirectory, newName));
            return renamed.creationTime();
          }
          RenameFileResponse renamed =
              client.cdc(
                  new RenameFileRequest(
                      target, oldDirectory, oldName, oldCreationTime, newDirectory, newName));
          return renamed.creationTime();
        });
  }

  /**
   * Brings a removed or overwritten file back under a name of the same directory. A file that has
   * the name becomes a snapshot.
   *
   * @param creationTime of the snapshot edge, which must own the file
   * @return the creation time of the new edge
   */
  public long resurrect(long target, long directory, byte[] name, long creationTime, byte[] newName)
      throws EggsException, IOException {
    return Patience.patiently(
        () -> {
          SameDirectoryRenameSnapshotResponse restored =
              client.shard(
                  InodeIds.shard(directory),
                  new SameDirectoryRenameSnapshotRequest(
                      target, directory, name, creationTime, newName));
          return restored.newCreationTime();
        });
  }

  /**
   * Lets a complete file under construction take the place and the times of a file, if the name
   * still has the very edge that a lookup has found. The replaced file becomes a snapshot. A server
   * of TernFS does not know this request and never answers it.
   *
   * @param copy in the directory's shard
   * @param replaced what the name leads to
   * @param creationTime of that edge
   * @return the creation time of the new edge
   * @throws EggsException EDGE_NOT_FOUND, MISMATCHING_TARGET or MISMATCHING_CREATION_TIME if the
   *     name has changed meanwhile
   */
  public long linkOver(
      SpanUploader.TransientFile copy,
      long directory,
      byte[] name,
      long replaced,
      long creationTime)
      throws EggsException, IOException {
    // For a shard that does not have the replaced file; one that has it takes what is there.
    Stat stat = stat(replaced);
    LinkFileOverRequest request =
        new LinkFileOverRequest(
            copy.id(),
            copy.cookie(),
            directory,
            name,
            replaced,
            creationTime,
            stat.mtime(),
            stat.atime());
    LinkFileOverResponse linked =
        Patience.patiently(() -> client.shard(InodeIds.shard(directory), request));
    return linked.creationTime();
  }

  /** Sets times of a file or symbolic link in nanoseconds since 1970; -1 leaves one as it is. */
  public void setTimes(long id, long mtime, long atime) throws EggsException, IOException {
    Patience.patiently(() -> client.shard(InodeIds.shard(id), setTimeRequest(id, mtime, atime)));
  }

  static SetTimeRequest setTimeRequest(long id, long mtime, long atime) {
    return new SetTimeRequest(id, time(mtime), time(atime));
  }

  /** Notes an access without waiting or certainty. */
  public void touchAccessTime(long id, long atime) {
    client.shardForget(InodeIds.shard(id), new SetTimeRequest(id, 0, time(atime)));
  }

  private static long time(long value) {
    return value < 0 ? 0 : value | SET;
  }

  /** The policies that hold in a directory, from the cache if they are fresh. */
  public DirectoryPolicies policies(long directory) throws EggsException, IOException {
    return policies.get(directory);
  }

  /**
   * Sets or removes a directory's own policy. Read, changed and written back: of two changes of one
   * directory at the same time one may be lost. Other clients see it when their caches have aged.
   *
   * @param tag of {@link org.eggsfs.protocol.DirectoryInfoTag}
   * @param body the encoded policy, null to inherit
   */
  public void setPolicy(long directory, int tag, byte[] body) throws EggsException, IOException {
    Patience.patiently(
        () -> {
          Stat stat = stat(directory);
          if (stat.info() == null) {
            throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
          }
          List<DirectoryInfoEntry> entries = new ArrayList<>();
          for (DirectoryInfoEntry entry : stat.info().entries()) {
            if (entry.tag() != tag) {
              entries.add(entry);
            }
          }
          if (body != null) {
            entries.add(new DirectoryInfoEntry(tag, body));
          }
          return client.shard(
              InodeIds.shard(directory),
              new SetDirectoryInfoRequest(directory, new DirectoryInfo(entries)));
        });
    policies.clear();
  }
}
