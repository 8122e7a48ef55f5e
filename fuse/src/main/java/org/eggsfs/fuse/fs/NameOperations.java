package org.eggsfs.fuse.fs;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import org.eggsfs.client.EggsClient;
import org.eggsfs.client.FileWriter;
import org.eggsfs.core.InodeIds;
import org.eggsfs.fuse.kernel.Abi;
import org.eggsfs.fuse.kernel.Entry;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.fuse.kernel.FuseRequest;
import org.eggsfs.protocol.EggsException;
import org.eggsfs.protocol.ErrorCode;

/** Changes of names: making, removing and moving what has them. */
final class NameOperations {
  private static final Logger LOG = System.getLogger(NameOperations.class.getName());

  private final EggsClient client;
  private final Nodes nodes;
  private final Names names;
  private final Unfinished unfinished;

  NameOperations(EggsClient client, Names names, Unfinished unfinished) {
    this.client = client;
    this.nodes = names.nodes();
    this.names = names;
    this.unfinished = unfinished;
  }

  void symlink(FuseRequest request, long parent, byte[] name, byte[] target) {
    if (Names.refuseLong(request, name)) {
      return;
    }
    long directory = Names.inode(parent);
    Waiting.later(
        request,
        () -> {
          long inode = client.files().symlink(directory, name, target, true);
          names.changed(directory);
          Entry entry =
              Waiting.get(names.entry(inode, nodes.getOrNew(directory), null, System.nanoTime()));
          names.answer(request, directory, name, entry);
        });
  }

  void mknod(FuseRequest request, long parent, byte[] name, int mode) {
    if (Names.refuseLong(request, name)) {
      return;
    }
    if ((mode & Abi.S_IFMT) != Abi.S_IFREG) {
      request.error(Errno.EPERM);
      return;
    }
    long directory = Names.inode(parent);
    Waiting.later(
        request,
        () -> {
          try (FileWriter writer = client.files().create(directory, name)) {
            FileWriter.Committed made = writer.commitAs(directory, name, true);
            names.changed(directory);
            Node.FileFacts facts =
                new Node.FileFacts(0, made.creationTime(), made.creationTime(), System.nanoTime());
            names.answer(
                request,
                directory,
                name,
                new Entry(
                    made.id(),
                    names.nameLeft(facts.atNanos()),
                    names.attributesLeft(facts),
                    names.attributes(made.id(), facts)));
          }
        });
  }

  void mkdir(FuseRequest request, long parent, byte[] name) {
    if (Names.refuseLong(request, name)) {
      return;
    }
    long directory = Names.inode(parent);
    Waiting.later(
        request,
        () -> {
          long inode;
          try {
            inode = client.newNames().makeDirectory(directory, name);
          } finally {
            // Also when somebody else has made it: what was known of the name is wrong then.
            names.changed(directory);
          }
          Entry entry =
              Waiting.get(names.entry(inode, nodes.getOrNew(directory), null, System.nanoTime()));
          names.answer(request, directory, name, entry);
        });
  }

  void unlink(FuseRequest request, long parent, byte[] name) {
    long directory = Names.inode(parent);
    Waiting.later(
        request,
        () -> {
          WriteFile own = unfinished.own(request.pid(), directory, name);
          // What the servers have goes first: if that fails, nothing has happened.
          boolean removed = unlink(directory, name, own != null);
          if (own != null && !unfinished.unname(own, new Node.Place(directory, name)) && !removed) {
            // It has become complete meanwhile.
            unlink(directory, name, false);
          }
          request.ok();
        });
  }

  /**
   * Removes what is complete.
   *
   * @param mayBeMissing whether it is no error if there is nothing; the result is false then
   */
  private boolean unlink(long directory, byte[] name, boolean mayBeMissing)
      throws EggsException, IOException {
    try {
      unlink(directory, name);
      return true;
    } catch (EggsException e) {
      if (mayBeMissing && e.code() == ErrorCode.NAME_NOT_FOUND) {
        return false;
      }
      throw e;
    } finally {
      names.changed(directory);
    }
  }

  /** With what was just looked up; if that is not right any more, once more from the beginning. */
  private void unlink(long directory, byte[] name) throws EggsException, IOException {
    Node node = nodes.get(directory);
    Node.Edge edge = node == null ? null : node.edge(name);
    if (edge != null && edge.target() != InodeIds.NULL && !InodeIds.isDirectory(edge.target())) {
      try {
        client.inodes().unlink(directory, name, edge.target(), edge.creationTime());
        return;
      } catch (EggsException e) {
        if (e.code() == ErrorCode.TIMEOUT) {
          // It may have been done: once more would remove what has come since.
          throw e;
        }
        LOG.log(Level.DEBUG, "unlinking by a kept edge: {0}", e.code());
      }
    }
    client.inodes().unlink(directory, name);
  }

