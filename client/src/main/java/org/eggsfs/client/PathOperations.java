package org.eggsfs.client;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import org.eggsfs.core.InodeIds;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;
import org.eggsfs.protocol.shard.LookupResponse;
import org.eggsfs.protocol.struct.CurrentEdge;

/**
 * Operations by absolute path, which is {@link NameText} like all texts here. Each looks the path's
 * components up and then does by id what {@link InodeOperations} and {@link FileStreams} do; errors
 * name the path. Thread-safe.
 */
public final class PathOperations {
  private final InodeOperations inodes;
  private final FileStreams files;

  PathOperations(InodeOperations inodes, FileStreams files) {
    this.inodes = inodes;
    this.files = files;
  }

  /** Puts the path into the error. */
  private static <T> T named(String path, Patience.Work<T> work) throws EggsException, IOException {
    try {
      return work.run();
    } catch (EggsException e) {
      throw new EggsException(e.code(), path, e);
    } catch (InterruptedIOException e) {
      throw e;
    } catch (IOException e) {
      throw new IOException(path + ": " + e.getMessage(), e);
    }
  }

  /** Looks every component up, from the root. Symbolic links are not followed. */
  public ResolvedPath resolve(String path) throws EggsException, IOException {
    List<byte[]> components = ClientPaths.components(path);
    ResolvedPath at = new ResolvedPath(InodeIds.ROOT, 0, InodeIds.NULL, new byte[0]);
    for (int i = 0; i < components.size(); i++) {
      at = step(components, i, at.id());
    }
    return at;
  }

  private ResolvedPath step(List<byte[]> components, int index, long directory)
      throws EggsException, IOException {
    byte[] name = components.get(index);
    return named(
        ClientPaths.join(components, index + 1),
        () -> {
          if (!InodeIds.isDirectory(directory)) {
            throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
          }
          LookupResponse found = inodes.lookupEdge(directory, name);
          return new ResolvedPath(found.targetId(), found.creationTime(), directory, name);
        });
  }

  /** The directory that a path's last component is or would be in. */
  private ResolvedPath parent(String path) throws EggsException, IOException {
    List<byte[]> components = ClientPaths.components(path);
    if (components.isEmpty()) {
      throw new EggsException(ErrorCode.BAD_NAME, path + ": the root directory");
    }
    long directory =
        components.size() == 1
            ? InodeIds.ROOT
            : resolve(ClientPaths.join(components, components.size() - 1)).id();
    if (!InodeIds.isDirectory(directory)) {
      throw new EggsException(
          ErrorCode.TYPE_IS_NOT_DIRECTORY, ClientPaths.join(components, components.size() - 1));
    }
    return new ResolvedPath(InodeIds.NULL, 0, directory, components.getLast());
  }

  /** Attributes. */
  public Stat stat(String path) throws EggsException, IOException {
    ResolvedPath at = resolve(path);
    return named(path, () -> inodes.stat(at.id()));
  }

  /** The live entries of a directory, in the server's order. */
  public List<CurrentEdge> list(String path) throws EggsException, IOException {
    ResolvedPath at = resolve(path);
    List<CurrentEdge> entries = new ArrayList<>();
    named(
        path,
        () -> {
          inodes.list(at.id(), entries::add);
          return null;
        });
    return entries;
  }

  /** Creates a directory in an existing one. */
  public long mkdir(String path) throws EggsException, IOException {
    ResolvedPath parent = parent(path);
    return named(path, () -> inodes.mkdir(parent.ownerId(), parent.name()));
  }

  /** Creates a directory and those above it that do not exist. */
  public long mkdirs(String path) throws EggsException, IOException {
    List<byte[]> components = ClientPaths.components(path);
    long at = InodeIds.ROOT;
    for (int i = 0; i < components.size(); i++) {
      long directory = at;
      byte[] name = components.get(i);
      at =
          named(
              ClientPaths.join(components, i + 1),
              () -> {
                long found = lookupOrMkdir(directory, name);
                if (!InodeIds.isDirectory(found)) {
                  throw new EggsException(ErrorCode.TYPE_IS_NOT_DIRECTORY);
                }
                return found;
              });
    }
    return at;
  }

  private long lookupOrMkdir(long directory, byte[] name) throws EggsException, IOException {
    try {
      return inodes.lookup(directory, name);
    } catch (EggsException e) {
      if (e.code() != ErrorCode.NAME_NOT_FOUND) {
        throw e;
      }
    }
    try {
      return inodes.mkdir(directory, name);
    } catch (EggsException e) {
      if (e.code() != ErrorCode.CANNOT_OVERRIDE_NAME) {
        throw e;
      }
      // Somebody else has just made it.
      return inodes.lookup(directory, name);
    }
  }

  /** Removes a file or symbolic link; policies say how long it can be brought back. */
  public void unlink(String path) throws EggsException, IOException {
    ResolvedPath parent = parent(path);
    named(
        path,
        () -> {
          inodes.unlink(parent.ownerId(), parent.name());
          return null;
        });
  }

  /** Removes an empty directory. */
  public void rmdir(String path) throws EggsException, IOException {
    ResolvedPath parent = parent(path);
    named(
        path,
        () -> {
          inodes.rmdir(parent.ownerId(), parent.name());
          return null;
        });
  }

  /** Renames; an existing file of the new name becomes a snapshot. */
  public void rename(String from, String to) throws EggsException, IOException {
    ResolvedPath old = parent(from);
    ResolvedPath fresh = parent(to);
    named(
        from + " to " + to,
        () -> {
          inodes.rename(old.ownerId(), old.name(), fresh.ownerId(), fresh.name());
          return null;
        });
  }

  /** Creates a symbolic link; returns its id. */
  public long symlink(String target, String path) throws EggsException, IOException {
    ResolvedPath parent = parent(path);
    return named(
        path, () -> files.symlink(parent.ownerId(), parent.name(), NameText.bytes(target)));
  }

  /** The target of a symbolic link. */
  public String readlink(String path) throws EggsException, IOException {
    ResolvedPath at = resolve(path);
    return named(path, () -> NameText.of(files.readlink(at.id())));
  }

  /** Sets times of a file or symbolic link in nanoseconds since 1970; -1 leaves one as it is. */
  public void setTimes(String path, long mtime, long atime) throws EggsException, IOException {
    ResolvedPath at = resolve(path);
    named(
        path,
        () -> {
          inodes.setTimes(at.id(), mtime, atime);
          return null;
        });
  }

  /** Begins a new file that gets this name when it is committed. */
  public FileWriter create(String path) throws EggsException, IOException {
    ResolvedPath parent = parent(path);
    return named(path, () -> files.create(parent.ownerId(), parent.name()));
  }

  /** Opens a file for reading. */
  public FileReader open(String path) throws EggsException, IOException {
    ResolvedPath at = resolve(path);
    return named(path, () -> files.open(at.id()));
  }
}
