package org.eggsfs.fuse.fs;

import java.io.IOException;
import org.eggsfs.client.EggsClient;
import org.eggsfs.core.InodeIds;
import org.eggsfs.fuse.kernel.Abi;
import org.eggsfs.fuse.kernel.Errno;
import org.eggsfs.fuse.kernel.FuseRequest;
import org.eggsfs.fuse.kernel.SetAttributes;
import org.eggsfs.protocol.EggsException;

/** Looking things up, and what is known of them: attributes, permissions, targets of links. */
final class AttributeOperations {
  private static final byte[] NOTHING = new byte[0];

  private final EggsClient client;
  private final MountSettings settings;
  private final Nodes nodes;
  private final Names names;
  private final Unfinished unfinished;
  private final ExtendedAttributes extendedAttributes;

  AttributeOperations(
      EggsClient client, MountSettings settings, Names names, Unfinished unfinished) {
    this.client = client;
    this.settings = settings;
    this.nodes = names.nodes();
    this.names = names;
    this.unfinished = unfinished;
    this.extendedAttributes = new ExtendedAttributes(client);
  }

  void lookup(FuseRequest request, long parent, byte[] name) {
    if (Names.refuseLong(request, name)) {
      return;
    }
    long directory = Names.inode(parent);
    WriteFile fresh = unfinished.seenBy(request.pid(), directory, name);
    if (fresh != null) {
      names.answer(request, directory, name, names.entry(fresh));
      return;
    }
    Node parentNode = nodes.getOrNew(directory);
    long mark = parentNode.changes();
    Waiting.when(
        request,
        names.lookup(directory, name),
        entry ->
            names.answer(
                request,
                directory,
                name,
                parentNode.changes() != mark || unfinished.isPending(directory, name)
                    ? entry.withEntryNanos(0)
                    : entry));
  }

  void getAttributes(FuseRequest request, long node) {
    long inode = Names.inode(node);
    WriteFile file = unfinished.get(inode);
    if (file != null) {
      request.attributes(names.attributes(file), 0);
      return;
    }
    answerAttributes(request, inode);
  }

  private void answerAttributes(FuseRequest request, long inode) {
    if (InodeIds.isDirectory(inode)) {
      Waiting.when(
          request,
          names.directory(nodes.getOrNew(inode)),
          facts ->
              request.attributes(names.attributes(inode, facts), names.nameLeft(facts.atNanos())));
    } else {
      Waiting.when(
          request,
          names.file(inode),
          facts -> request.attributes(names.attributes(inode, facts), names.attributesLeft(facts)));
    }
  }

  void setAttributes(FuseRequest request, long node, SetAttributes change) {
    long inode = Names.inode(node);
    WriteFile unfinishedFile = unfinished.get(inode);
    if (unfinishedFile != null && changedAtOnce(unfinishedFile, change)) {
      request.attributes(names.attributes(unfinishedFile), 0);
      return;
    }
    Waiting.later(
        request,
        () -> {
          if (settings.strictPermissions()) {
            refuseOtherPermissions(inode, change);
          }
          WriteFile file = unfinished.get(inode);
          if (file != null && changed(file, change)) {
            request.attributes(names.attributes(file), 0);
            return;
          }
          if (change.has(Abi.FATTR_SIZE)
              && change.size() != Waiting.get(names.file(inode)).size()) {
            throw new ErrnoException(Errno.EPERM, "a complete file keeps its size");
          }
          if (!InodeIds.isDirectory(inode)) {
            setTimes(inode, change);
          }
          answerAttributes(request, inode);
        });
  }

  private void refuseOtherPermissions(long inode, SetAttributes change) throws ErrnoException {
    int permissions = names.mode(inode) & ~Abi.S_IFMT;
    boolean other =
        (change.has(Abi.FATTR_MODE) && (change.mode() & 07777) != permissions)
            || (change.has(Abi.FATTR_UID) && change.uid() != settings.uid())
            || (change.has(Abi.FATTR_GID) && change.gid() != settings.gid());
    if (other) {
      throw new ErrnoException(Errno.EPERM, "permissions and owners are the mount's");
    }
  }

  /** What archivers do to each file between writing and closing it; needs no waiting. */
  private boolean changedAtOnce(WriteFile file, SetAttributes change) {
    return !settings.strictPermissions()
        && !change.has(Abi.FATTR_SIZE)
        && file.setTimesAtOnce(mtime(change), atime(change));
  }

  /** Changes a file being written; false if it is complete by now. */
  private static boolean changed(WriteFile file, SetAttributes change) throws IOException {
    if (change.has(Abi.FATTR_SIZE)) {
      file.resize(change.size());
    }
    return file.setTimes(mtime(change), atime(change));
  }

  private static long mtime(SetAttributes change) {
    return change.has(Abi.FATTR_MTIME) ? Math.max(0, change.mtimeNanos()) : -1;
  }

  private static long atime(SetAttributes change) {
    return change.has(Abi.FATTR_ATIME) ? Math.max(0, change.atimeNanos()) : -1;
  }

  private void setTimes(long inode, SetAttributes change) throws EggsException, IOException {
    long mtime = mtime(change);
    long atime = atime(change);
    if (mtime < 0 && atime < 0) {
      return;
    }
    try {
      client.inodes().setTimes(inode, mtime, atime);
    } finally {
      // Also when nobody knows whether it has happened.
      Node known = nodes.get(inode);
      if (known != null) {
        known.fileChanged();
      }
    }
  }

  void access(FuseRequest request, long node, int mask) {
    long inode = Names.inode(node);
    int mode = names.mode(inode);
    int bits =
        request.uid() == settings.uid()
            ? mode >> 6
            : request.gid() == settings.gid() ? mode >> 3 : mode;
    if (request.uid() == 0) {
      // Root may all but execute what nobody may.
      bits = 6 | (InodeIds.isDirectory(inode) || (mode & 0111) != 0 ? 1 : 0);
    }
    request.error((mask & ~bits & 7) == 0 ? 0 : Errno.EACCES);
  }

  void readlink(FuseRequest request, long node) {
    Waiting.later(request, () -> request.bytes(client.files().readlink(Names.inode(node))));
  }

  void getExtendedAttribute(FuseRequest request, long node, String name, int size) {
    if (!ExtendedAttributes.isOurs(name)) {
      request.error(Errno.ENODATA);
      return;
    }
    long inode = Names.inode(node);
    Waiting.later(
        request,
        () -> {
          Node known = nodes.get(inode);
          long directory = known == null ? InodeIds.ROOT : known.place().directory();
          request.attributeValue(extendedAttributes.value(name, inode, directory), size);
        });
  }

  void listExtendedAttributes(FuseRequest request, int size) {
    request.attributeValue(NOTHING, size);
  }

  void changeExtendedAttribute(FuseRequest request) {
    request.error(Errno.EOPNOTSUPP);
  }
}