  void rmdir(FuseRequest request, long parent, byte[] name) {
    long directory = Names.inode(parent);
    Waiting.later(
        request,
        () -> {
          try {
            client.inodes().rmdir(directory, name);
          } finally {
            names.changed(directory);
          }
          request.ok();
        });
  }

  void rename(
      FuseRequest request,
      long oldParent,
      byte[] oldName,
      long newParent,
      byte[] newName,
      int flags) {
    if (Names.refuseLong(request, oldName) || Names.refuseLong(request, newName)) {
      return;
    }
    if ((flags & ~Abi.RENAME_NOREPLACE) != 0) {
      request.error(Errno.EINVAL);
      return;
    }
    long from = Names.inode(oldParent);
    long to = Names.inode(newParent);
    boolean replace = (flags & Abi.RENAME_NOREPLACE) == 0;
    Waiting.later(
        request,
        () -> {
          WriteFile own = unfinished.own(request.pid(), from, oldName);
          if (own == null) {
            rename(from, oldName, to, newName, replace, false);
          } else {
            renameUnfinished(own, from, oldName, to, newName, replace);
          }
          request.ok();
        });
  }

  /**
   * A complete version that a file being written is going to replace goes with it, so that the old
   * name is free and the new one leads to something until the file is complete.
   */
  private void renameUnfinished(
      WriteFile file, long from, byte[] oldName, long to, byte[] newName, boolean replace)
      throws EggsException, IOException {
    Unfinished.requireSameShard(file, to);
    boolean renamed = rename(from, oldName, to, newName, replace, true);
    if (!renamed && !replace && exists(to, newName)) {
      throw new ErrnoException(Errno.EEXIST, "the name exists");
    }
    boolean mustBeNew = !replace && !renamed;
    boolean moved =
        unfinished.move(
            file, new Node.Place(from, oldName), new Node.Place(to, newName), mustBeNew);
    if (!moved) {
      // It has become complete meanwhile, where it was.
      rename(from, oldName, to, newName, replace || renamed, false);
    }
  }

  /**
   * Renames what is complete.
   *
   * @param mayBeMissing whether it is no error if there is nothing; the result is false then
   */
  private boolean rename(
      long from, byte[] oldName, long to, byte[] newName, boolean replace, boolean mayBeMissing)
      throws EggsException, IOException {
    try {
      rename(from, oldName, to, newName, replace);
      return true;
    } catch (EggsException e) {
      if (mayBeMissing && e.code() == ErrorCode.NAME_NOT_FOUND) {
        return false;
      }
      throw e;
    } finally {
      names.changed(from);
      names.changed(to);
    }
  }

  private void rename(long from, byte[] oldName, long to, byte[] newName, boolean replace)
      throws EggsException, IOException {
    long moved;
    if (replace) {
      moved = client.inodes().lookup(from, oldName);
      try {
        client.inodes().rename(from, oldName, to, newName);
      } catch (EggsException e) {
        if (e.code() != ErrorCode.CANNOT_OVERRIDE_NAME) {
          throw e;
        }
        replaceDirectory(moved, from, oldName, to, newName);
      }
    } else {
      moved = client.newNames().rename(from, oldName, to, newName);
    }
    Node node = nodes.get(moved);
    if (node != null) {
      node.foundAt(to, newName);
    }
  }

  /** An empty directory may be replaced by another one; the server does that in two steps. */
  private void replaceDirectory(long moved, long from, byte[] oldName, long to, byte[] newName)
      throws EggsException, IOException {
    long present = client.inodes().lookup(to, newName);
    if (present == moved) {
      return;
    }
    if (!InodeIds.isDirectory(moved)) {
      throw new ErrnoException(Errno.EISDIR, "a directory has the name");
    }
    if (!InodeIds.isDirectory(present)) {
      throw new ErrnoException(Errno.ENOTDIR, "something that is no directory has the name");
    }
    client.inodes().rmdir(to, newName);
    client.inodes().rename(from, oldName, to, newName);
  }

  private boolean exists(long directory, byte[] name) throws EggsException, IOException {
    try {
      client.inodes().lookup(directory, name);
      return true;
    } catch (EggsException e) {
      if (e.code() == ErrorCode.NAME_NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /** Only a file without a name can get one, once (open(2), O_TMPFILE). */
  void link(FuseRequest request, long node, long newParent, byte[] newName) {
    if (Names.refuseLong(request, newName)) {
      return;
    }
    WriteFile file = unfinished.get(Names.inode(node));
    if (file == null || file.place() != null) {
      request.error(Errno.EPERM);
      return;
    }
    long directory = Names.inode(newParent);
    if (InodeIds.shard(directory) != InodeIds.shard(file.id())) {
      // The file is in the shard of the directory it was made in.
      request.error(Errno.EXDEV);
      return;
    }
    Waiting.later(
        request,
        () -> {
          unfinished.commitAs(file, new Node.Place(directory, newName));
          names.answer(request, directory, newName, names.entry(file));
        });
  }
}
